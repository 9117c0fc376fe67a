//! The bench: what the served program does, beside what the machine and others do in the same run.
//!
//! Absolute figures on a shared machine are noise, so every row is a ratio of two things measured in turn, several
//! times. The bench starts every server itself, on loopback, and ends it; it measures no server that it was not
//! given.

mod bare;
mod client;
mod contest;
mod hashing;
mod load;
mod machine;
mod plot;
mod postgres;
mod process;
mod report;
mod rows;
mod seed;
mod service;
mod stats;
mod visitor;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures Countersign beside a bare handler, the crate `bcrypt`, pgbench and a FastAPI service.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

/// How to measure.
#[derive(clap::Args)]
struct Run {
    /// Short spans and few repeats: to see that it works, not to quote.
    #[arg(long)]
    quick: bool,
    /// Measure only these groups of rows; give it again for each.
    #[arg(long, value_name = "ROW")]
    only: Vec<rows::Group>,
    /// The engine that Countersign runs on; on PostgreSQL nobody else is measured but the limits of the machine.
    #[arg(long, value_name = "ENGINE", default_value = "sqlite")]
    on: service::Engine,
    /// A running service to measure as well, with the same paths and bodies: NAME=http://127.0.0.1:PORT.
    #[arg(long, value_name = "NAME=URL")]
    peer: Vec<service::Given>,
    /// Where to write the table and the plots.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
    out: PathBuf,
    /// How many users there are in the large database.
    #[arg(long, value_name = "USERS", default_value_t = 1_000_000)]
    users: u32,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the answer of `/auth/me` and does nothing else.
    Bare {
        /// The address to listen on.
        listen: SocketAddr,
    },
    /// Fills a database that the service has made with users, each with a session, under one prepared hash.
    Seed {
        /// The SQLite file.
        database: PathBuf,
        /// How many users.
        users: u32,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.command {
        Some(Command::Bare { listen }) => runtime.block_on(bare::serve(listen)),
        Some(Command::Seed { database, users }) => seed::sqlite(&database, users),
        None => runtime.block_on(contest::run(&arguments.run)),
    }
}
