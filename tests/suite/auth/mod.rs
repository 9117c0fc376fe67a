//! One file for each feature.

mod login;
mod me;
mod register;
