//! `countersign user`: accounts, looked after from the command line, also while servers run.
//!
//! It calls the operations that `/admin/users` calls, and writes to the same audit log.

mod make;
mod password;
mod show;
mod who;

use std::{
    io::{self, IsTerminal, Write},
    num::NonZeroUsize,
    process::ExitCode,
};

use anyhow::bail;
use clap::Subcommand;

use self::who::WhoArgument;
pub(super) use self::who::find;
use super::{Declined, opened::Opened, settings::SettingsArguments};
use crate::{
    admin::users::{
        self, ChangeError, Changes, Seen,
        set_email::{self, SetEmailError},
    },
    audit::By,
    domain::{Email, Roles},
    models::user::User,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a user; the password is asked for
    #[command(after_help = "The address counts as confirmed.

Examples:
  countersign user create --email ada@example.com --username ada --role admin
  pass show ada | countersign user create --password-stdin \\
    --email ada@example.com --username ada")]
    Create(make::Arguments),
    /// List users, or those whose address or name begins with a text
    #[command(after_help = "Examples:\n  countersign user list\n  countersign user list ada --json")]
    List {
        /// What the address or the name begins with
        query: Option<String>,
        /// At most so many
        #[arg(long, default_value = "1000")]
        limit: NonZeroUsize,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a user
    #[command(after_help = "Example:\n  countersign user show ada@example.com")]
    Show {
        #[command(flatten)]
        who: WhoArgument,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep a user from signing in, and sign them out everywhere
    #[command(after_help = "Example:\n  countersign user disable ada@example.com")]
    Disable(WhoArgument),
    /// Let a user sign in again
    #[command(after_help = "Example:\n  countersign user enable ada@example.com")]
    Enable(WhoArgument),
    /// Set a user's password and sign them out everywhere; it is asked for
    #[command(after_help = "Example:\n  countersign user set-password ada@example.com")]
    SetPassword {
        #[command(flatten)]
        who: WhoArgument,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a user another address
    #[command(
        after_help = "For whoever has lost the mail of the old one. The address counts as confirmed: be sure whose it \
is. Links and codes that were mailed are worth nothing from then on; sessions go on (`user logout` ends them). No letter \
tells the old address.

Example:
  countersign user set-email ada ada@example.org"
    )]
    SetEmail {
        #[command(flatten)]
        who: WhoArgument,
        /// The address that signs in from then on
        #[arg(value_name = "ADDRESS")]
        email: String,
    },
    /// Say which roles a user has, instead of those they had
    #[command(after_help = "Who loses a role is signed out everywhere.

Examples:
  countersign user set-roles ada@example.com admin support
  countersign user set-roles ada@example.com            # none")]
    SetRoles {
        #[command(flatten)]
        who: WhoArgument,
        /// All of the user's roles
        roles: Vec<String>,
    },
    /// Delete a user and everything of theirs
    #[command(after_help = "Example:\n  countersign user delete ada@example.com --yes")]
    Delete {
        #[command(flatten)]
        who: WhoArgument,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List the open sessions of a user
    #[command(after_help = "Example:\n  countersign user sessions ada@example.com")]
    Sessions {
        #[command(flatten)]
        who: WhoArgument,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Sign a user out everywhere
    #[command(after_help = "Example:\n  countersign user logout ada@example.com")]
    Logout(WhoArgument),
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let makes = matches!(command, Command::Create(_));
        let opened = if makes { Opened::begin(settings).await? } else { Opened::open(settings).await? };
        match command {
            Command::Create(arguments) => make::create(&opened, arguments).await,
            Command::List { query, limit, json } => {
                show::list(&opened, query.as_deref().unwrap_or(""), (limit.get(), *json)).await
            }
            Command::Show { who, json } => show::one(&who.find(&opened).await?, *json),
            Command::Disable(who) => set_active(&opened, who, false).await,
            Command::Enable(who) => set_active(&opened, who, true).await,
            Command::SetPassword { who, password_stdin } => make::set_password(&opened, who, *password_stdin).await,
            Command::SetEmail { who, email } => set_email(&opened, who, email).await,
            Command::SetRoles { who, roles } => set_roles(&opened, who, roles).await,
            Command::Delete { who, yes } => delete(&opened, who, *yes).await,
            Command::Sessions { who, json } => show::sessions(&opened, &who.find(&opened).await?, *json).await,
            Command::Logout(who) => log_out(&opened, who).await,
        }
    })
}

async fn set_active(opened: &Opened, who: &WhoArgument, is_active: bool) -> anyhow::Result<ExitCode> {
    let changes = Changes { is_active: Some(is_active), ..Changes::default() };
    let done = if is_active { "may sign in" } else { "is disabled and signed out everywhere" };
    change(opened, who, &changes, |user| format!("{} {done}\n", named(user))).await
}

async fn set_email(opened: &Opened, who: &WhoArgument, email: &str) -> anyhow::Result<ExitCode> {
    let email = Email::parse(email)?;
    let user = who.find(opened).await?;
    let keys = opened.desk_keys().await?;
    let set = set_email::set_email(opened.desk(&keys), user.id, &email, By::cli()).await;
    let user = set.map_err(|error| match error {
        SetEmailError::NotFound | SetEmailError::Disabled | SetEmailError::Taken => {
            anyhow::Error::from(Declined(error.to_string()))
        }
        SetEmailError::Database(error) => error.into(),
    })?;
    super::answer(format!("{} signs in with that address\n", named(&user)).as_bytes())
}

async fn set_roles(opened: &Opened, who: &WhoArgument, roles: &[String]) -> anyhow::Result<ExitCode> {
    let changes = Changes { roles: Some(Roles::parse(roles.iter().map(String::as_str))?), ..Changes::default() };
    let done = |user: &User| match user.roles.to_string().as_str() {
        "" => format!("{} has no roles\n", named(user)),
        roles => format!("{} has the roles: {roles}\n", named(user)),
    };
    change(opened, who, &changes, done).await
}

async fn change(
    opened: &Opened,
    who: &WhoArgument,
    changes: &Changes,
    done: impl FnOnce(&User) -> String,
) -> anyhow::Result<ExitCode> {
    let user = who.find(opened).await?;
    let keys = opened.desk_keys().await?;
    let account = users::change(opened.desk(&keys), user.id, changes, (&Seen::Any, By::cli())).await;
    super::answer(done(&account.map_err(declined)?.user).as_bytes())
}

async fn delete(opened: &Opened, who: &WhoArgument, is_sure: bool) -> anyhow::Result<ExitCode> {
    let user = who.find(opened).await?;
    if !is_sure && !agrees(&format!("Delete {} and everything of theirs? [y/N] ", named(&user)))? {
        bail!(Declined("nothing was deleted".to_owned()));
    }
    let keys = opened.desk_keys().await?;
    users::delete(opened.desk(&keys), user.id, (&Seen::Any, By::cli())).await.map_err(declined)?;
    super::answer(format!("{} is deleted\n", named(&user)).as_bytes())
}

async fn log_out(opened: &Opened, who: &WhoArgument) -> anyhow::Result<ExitCode> {
    let user = who.find(opened).await?;
    let keys = opened.desk_keys().await?;
    let ended = users::log_out(opened.desk(&keys), user.id, By::cli()).await.map_err(declined)?;
    super::answer(format!("{} is signed out; sessions ended: {ended}\n", named(&user)).as_bytes())
}

/// Why an account was not changed: an answer, unless the database failed.
fn declined(error: ChangeError) -> anyhow::Error {
    match error {
        ChangeError::NotFound | ChangeError::Outdated | ChangeError::LastAdmin => Declined(error.to_string()).into(),
        ChangeError::Database(error) => error.into(),
    }
}

/// Asks at the terminal.
fn agrees(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("there is nobody to ask whether that is meant; say --yes");
    }
    eprint!("{question}");
    io::stderr().flush()?;
    let mut reply = String::new();
    io::stdin().read_line(&mut reply)?;
    Ok(["y", "yes"].contains(&reply.trim().to_ascii_lowercase().as_str()))
}

fn named(user: &User) -> String {
    format!("{} <{}>", user.username.as_str(), user.email.as_str())
}
