//! One file for each feature.

mod attacks;
mod breached;
mod change_email;
mod change_password;
mod code_pages;
mod codes;
mod concealed;
mod concealed_time;
mod imported;
mod limits;
mod limits_failures;
mod login;
mod logout;
mod me;
mod me_changes;
mod notices;
mod overloaded;
mod refresh;
mod register;
mod reset_password;
mod sessions;
mod token;
mod verify_email;
