//! Passwords, typed unseen or read from a pipe.

use std::io;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::{
    cli::Declined,
    domain::{NewPassword, Owner, Password},
};

/// Reads a new password for this owner: at the terminal, twice, or the first line of standard input. Declines one that
/// cannot be taken.
pub(super) fn read(from_stdin: bool, owner: Owner<'_>) -> anyhow::Result<NewPassword> {
    let typed = if from_stdin { first_line()? } else { typed_twice()? };
    Ok(NewPassword::parse(typed, owner).map_err(|error| Declined(error.to_string()))?)
}

fn first_line() -> anyhow::Result<Password> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("standard input holds no text")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(Password::presented(line))
}

fn typed_twice() -> anyhow::Result<Password> {
    let first = Zeroizing::new(typed("Password: ")?);
    let again = Zeroizing::new(typed("Again: ")?);
    if first != again {
        bail!(Declined("the two passwords differ".to_owned()));
    }
    Ok(Password::presented(first.as_str().to_owned()))
}

fn typed(prompt: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
        // The end of the input, typed: the line is not ended yet.
        io::ErrorKind::UnexpectedEof => {
            eprintln!();
            Declined("no password was typed".to_owned()).into()
        }
        _ => anyhow::Error::new(error).context("there is no terminal to type a password at; give --password-stdin"),
    })
}
