//! Which user is meant: by address, by name or by number.

use clap::Args;

use crate::{
    cli::{Declined, opened::Opened},
    domain::{Email, UserId, Username},
    models::user::User,
};

/// Which user.
#[derive(Args, Debug)]
pub(in crate::cli) struct WhoArgument {
    /// The user's address, name or number
    #[arg(value_name = "USER")]
    who: String,
}

impl WhoArgument {
    /// Finds the user. What has an `@` is an address; a number may also be somebody's name, and then says too little.
    pub(in crate::cli) async fn find(&self, opened: &Opened) -> anyhow::Result<User> {
        find(opened, &self.who).await
    }
}

/// Finds the user that this names; declines if it names nobody, or two.
pub(in crate::cli) async fn find(opened: &Opened, who: &str) -> anyhow::Result<User> {
    let [by_email, by_name, by_number] = if who.contains('@') {
        [by_email(opened, who).await?, None, None]
    } else {
        [None, by_name(opened, who).await?, by_number(opened, who).await?]
    };
    let mut found = by_email.into_iter().chain(by_name).chain(by_number);
    match (found.next(), found.next()) {
        (Some(user), None) => Ok(user),
        (Some(one), Some(other)) if one.id == other.id => Ok(one),
        (Some(_), Some(_)) => {
            Err(Declined(format!("{who} is one user's name and another's number; give an address")).into())
        }
        (None, _) => Err(Declined(format!("there is no user {who}")).into()),
    }
}

async fn by_email(opened: &Opened, who: &str) -> anyhow::Result<Option<User>> {
    let Ok(email) = Email::parse(who) else { return Ok(None) };
    Ok(User::find_by_email(&opened.database, &email).await?)
}

async fn by_name(opened: &Opened, who: &str) -> anyhow::Result<Option<User>> {
    let Ok(name) = Username::parse(who) else { return Ok(None) };
    Ok(User::find_by_username(&opened.database, &name).await?)
}

async fn by_number(opened: &Opened, who: &str) -> anyhow::Result<Option<User>> {
    let Ok(id) = who.parse::<UserId>() else { return Ok(None) };
    Ok(User::find(&opened.database, id).await?)
}
