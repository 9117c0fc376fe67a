//! Jobs: what has to be done after a fact, one row each from the fact until it is done.
//!
//! A worker takes what is due for the time of a lease, in one statement; what a dead node had taken is due again when
//! the lease ends. The number of attempts is the fence: a worker whose lease has ended changes nothing any more.

use super::columns::word;
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::Timestamp,
};

/// A job as people may see it: without its payload.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number; never used twice.
    pub id: i64,
    /// Which worker does it.
    pub kind: Kind,
    /// What it is: the name of the letter.
    pub about: String,
    /// Where it stands.
    pub state: State,
    /// How often it was taken.
    pub attempts: i64,
    /// When it is due; of a running job, when its lease ends; of a dead one, when it died.
    pub due_at: Timestamp,
    /// The first failure after this is the last.
    pub give_up_at: Timestamp,
    /// When the fact happened that it follows.
    pub created_at: Timestamp,
    /// What kept the last attempt from success.
    pub last_error: Option<String>,
}

/// Which worker does a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Sends a letter.
    Mail,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// For its time to come.
    Waiting,
    /// A worker has it, until its lease ends.
    Running,
    /// It was given up; somebody may look at it and try it again.
    Dead,
}

/// What a new job is made of.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Which worker does it.
    pub kind: Kind,
    /// What it is, for people.
    pub about: &'a str,
    /// What the worker needs, sealed.
    pub sealed_payload: &'a [u8],
    /// Now; it is due at once.
    pub created_at: Timestamp,
    /// The first failure after this is the last.
    pub give_up_at: Timestamp,
}

/// A job that a worker has taken, until its lease ends.
pub struct Leased {
    /// Its number.
    pub id: i64,
    /// How often it was taken, this time included.
    pub attempts: i64,
    /// What the worker needs, sealed.
    pub sealed_payload: Vec<u8>,
    /// The first failure after this is the last.
    pub give_up_at: Timestamp,
    /// When the fact happened that it follows.
    pub created_at: Timestamp,
}

/// The payload of a job, as it is sealed.
pub struct Sealed {
    /// The job's number.
    pub id: i64,
    /// Which worker does it; also what it is sealed for.
    pub kind: Kind,
    /// The sealed bytes.
    pub payload: Vec<u8>,
}

/// How many to take, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// At most this many.
    pub count: i64,
    /// Now: what is due.
    pub now: Timestamp,
    /// When others may take them.
    pub until: Timestamp,
}

static INSERT: Statement = Statement::new(
    "insert into jobs
            (kind, about, sealed_payload, state, due_at, give_up_at, created_at)
     values ($1, $2, $3, 'waiting', $4, $5, $4)",
);

static FIND_DUE: Statement = Statement::new(
    "select id
       from jobs
      where state <> 'dead'
        and due_at <= $1
      order by due_at
      limit 1",
);

static TAKE: Statement = Statement::new(
    "with due as (
            select id
              from jobs
             where state <> 'dead'
               and due_at <= $1
             order by due_at, id
             limit $3
               for update skip locked)
     update jobs
        set state = 'running', attempts = attempts + 1, due_at = $2
      where id in (select id from due)
  returning id, attempts, sealed_payload, give_up_at, created_at",
);

static FINISH: Statement = Statement::new(
    "delete from jobs
      where id = $1
        and attempts = $2
        and state = 'running'",
);

static LEAVE: Statement = Statement::new(
    "update jobs
        set state = $3, due_at = $4, last_error = $5
      where id = $1
        and attempts = $2
        and state = 'running'",
);

static LIST: Statement = Statement::new(
    "select id, kind, about, state, attempts, due_at, give_up_at, created_at, last_error
       from jobs
      where id > $1
      order by id
      limit $2",
);

static RETRY: Statement = Statement::new(
    "update jobs
        set state = 'waiting', due_at = $2, give_up_at = $3
      where id = $1
        and state <> 'running'",
);

static RETRY_DEAD: Statement = Statement::new(
    "update jobs
        set state = 'waiting', due_at = $1, give_up_at = $2
      where state = 'dead'",
);

static DELETE: Statement = Statement::new(
    "delete from jobs
      where id = $1",
);

static DELETE_DEAD: Statement = Statement::new(
    "delete from jobs
      where state = 'dead'
        and due_at < $1",
);

static SEALED: Statement = Statement::new(
    "select id, kind, sealed_payload
       from jobs
      where id > $1
      order by id
      limit $2",
);

static RESEAL: Statement = Statement::new(
    "update jobs
        set sealed_payload = $3
      where id = $1
        and sealed_payload = $2",
);

impl Job {
    /// Writes down a job, due at once.
    pub async fn insert(write: impl Writes, new: &NewJob<'_>) -> Result<(), DatabaseError> {
        let values = [
            new.kind.as_str().into(),
            new.about.into(),
            new.sealed_payload.into(),
            new.created_at.into(),
            new.give_up_at.into(),
        ];
        write.execute(&INSERT, &values).await.map(drop)
    }

