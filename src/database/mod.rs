//! The two database engines under one roof.
