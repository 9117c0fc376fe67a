//! Moving in: users of another program become users here.
//!
//! It knows no file formats: whoever calls it has parsed what they read. Moving in twice is moving in once, because an
//! address that is taken is left alone.

pub mod import;
