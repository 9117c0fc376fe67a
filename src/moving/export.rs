//! Export: every user, in stretches, with a note that they were written out.

use crate::{
    audit::{self, By, Event, Kind, Scribe},
    database::{Database, DatabaseError},
    domain::UserId,
    models::user::User,
};

/// Whether what passwords are checked against goes along.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hashes {
    /// It does.
    Included,
    /// It does not.
    LeftOut,
}

/// An export that is under way.
pub struct Export<'a> {
    database: &'a Database,
    after: Option<UserId>,
}

impl<'a> Export<'a> {
    /// Begins, and writes down that somebody at the command line has all users, before they have any.
    ///
    /// # Errors
    /// The database's; then nobody may be given out.
    pub async fn begin(database: &'a Database, scribe: Scribe<'_>, hashes: Hashes) -> Result<Self, DatabaseError> {
        let event = Event::new(Kind::Exported, By::cli()).with("hashes", hashes == Hashes::Included);
        audit::record(&mut database.once(), scribe, event).await?;
        Ok(Self { database, after: None })
    }

    /// The next users in the order of their ids; none at the end.
    ///
    /// # Errors
    /// The database's.
    pub async fn next(&mut self) -> Result<Vec<User>, DatabaseError> {
        let stretch = User::stretch(self.database, self.after, STRETCH).await?;
        self.after = stretch.last().map(|user| user.id).or(self.after);
        Ok(stretch)
    }
}

/// Users that are read at once: a few hundred KiB.
const STRETCH: i64 = 1_000;
