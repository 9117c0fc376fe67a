//! The log: one JSON object a line, or readable lines when a person is watching.
//!
//! It says nothing by itself: what is worth a line is known where it happens.

mod json;
mod lines;

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::OnceLock,
};

use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::lines::Guard;
use self::{json::JsonLines, lines::Lines};
use crate::config::{LogFormat, Logs};

/// Starts the log. What is still buffered is written when the guard is dropped.
///
/// # Errors
/// A filter that cannot be read, or a log that was started before.
pub fn start(logs: &Logs) -> anyhow::Result<Guard> {
    // Not `Stdout` itself, which writes line by line: a busy moment costs one system call for many lines.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (writer, guard) = Lines::written_to(output)?;
    LINES.get_or_init(|| writer.clone());
    let filter = logs.filter.to_env_filter();
    let registry = tracing_subscriber::registry().with(filter);
    match logs.format {
        LogFormat::Json => registry.with(json(writer)).try_init()?,
        LogFormat::Auto if !io::stdout().is_terminal() => registry.with(json(writer)).try_init()?,
        LogFormat::Auto | LogFormat::Text => registry.with(fmt::layer().compact().with_writer(writer)).try_init()?,
    }
    Ok(guard)
}

/// The lines of the log. There is one log in a process, because `tracing` has one subscriber.
static LINES: OnceLock<Lines> = OnceLock::new();

/// How many lines did not fit the buffer. 0 without a log.
#[must_use]
pub fn dropped_lines() -> usize {
    LINES.get().map_or(0, Lines::given_up)
}

fn json<S>(writer: Lines) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    fmt::layer().event_format(JsonLines).with_writer(writer)
}
