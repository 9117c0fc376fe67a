//! The log: one JSON object a line, or readable lines when a person is watching.
//!
//! Lines are handed to a thread that writes them: a terminal or a pipe that does not drain must not hold up a
//! request. What does not fit its buffer is dropped, not waited for.

mod json;

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal},
    os::fd::AsFd,
    sync::OnceLock,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};

use self::json::JsonLines;
use crate::config::{LogFormat, Logs};

/// How many lines may wait to be written: a disk may pause for a second at 16,000 requests a second. Their places are
/// made at the start, 32 bytes each.
const LINES: usize = 16_384;

/// Starts the log. What is still buffered is written when the guard is dropped.
///
/// # Errors
/// A filter that cannot be read, or a log that was started before.
pub fn start(logs: &Logs) -> anyhow::Result<WorkerGuard> {
    // Not `Stdout` itself, which writes line by line: the thread flushes when it has caught up, so that a busy moment
    // costs one system call for many lines.
    let output = BufWriter::new(File::from(io::stdout().as_fd().try_clone_to_owned()?));
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(output);
    DROPPED.get_or_init(|| writer.error_counter());
    let filter = logs.filter.to_env_filter();
    let registry = tracing_subscriber::registry().with(filter);
    match logs.format {
        LogFormat::Json => registry.with(json(writer)).try_init()?,
        LogFormat::Auto if !io::stdout().is_terminal() => registry.with(json(writer)).try_init()?,
        LogFormat::Auto | LogFormat::Text => registry.with(fmt::layer().compact().with_writer(writer)).try_init()?,
    }
    Ok(guard)
}

/// The counter of the log. There is one log in a process, because `tracing` has one subscriber.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines did not fit the buffer. 0 without a log.
#[must_use]
pub fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

fn json<S>(writer: tracing_appender::non_blocking::NonBlocking) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    fmt::layer().event_format(JsonLines).with_writer(writer)
}
