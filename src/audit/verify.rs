//! Verify: read the whole log and say what does not fit.
//!
//! It finds an event that was altered, added, removed or moved by anybody who has the database and not the root
//! secret. Whoever puts back an older state of the whole database, log and all, is only found out by a head that was
//! kept elsewhere.

use super::chain;
use crate::{
    crypto::mac::MacKey,
    database::{Database, DatabaseError},
    models::{
        audit_anchor::{AuditAnchor, End},
        audit_event::AuditEvent,
    },
};

/// How many events are read at a time.
const STRETCH: i64 = 1_000;

/// How many faults are told; after so many the rest says nothing new.
const FAULTS_MAX: usize = 100;

/// Reads the log from the base of the chain to its head, and what waits to be chained; also while servers run.
///
/// # Errors
/// Those of the database.
pub async fn verify(database: &Database, key: &MacKey, kept: Option<&Kept>) -> Result<Report, DatabaseError> {
    loop {
        let base = AuditAnchor::find(database, End::Base).await?;
        let report = Walk::begin(key, kept).through(database, base.clone()).await?;
        // Retention may have taken events away from under the walk: what is missing then is looked for again.
        if report.faults.is_empty() || AuditAnchor::find(database, End::Base).await? == base {
            return Ok(report);
        }
    }
}

/// A head of the chain that was written down elsewhere, earlier.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Its place.
    pub place: i64,
    /// Its link.
    pub link: Vec<u8>,
}

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many events of the chain were read.
    pub chained: u64,
    /// How many wait for their place.
    pub waiting: u64,
    /// Where the chain ends: worth keeping elsewhere.
    pub head: Option<Kept>,
    /// What does not fit, as far as it is told.
    pub faults: Vec<Fault>,
}

/// Something that does not fit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// An end of the chain is gone, or was altered.
    #[error("the {} of the chain was removed or altered", .0.name())]
    Anchor(End),
    /// The event is not as it was written.
    #[error("event {id} was altered, or written by somebody else")]
    Altered {
        /// Its key.
        id: i64,
    },
    /// Events are missing.
    #[error("{}", removed(*from, *to))]
    Removed {
        /// The first that is missing.
        from: i64,
        /// The last.
        to: i64,
    },
    /// The event does not follow from the one before it.
    #[error("event {id} at place {place} does not follow from the one before it: one of them was moved or replaced")]
    Moved {
        /// Its key.
        id: i64,
        /// Its place.
        place: i64,
    },
    /// The chain is another one than that of the head that was kept.
    #[error(
        "place {place} is not what it was when the head was kept: an older state was put back, or a chain made anew"
    )]
    Kept {
        /// The place of the kept head.
        place: i64,
    },
}

fn removed(from: i64, to: i64) -> String {
    if from == to {
        format!("the event at place {from} was removed")
    } else {
        format!("the events at places {from} to {to} were removed")
    }
}

struct Walk<'a> {
    key: &'a MacKey,
    kept: Option<&'a Kept>,
    report: Report,
    place: i64,
    link: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn begin(key: &'a MacKey, kept: Option<&'a Kept>) -> Self {
        Self { key, kept, report: Report::default(), place: 0, link: Vec::new() }
    }

    async fn through(mut self, database: &Database, base: Option<AuditAnchor>) -> Result<Report, DatabaseError> {
        let head = AuditAnchor::find(database, End::Head).await?;
        let is_empty = base.is_none() && head.is_none() && AuditEvent::chained(database, 0, 1).await?.is_empty();
        if !is_empty {
            self.start(base);
            self.follow(database, head.as_ref().map_or(i64::MAX, |head| head.place)).await?;
            self.finish(head);
        }
        self.look_at_waiting(database).await?;
        self.compare_kept();
        Ok(self.report)
    }

    fn start(&mut self, base: Option<AuditAnchor>) {
        match base {
            Some(base) if chain::is_ours(self.key, End::Base, &base) => {
                self.place = base.place;
                self.link = base.link;
            }
            _ => self.fault(Fault::Anchor(End::Base)),
        }
        self.meet_kept();
    }

    async fn follow(&mut self, database: &Database, last: i64) -> Result<(), DatabaseError> {
        loop {
            let stretch = AuditEvent::chained(database, self.place, STRETCH).await?;
            let mut is_over = true;
            for event in stretch.iter().filter(|event| event.place.is_some_and(|place| place <= last)) {
                self.step(event);
                is_over = false;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn step(&mut self, event: &AuditEvent) {
        let Some(place) = event.place else { return };
        let link = event.link.clone().unwrap_or_default();
        if !chain::has_written(self.key, event) {
            self.fault(Fault::Altered { id: event.id });
        }
        let expected = self.place.saturating_add(1);
        if place != expected {
            self.fault(Fault::Removed { from: expected, to: place.saturating_sub(1) });
        } else if chain::link(self.key, &self.link, place, event).as_slice() != link {
            self.fault(Fault::Moved { id: event.id, place });
        }
        (self.place, self.link) = (place, link);
        self.report.chained += 1;
        self.meet_kept();
    }

    fn finish(&mut self, head: Option<AuditAnchor>) {
        match head {
            Some(head) if chain::is_ours(self.key, End::Head, &head) => {
                if head.place > self.place {
                    self.fault(Fault::Removed { from: self.place.saturating_add(1), to: head.place });
                } else if head.link != self.link {
                    self.fault(Fault::Anchor(End::Head));
                }
                self.report.head = Some(Kept { place: head.place, link: head.link });
            }
            _ => self.fault(Fault::Anchor(End::Head)),
        }
    }

    async fn look_at_waiting(&mut self, database: &Database) -> Result<(), DatabaseError> {
        let mut after = 0;
        loop {
            let stretch = AuditEvent::unchained(database, after, STRETCH).await?;
            let Some(last) = stretch.last() else { return Ok(()) };
            after = last.id;
            for event in &stretch {
                self.report.waiting += 1;
                if !chain::has_written(self.key, event) {
                    self.fault(Fault::Altered { id: event.id });
                }
            }
        }
    }

    /// Holds the kept head against the link at its place.
    fn meet_kept(&mut self) {
        if self.kept.is_some_and(|kept| kept.place == self.place && kept.link != self.link) {
            self.fault(Fault::Kept { place: self.place });
        }
    }

    /// A chain that ends before the kept head has lost what was there.
    fn compare_kept(&mut self) {
        if let Some(kept) = self.kept.filter(|kept| kept.place > self.place) {
            self.fault(Fault::Kept { place: kept.place });
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(fault);
        }
    }
}
