//! What traces are told of a call: which statement and how it ended, never its arguments.

use super::{Engine, Statement};
use crate::metrics::{DatabaseOutcome, Label};
use crate::traces::{self, Kind, Span};

/// What is asked of the database.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Begin,
    Run(&'static Statement),
    Commit,
    Ping,
}

/// Begins the span of a call, by the semantic conventions of OpenTelemetry for databases.
#[inline]
pub(super) fn begin(step: Step, engine: Engine) -> Option<Span> {
    let mut span = traces::child("database", Kind::Client)?;
    let name = match step {
        Step::Begin => "begin",
        Step::Run(statement) => statement.summary(),
        Step::Commit => "commit",
        Step::Ping => "ping",
    };
    span.name(name);
    span.say("db.query.summary", name);
    span.say(
        "db.system.name",
        match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgresql",
        },
    );
    Some(span)
}

/// Ends it. A duplicate, or no row, is an answer.
#[inline]
pub(super) fn end(span: Option<Span>, kind: DatabaseOutcome) {
    let Some(mut span) = span else { return };
    if !matches!(kind, DatabaseOutcome::Done | DatabaseOutcome::Answered) {
        span.fail(kind.as_str());
    }
}
