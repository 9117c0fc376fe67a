//! A run of the bench: every group of rows in turn, told as it goes, written when it ends.

use std::{fs, time::Duration};

use crate::{
    Run, machine, plot,
    report::{self, Row},
    rows::{self, Group},
    service::{Engine, Given, Workshop},
};

/// What all groups share.
pub(crate) struct Contest {
    pub(crate) workshop: Workshop,
    pub(crate) peers: Vec<Given>,
    /// How long one measurement takes.
    pub(crate) span: Duration,
    /// How often each is repeated, all contenders in turn.
    pub(crate) repeats: u32,
    /// Users in the large database.
    pub(crate) users: u32,
    /// What to do with what was measured.
    pub(crate) results: Results,
}

/// What has been measured.
#[derive(Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
    plots: Vec<(&'static str, String)>,
}

impl Results {
    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", report::line(&row));
        self.rows.push(row);
    }

    pub(crate) fn draw(&mut self, file: &'static str, svg: String) {
        self.plots.push((file, svg));
    }
}

/// Says what is being done.
pub(crate) fn progress(what: impl std::fmt::Display) {
    eprintln!("· {what}");
}

/// Measures what is asked for, and writes the table and the plots.
pub(crate) async fn run(arguments: &Run) -> anyhow::Result<()> {
    let load_before = machine::load();
    let groups = if arguments.only.is_empty() { Group::all(arguments.on) } else { arguments.only.clone() };
    let with_fastapi = arguments.on == Engine::Sqlite && groups.iter().any(|group| group.needs_fastapi());
    let (span, repeats) = if arguments.quick { (3, 2) } else { (10, 3) };
    let mut contest = Contest {
        workshop: Workshop::open(arguments.on, with_fastapi)?,
        peers: arguments.peer.clone(),
        span: Duration::from_secs(span),
        repeats,
        users: if arguments.quick { arguments.users.min(100_000) } else { arguments.users },
        results: Results::default(),
    };
    let mut failed = false;
    for group in groups {
        progress(format_args!("{group:?}, load average {}", machine::load()));
        if let Err(error) = rows::measure(group, &mut contest).await {
            // The other groups are still worth their time.
            eprintln!("{group:?} was not measured: {error:#}");
            failed = true;
        }
    }

    fs::create_dir_all(&arguments.out)?;
    let command = format!("cargo run --release --package countersign-bench {}", given());
    let text = report::markdown(&contest.results.rows, command.trim_end(), &load_before);
    let suffix = match arguments.on {
        Engine::Sqlite => "",
        Engine::Postgres => "-on-postgres",
    };
    fs::write(arguments.out.join(format!("bench{suffix}.md")), &text)?;
    for (name, svg) in &contest.results.plots {
        fs::write(arguments.out.join(format!("{name}{suffix}.svg")), svg)?;
    }
    println!("\n{text}");
    anyhow::ensure!(!failed, "some rows are missing");
    Ok(())
}

/// The arguments as they were typed.
fn given() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() { String::new() } else { format!("-- {}", arguments.join(" ")) }
}

/// A plot of what happened over time, and one of groups of bars, keep their names here for the documents that show them.
pub(crate) const LATENCY_PLOT: &str = "me-while-logins-flood";
/// Logins a second by number of clients.
pub(crate) const LOGINS_PLOT: &str = "logins-by-clients";

pub(crate) use plot::Series;
