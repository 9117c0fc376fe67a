//! The machine, as far as a figure depends on it.

use std::{fs, process::Command, thread};

/// A list in Markdown: processor, cores, memory, kernel, compiler, commit, and how busy it was meanwhile.
pub(crate) fn describe() -> String {
    let processor = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "- {processor}, {cores} cores, {memory} of memory, Linux {}\n- {}\n- commit {}, {}\n",
        said_by("uname", &["-r"]),
        said_by("rustc", &["--version"]),
        said_by("git", &["rev-parse", "--short=12", "HEAD"]),
        said_by("date", &["--utc", "+%Y-%m-%d %H:%M UTC"]),
    )
}

/// How many processes wanted a core, over the last minute.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

/// What a command prints.
pub(crate) fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