    /// Whether any job is due: a read, so that idle workers write nothing.
    pub async fn any_due(read: impl Reads, now: Timestamp) -> Result<bool, DatabaseError> {
        Ok(read.optional::<i64>(&FIND_DUE, &[now.into()]).await?.is_some())
    }

    /// Takes the jobs that have been due longest. No two workers take the same, and none waits for another.
    pub async fn take(write: impl Writes, lease: Lease) -> Result<Vec<Leased>, DatabaseError> {
        write.all(&TAKE, &[lease.now.into(), lease.until.into(), lease.count.into()]).await
    }

    /// The next jobs after the number `after`, in their order.
    pub async fn list(read: impl Reads, after: i64, limit: i64) -> Result<Vec<Self>, DatabaseError> {
        read.all(&LIST, &[after.into(), limit.into()]).await
    }

    /// Makes a job due now, dead or not; false if there is none, or a worker has it.
    pub async fn retry(
        write: impl Writes,
        id: i64,
        (now, give_up_at): (Timestamp, Timestamp),
    ) -> Result<bool, DatabaseError> {
        Ok(write.execute(&RETRY, &[id.into(), now.into(), give_up_at.into()]).await? == 1)
    }

    /// Makes every dead job due now; says how many.
    pub async fn retry_dead(
        write: impl Writes,
        (now, give_up_at): (Timestamp, Timestamp),
    ) -> Result<u64, DatabaseError> {
        write.execute(&RETRY_DEAD, &[now.into(), give_up_at.into()]).await
    }

    /// Deletes a job, done or not; false if there is none.
    pub async fn delete(write: impl Writes, id: i64) -> Result<bool, DatabaseError> {
        Ok(write.execute(&DELETE, &[id.into()]).await? == 1)
    }

    /// Deletes the jobs that died before this; says how many.
    pub async fn delete_dead(write: impl Writes, died_before: Timestamp) -> Result<u64, DatabaseError> {
        write.execute(&DELETE_DEAD, &[died_before.into()]).await
    }

    /// The next payloads after the number `after`, as they are sealed.
    pub async fn sealed(read: impl Reads, after: i64, limit: i64) -> Result<Vec<Sealed>, DatabaseError> {
        read.all(&SEALED, &[after.into(), limit.into()]).await
    }
}

impl Sealed {
    /// Replaces the payload by the same under another seal; false if it is gone, or another node was first.
    pub async fn reseal(&self, write: impl Writes, sealed: &[u8]) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), self.payload.as_slice().into(), sealed.into()];
        Ok(write.execute(&RESEAL, &values).await? == 1)
    }
}

impl Leased {
    /// Deletes the job, because it is done; false if the lease had ended and somebody else has it.
    pub async fn finish(&self, write: impl Writes) -> Result<bool, DatabaseError> {
        Ok(write.execute(&FINISH, &[self.id.into(), self.attempts.into()]).await? == 1)
    }

    /// Gives the job back until `due_at`; false if the lease had ended.
    pub async fn postpone(&self, write: impl Writes, due_at: Timestamp, why: &str) -> Result<bool, DatabaseError> {
        self.leave(write, State::Waiting, (due_at, why)).await
    }

    /// Gives the job up; false if the lease had ended.
    pub async fn bury(&self, write: impl Writes, now: Timestamp, why: &str) -> Result<bool, DatabaseError> {
        self.leave(write, State::Dead, (now, why)).await
    }

    async fn leave(
        &self,
        write: impl Writes,
        state: State,
        (at, why): (Timestamp, &str),
    ) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), self.attempts.into(), state.as_str().into(), at.into(), why.into()];
        Ok(write.execute(&LEAVE, &values).await? == 1)
    }
}

impl Kind {
    /// The name in rows and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
        }
    }

    /// What its payloads are sealed for.
    #[must_use]
    pub const fn seal_name(self) -> &'static str {
        match self {
            Self::Mail => "job/mail",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        (text == Self::Mail.as_str()).then_some(Self::Mail)
    }
}

impl State {
    /// The name in rows and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Dead].into_iter().find(|state| state.as_str() == text)
    }
}

fn unknown(column: &str) -> DatabaseError {
    DatabaseError::Other(format!("a job of a {column} that this version does not know"))
}

impl FromRow for Sealed {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        let kind = Kind::parse(&row.get::<String>(1)?).ok_or_else(|| unknown("kind"))?;
        Ok(Self { id: row.get(0)?, kind, payload: row.get(2)? })
    }
}

impl FromRow for Job {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.get(0)?,
            kind: Kind::parse(&row.get::<String>(1)?).ok_or_else(|| unknown("kind"))?,
            about: row.get(2)?,
            state: State::parse(&row.get::<String>(3)?).ok_or_else(|| unknown("state"))?,
            attempts: row.get(4)?,
            due_at: word(row, 5)?,
            give_up_at: word(row, 6)?,
            created_at: word(row, 7)?,
            last_error: row.get(8)?,
        })
    }
}

impl FromRow for Leased {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.get(0)?,
            attempts: row.get(1)?,
            sealed_payload: row.get(2)?,
            give_up_at: word(row, 3)?,
            created_at: word(row, 4)?,
        })
    }
}
