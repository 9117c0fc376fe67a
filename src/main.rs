//! The entry: parse the command line, run the command, and tell in one line why it failed.

use std::process::ExitCode;

use clap::Parser;
use countersign::cli::Cli;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = Cli::parse().run();
    outcome.unwrap_or_else(|error| {
        // Several faults in the settings are several lines; everything else is one.
        for line in in_full(&error).lines() {
            eprintln!("countersign: {line}");
        }
        ExitCode::from(2)
    })
}

/// The error and its causes, without those that it has quoted already.
fn in_full(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .fold(error.to_string(), |said, cause| if said.contains(&cause) { said } else { format!("{said}: {cause}") })
}
