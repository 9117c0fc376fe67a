//! A PostgreSQL server of the bench's own, as durable as one in use, and pgbench.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::process::{cpu_seconds_with_children, free_address};

/// A server with default durability: every commit reaches the disk.
pub(crate) struct Postgres {
    home: tempfile::TempDir,
    binaries: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let binaries = binaries().context("no PostgreSQL in /usr/lib/postgresql")?;
        let home = tempfile::tempdir()?;
        // PostgreSQL refuses to run as root, and its user has to reach its directory.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777))?;
        let server = Self { port: free_address()?.port(), home, binaries };
        let data = server.data();
        server.run("initdb", &["--pgdata", &data, "--username", "postgres", "--auth", "trust", "--locale", "C"])?;
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c shared_buffers=256MB",
            server.port
        );
        let log = server.home.path().join("log").display().to_string();
        server.run("pg_ctl", &["--pgdata", &data, "--log", &log, "--wait", "--options", &options, "start"])?;
        Ok(server)
    }

    /// The address of the database that every cluster has.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The address of a database of this name, which is made unless it is there.
    pub(crate) fn database(&self, name: &str) -> anyhow::Result<String> {
        let exists = self.psql(&format!("select 1 from pg_database where datname = '{name}'"))?;
        if exists.is_empty() {
            self.psql(&format!("create database \"{name}\""))?;
        }
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    fn psql(&self, statement: &str) -> anyhow::Result<String> {
        let output = Command::new(self.binaries.join("psql"))
            .args([&self.url(), "--quiet", "--tuples-only", "--no-align", "--command", statement])
            .output()?;
        ensure!(output.status.success(), "psql said {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// How often a second pgbench commits this script.
    pub(crate) fn pgbench(&self, script: &Path, clients: usize, span: Duration) -> anyhow::Result<f64> {
        let (clients, seconds) = (clients.to_string(), span.as_secs().max(1).to_string());
        let mut command = Command::new(self.binaries.join("pgbench"));
        command.args(["--no-vacuum", "--protocol", "prepared", "--client", &clients, "--jobs", "1"]);
        command.args(["--time", &seconds, "--file"]).arg(script).arg(self.url());
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.with_context(|| format!("pgbench said {text} {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Seconds that the server has had on the cores.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let lines = fs::read_to_string(Path::new(&self.data()).join("postmaster.pid"))?;
        let parent = lines.lines().next().context("the server does not say its process id")?;
        Ok(cpu_seconds_with_children(parent.trim().parse()?))
    }

    fn data(&self) -> String {
        self.home.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let program = self.binaries.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let status =
            command.args(arguments).current_dir(self.home.path()).stdout(std::process::Stdio::null()).status()?;
        ensure!(status.success(), "{} failed", program.display());
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        if let Err(error) = self.run("pg_ctl", &["--pgdata", &data, "--mode", "immediate", "--wait", "stop"]) {
            eprintln!("PostgreSQL was not stopped: {error}");
        }
    }
}

/// The newest server binaries of the machine: Debian keeps them out of the path.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    versions.max().map(|(_, path)| path.join("bin"))
}
