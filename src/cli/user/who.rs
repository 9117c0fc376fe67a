//! Which user is meant: by address, by name or by number.

use super::WhoArgument;
use crate::{
    cli::opened::Opened,
    domain::{Email, UserId, Username},
    models::user::User,
};

/// Who was found.
pub(super) enum Who {
    /// This one.
    User(Box<User>),
    /// Nobody, or nobody in particular, and why.
    Nobody(String),
}

impl WhoArgument {
    /// Finds the user. What has an `@` is an address; a number may also be somebody's name, and then says too little.
    pub(super) async fn find(&self, opened: &Opened) -> anyhow::Result<Who> {
        let who = self.who.as_str();
        if who.contains('@') {
            let email = Email::parse(who).ok();
            let found = match &email {
                Some(email) => User::find_by_email(&opened.database, email).await?,
                None => None,
            };
            return Ok(self.only([found]));
        }
        let by_name = match Username::parse(who) {
            Ok(name) => User::find_by_username(&opened.database, &name).await?,
            Err(_) => None,
        };
        let by_number = match who.parse::<UserId>() {
            Ok(id) => User::find(&opened.database, id).await?,
            Err(_) => None,
        };
        Ok(self.only([by_name, by_number]))
    }

    fn only<const N: usize>(&self, found: [Option<User>; N]) -> Who {
        let who = &self.who;
        let mut found = found.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(user), None) => Who::User(Box::new(user)),
            (Some(one), Some(other)) if one.id == other.id => Who::User(Box::new(one)),
            (Some(_), Some(_)) => {
                Who::Nobody(format!("{who} is one user's name and another's number; give an address"))
            }
            (None, _) => Who::Nobody(format!("there is no user {who}")),
        }
    }
}
