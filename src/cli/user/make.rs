//! `countersign user create` and `set-password`.

use std::process::ExitCode;

use clap::Args;

use super::{declined, named, password, show, who::WhoArgument};
use crate::{
    admin::users::create::{self, CreateError, NewAccount, SetPasswordError},
    audit::By,
    cli::{Declined, answer, opened::Opened},
    domain::{Email, Owner, Roles, Username},
};

/// Who is to be a user.
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// The address that signs in
    #[arg(long)]
    email: String,
    /// The name
    #[arg(long)]
    username: String,
    /// A role; may be repeated
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Answer with the user as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn create(opened: &Opened, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (email, username) = (Email::parse(&arguments.email)?, Username::parse(&arguments.username)?);
    let roles = Roles::parse(arguments.role.iter().map(String::as_str))?;
    // Before a password is typed, twice, for nothing.
    create::check_free(&opened.database, &email, &username).await.map_err(not_made)?;
    let owner = Owner { username: Some(&username), email: Some(&email) };
    let password = password::read(arguments.password_stdin, owner)?;
    let new = NewAccount { email, username, password, roles };
    let (keys, hasher) = (opened.desk_keys().await?, opened.hasher()?);
    let made = create::create(opened.desk(&keys), &hasher, &new, By::cli()).await;
    show::one(&made.map_err(not_made)?, arguments.json)
}

pub(super) async fn set_password(opened: &Opened, who: &WhoArgument, from_stdin: bool) -> anyhow::Result<ExitCode> {
    let user = who.find(opened).await?;
    let owner = Owner { username: Some(&user.username), email: Some(&user.email) };
    let password = password::read(from_stdin, owner)?;
    let (keys, hasher) = (opened.desk_keys().await?, opened.hasher()?);
    let set = create::set_password(opened.desk(&keys), &hasher, (user.id, &password), By::cli()).await;
    let ended = set.map_err(not_set)?;
    answer(format!("{} has another password; sessions ended: {ended}\n", named(&user)).as_bytes())
}

fn not_made(error: CreateError) -> anyhow::Error {
    match error {
        CreateError::EmailTaken | CreateError::UsernameTaken => Declined(error.to_string()).into(),
        CreateError::Overloaded(_) | CreateError::Database(_) => error.into(),
    }
}

fn not_set(error: SetPasswordError) -> anyhow::Error {
    match error {
        SetPasswordError::Change(error) => declined(error),
        SetPasswordError::Overloaded(_) | SetPasswordError::Database(_) => error.into(),
    }
}
