//! Words that cannot be wrong: parsed once, then trusted.
