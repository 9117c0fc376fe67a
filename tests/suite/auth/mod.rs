//! One file for each feature.

mod attacks;
mod change_password;
mod limits;
mod limits_failures;
mod login;
mod logout;
mod me;
mod me_changes;
mod refresh;
mod register;
mod sessions;
mod token;
