//! Passwords, typed unseen or read from a pipe.

use std::io;

use anyhow::Context;

use crate::domain::{NewPassword, Owner, Password};

/// Reads a new password for this owner: at the terminal, twice, or the first line of standard input.
///
/// The inner error says why it cannot be taken.
pub(super) fn read(from_stdin: bool, owner: Owner<'_>) -> anyhow::Result<Result<NewPassword, String>> {
    let typed = if from_stdin { first_line()? } else { typed_twice()? };
    Ok(typed.and_then(|typed| NewPassword::parse(typed, owner).map_err(|error| error.to_string())))
}

fn first_line() -> anyhow::Result<Result<Password, String>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("standard input holds no text")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(Ok(Password::presented(line)))
}

fn typed_twice() -> anyhow::Result<Result<Password, String>> {
    const NO_TERMINAL: &str = "there is no terminal to type a password at; give --password-stdin";
    let first = rpassword::prompt_password("Password: ").context(NO_TERMINAL)?;
    let again = zeroize::Zeroizing::new(rpassword::prompt_password("Again: ").context(NO_TERMINAL)?);
    if first == *again {
        return Ok(Ok(Password::presented(first)));
    }
    drop(Password::presented(first));
    Ok(Err("these are two passwords".to_owned()))
}
