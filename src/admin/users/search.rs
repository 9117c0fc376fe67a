//! Search: the users whose address or name begins with a text, page by page.
//!
//! Those whose address matches come first, by address; then the others whose name does, by name. Each page is read
//! from an index, from where the last one ended, so the thousandth costs what the first does, and users who come and
//! go meanwhile move nobody to another page.

use crate::{
    database::{Database, DatabaseError},
    models::{
        account::{Account, Stretch},
        user::User,
    },
};

/// The users that match, after this position; without a text, all by their ids.
///
/// # Errors
/// Those of the database.
pub async fn search(
    database: &Database,
    query: &Query,
    after: Option<&Position>,
    limit: usize,
) -> Result<Page, DatabaseError> {
    // One more than asked for tells whether there is another page.
    let wanted = limit.saturating_add(1);
    let mut found = match query {
        Query::All => all(database, after, wanted).await?,
        Query::Prefix(prefix) => matching(database, prefix, after, wanted).await?,
        Query::Nobody => Vec::new(),
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = if has_more { found.last().map(|(_, position)| position.clone()) } else { None };
    Ok(Page { users: found.into_iter().map(|(user, _)| user).collect(), next })
}

/// What is looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// Everybody.
    All,
    /// Whose address or name begins with this: printable ASCII in lowercase.
    Prefix(String),
    /// What no address and no name begins with.
    Nobody,
}

/// Some of the users that match.
#[derive(Debug)]
pub struct Page {
    /// The users.
    pub users: Vec<User>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

/// A user's place in the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Position {
    /// Among all, by id.
    Id(i64),
    /// Among those whose address matches, by address.
    Email(String),
    /// Among those whose name matches, by name.
    Username(String),
}

impl Query {
    /// Takes what somebody typed.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text.trim() {
            "" => Self::All,
            // Addresses and names consist of nothing else.
            text if text.bytes().all(|byte| byte.is_ascii_graphic()) => Self::Prefix(text.to_ascii_lowercase()),
            _ => Self::Nobody,
        }
    }

    /// The text, as a cursor is bound to it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All | Self::Nobody => "",
            Self::Prefix(prefix) => prefix,
        }
    }
}

impl Position {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, key) = text.split_once(':')?;
        match kind {
            "id" => key.parse().ok().map(Self::Id),
            "email" => Some(Self::Email(key.to_owned())),
            "username" => Some(Self::Username(key.to_owned())),
            _ => None,
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Email(email) => write!(f, "email:{email}"),
            Self::Username(name) => write!(f, "username:{name}"),
        }
    }
}

type Found = Vec<(User, Position)>;

async fn all(database: &Database, after: Option<&Position>, wanted: usize) -> Result<Found, DatabaseError> {
    let after = if let Some(Position::Id(id)) = after { *id } else { 0 };
    let users = Account::all_after(database, after, limit(wanted)).await?;
    Ok(users.into_iter().map(|user| (user.id.get(), user)).map(|(id, user)| (user, Position::Id(id))).collect())
}

async fn matching(
    database: &Database,
    prefix: &str,
    after: Option<&Position>,
    wanted: usize,
) -> Result<Found, DatabaseError> {
    let mut found = Vec::new();
    let (after_email, after_name) = match after {
        Some(Position::Username(name)) => (None, name.as_str()),
        Some(Position::Email(email)) => (Some(email.as_str()), ""),
        Some(Position::Id(_)) | None => (Some(""), ""),
    };
    if let Some(after) = after_email {
        let users = Account::by_email(database, Stretch { prefix, after, limit: limit(wanted) }).await?;
        let placed = |user: User| (Position::Email(user.email.as_str().to_owned()), user);
        found.extend(users.into_iter().map(placed).map(|(position, user)| (user, position)));
    }
    if found.len() < wanted {
        let stretch = Stretch { prefix, after: after_name, limit: limit(wanted - found.len()) };
        let users = Account::by_username(database, stretch).await?;
        let placed = |user: User| (Position::Username(user.username.key()), user);
        found.extend(users.into_iter().map(placed).map(|(position, user)| (user, position)));
    }
    Ok(found)
}

fn limit(wanted: usize) -> i64 {
    i64::try_from(wanted).unwrap_or(i64::MAX)
}
