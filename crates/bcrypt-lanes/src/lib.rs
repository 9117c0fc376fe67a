//! bcrypt for up to four passwords at once on one core.
