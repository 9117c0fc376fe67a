//! Audit anchors: the two ends of the chain of audit events.
//!
//! The base is the last event that was forgotten, or nothing at place 0; the head is the last that was chained.

use crate::database::{DatabaseError, FromRow, Reads, Row, Statement, Writes};

/// An end of the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditAnchor {
    /// The place.
    pub place: i64,
    /// The link at this place.
    pub link: Vec<u8>,
    /// The mark over both.
    pub tag: Vec<u8>,
}

/// Which end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The older.
    Base,
    /// The newer.
    Head,
}

static FIND: Statement = Statement::new(
    "select place, link, tag
       from audit_anchors
      where name = $1",
);

static HOLD: Statement = Statement::new(
    "update audit_anchors
        set place = place
      where name = $1
  returning place, link, tag",
);

// Only where there is no chain yet: a lost anchor must not be replaced by one that hides the loss.
static BEGIN: Statement = Statement::new(
    "insert into audit_anchors (name, place, link, tag)
     select $1, 0, $2, $3
      where not exists (select 1 from audit_events where place > 0)
     on conflict do nothing",
);

static MOVE: Statement = Statement::new(
    "update audit_anchors
        set place = $2, link = $3, tag = $4
      where name = $1",
);

impl AuditAnchor {
    /// An end of the chain; `None` before anything was chained.
    pub async fn find(read: impl Reads, end: End) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND, &[end.name().into()]).await
    }

    /// An end of the chain, kept as it is until the transaction ends; others who hold it wait.
    pub async fn hold(write: impl Writes, end: End) -> Result<Option<Self>, DatabaseError> {
        write.optional(&HOLD, &[end.name().into()]).await
    }

    /// Puts an end at place 0, unless there is one, or something is chained already.
    pub async fn begin(&self, write: impl Writes, end: End) -> Result<(), DatabaseError> {
        write.execute(&BEGIN, &[end.name().into(), (&self.link).into(), (&self.tag).into()]).await.map(drop)
    }

    /// Moves an end here.
    pub async fn set(&self, write: impl Writes, end: End) -> Result<(), DatabaseError> {
        let values = [end.name().into(), self.place.into(), (&self.link).into(), (&self.tag).into()];
        write.execute(&MOVE, &values).await.map(drop)
    }
}

impl End {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }
}

impl FromRow for AuditAnchor {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self { place: row.get(0)?, link: row.get(1)?, tag: row.get(2)? })
    }
}
