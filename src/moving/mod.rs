//! Moving in and out: users of another program become users here, and leave as lines of a file.
//!
//! It knows no file formats: whoever calls it has parsed what they read. Moving in twice is moving in once, because an
//! address that is taken is left alone.

pub mod export;
pub mod import;
