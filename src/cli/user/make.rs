//! `countersign user create` and `set-password`.

use std::process::ExitCode;

use clap::Args;

use super::{WhoArgument, named, password, refused, show, who::Who};
use crate::{
    admin::users::create::{self, CreateError, NewAccount, SetPasswordError},
    audit::By,
    cli::{opened::Opened, refuse},
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
    let owner = Owner { username: Some(&username), email: Some(&email) };
    let password = match password::read(arguments.password_stdin, owner)? {
        Ok(password) => password,
        Err(reason) => return Ok(refuse(&reason)),
    };
    let new = NewAccount { email, username, password, roles };
    let (trail, hasher) = (opened.trail().await?, opened.hasher()?);
    match create::create(opened.desk(&trail), &hasher, &new, By::cli()).await {
        Ok(user) => show::one(&user, arguments.json),
        Err(error @ (CreateError::EmailTaken | CreateError::UsernameTaken)) => Ok(refuse(&error.to_string())),
        Err(error @ (CreateError::Overloaded(_) | CreateError::Database(_))) => Err(error.into()),
    }
}

pub(super) async fn set_password(opened: &Opened, who: &WhoArgument, from_stdin: bool) -> anyhow::Result<ExitCode> {
    let user = match who.find(opened).await? {
        Who::User(user) => user,
        Who::Nobody(reason) => return Ok(refuse(&reason)),
    };
    let owner = Owner { username: Some(&user.username), email: Some(&user.email) };
    let password = match password::read(from_stdin, owner)? {
        Ok(password) => password,
        Err(reason) => return Ok(refuse(&reason)),
    };
    let (trail, hasher) = (opened.trail().await?, opened.hasher()?);
    match create::set_password(opened.desk(&trail), &hasher, (user.id, &password), By::cli()).await {
        Ok(ended) => {
            let told = format!("{} has another password; sessions ended: {ended}\n", named(&user));
            crate::cli::answer(told.as_bytes())
        }
        Err(SetPasswordError::Change(error)) => refused(error),
        Err(error @ (SetPasswordError::Overloaded(_) | SetPasswordError::Database(_))) => Err(error.into()),
    }
}
