//! The services that are measured, and how each is started.
//!
//! All of them speak the same paths and bodies, so that one visitor can use any of them.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};

use clap::ValueEnum;

use crate::{
    machine,
    postgres::Postgres,
    process::{Process, free_address},
    seed,
};

/// The secret of HS256 where tokens are made without signing in.
pub(crate) const JWT_SECRET: &str = "a secret of the bench, thirty-two bytes or more";

/// Where a service can be spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

/// A service that the bench has started.
pub(crate) struct Started {
    pub(crate) service: Service,
    pub(crate) process: Process,
    /// From its start to its first 200 from `/health/ready`.
    pub(crate) ready_after: Duration,
}

/// A service that runs already: `NAME=http://HOST:PORT`.
#[derive(Clone, Debug)]
pub(crate) struct Given(pub(crate) Service);

impl FromStr for Given {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, url) = text.split_once('=').context("NAME=http://127.0.0.1:PORT is expected")?;
        let host = url.strip_prefix("http://").context("the address must begin with http://")?;
        let mut addresses = host.trim_end_matches('/').to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| anyhow!("{host} has no address"))?;
        ensure!(address.ip().is_loopback(), "only a service on loopback is loaded");
        Ok(Self(Service { name: name.to_owned(), address }))
    }
}

/// What Countersign keeps its data in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Engine {
    /// A file.
    Sqlite,
    /// A server of the bench's own.
    Postgres,
}

/// The binaries, built, and a directory for what the servers keep.
pub(crate) struct Workshop {
    pub(crate) countersign: PathBuf,
    pub(crate) bench: PathBuf,
    pub(crate) home: tempfile::TempDir,
    /// Where Countersign keeps its data, if not in files.
    postgres: Option<Postgres>,
    python: Option<PathBuf>,
}

impl Workshop {
    /// Builds the release, and the virtual environment of the peer beside it.
    pub(crate) fn open(engine: Engine, with_fastapi: bool) -> anyhow::Result<Self> {
        eprintln!("building the release");
        let built = Command::new("cargo").args(["build", "--release", "--bin", "countersign"]).status()?;
        ensure!(built.success(), "the release does not build");
        let bench = std::env::current_exe()?;
        let release = bench.parent().context("the bench lies in no directory")?;
        let countersign = release.join("countersign");
        ensure!(countersign.exists(), "run the bench as a release: cargo run --release --package countersign-bench");
        let python = if with_fastapi { Some(environment(release)?) } else { None };
        let postgres = if engine == Engine::Postgres { Some(Postgres::start()?) } else { None };
        Ok(Self { countersign, bench: bench.clone(), home: tempfile::tempdir()?, postgres, python })
    }

    /// Whether Countersign keeps its database itself.
    pub(crate) fn is_embedded(&self) -> bool {
        self.postgres.is_none()
    }

    /// Countersign on a database of this name, of the engine that is measured.
    pub(crate) async fn countersign(&self, database: &str, settings: &[(&str, &str)]) -> anyhow::Result<Started> {
        let url = match &self.postgres {
            None => format!("sqlite://{}", self.path(database).display()),
            Some(server) => server.database(database)?,
        };
        self.countersign_at(&url, settings).await
    }

    /// Countersign on the database at this address.
    pub(crate) async fn countersign_at(&self, url: &str, settings: &[(&str, &str)]) -> anyhow::Result<Started> {
        let address = free_address()?;
        let mut command = Command::new(&self.countersign);
        command.current_dir(self.home.path()).env("COUNTERSIGN_LISTEN", address.to_string());
        command.env("COUNTERSIGN_DATA_DIR", self.home.path().join("data")).env("DATABASE_URL", url);
        // One machine plays everybody: what it may do each minute is not what is measured.
        for limit in ["LOGINS_PER_MINUTE", "REGISTRATIONS_PER_HOUR", "FAILURES_BEFORE_WAIT"] {
            command.env(format!("COUNTERSIGN_LIMITS__{limit}"), "0");
        }
        command.envs(settings.iter().copied());
        self.start("Countersign", address, &mut command).await
    }

    /// The bare handler.
    pub(crate) async fn bare(&self) -> anyhow::Result<Started> {
        let address = free_address()?;
        self.start("bare handler", address, Command::new(&self.bench).args(["bare", &address.to_string()])).await
    }

    /// Fills a database that Countersign has made with users.
    pub(crate) fn seed(&self, database: &str, users: u32) -> anyhow::Result<()> {
        match &self.postgres {
            None => seed::sqlite(&self.path(database), users),
            Some(server) => seed::postgres(&server.database(database)?, users),
        }
    }

    /// The FastAPI services that Countersign is measured beside: none when it is on a server, as they are on files.
    pub(crate) async fn fastapis(&self, hashing: &[Hashing], database: &str) -> anyhow::Result<Vec<Started>> {
        let mut started = Vec::new();
        for hashing in hashing.iter().filter(|_| self.python.is_some()) {
            started.push(self.fastapi(*hashing, database).await?);
        }
        Ok(started)
    }

    /// The FastAPI service: one worker for each core, hashing in the handlers or in threads.
    async fn fastapi(&self, hashing: Hashing, database: &str) -> anyhow::Result<Started> {
        let python = self.python.as_ref().context("the virtual environment has not been made")?;
        let address = free_address()?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut command = Command::new(python);
        command.args(["-m", "uvicorn", "app:app", "--no-access-log", "--workers", &cores.to_string()]);
        command.args([
            "--port",
            &address.port().to_string(),
            "--app-dir",
            concat!(env!("CARGO_MANIFEST_DIR"), "/peers/fastapi"),
        ]);
        command.env("DATABASE", self.path(&format!("{database}-{hashing:?}.db"))).env("JWT_SECRET", JWT_SECRET);
        command.env("HASH_IN_THREADS", if hashing == Hashing::InThreads { "1" } else { "0" });
        self.start(hashing.name(), address, &mut command).await
    }

    /// A file in the workshop.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    async fn start(&self, name: &str, address: SocketAddr, command: &mut Command) -> anyhow::Result<Started> {
        let since = Instant::now();
        let mut process = Process::start(command, &self.path(&format!("{name}.log")))?;
        let ready_after = process.ready(address, since).await.with_context(|| format!("{name} does not start"))?;
        Ok(Started { service: Service { name: name.to_owned(), address }, process, ready_after })
    }
}

/// How the FastAPI service hashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hashing {
    /// In the handler, as most tutorials do.
    InHandlers,
    /// In threads, as a careful author does.
    InThreads,
}

impl Hashing {
    /// Both ways.
    pub(crate) const BOTH: [Self; 2] = [Self::InHandlers, Self::InThreads];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InHandlers => "FastAPI",
            Self::InThreads => "FastAPI with threads",
        }
    }
}

/// Makes the virtual environment unless it has what is pinned; answers its Python.
fn environment(release: &Path) -> anyhow::Result<PathBuf> {
    let pins = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/fastapi/requirements.txt");
    let home = release.with_file_name("bench-venv");
    let python = home.join("bin/python");
    let has_all = std::fs::read(home.join("requirements.txt")).ok() == std::fs::read(pins).ok();
    if !has_all {
        eprintln!("installing FastAPI into a virtual environment");
        machine::said_by("python3", &["-m", "venv", &home.to_string_lossy()]);
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", pins];
        ensure!(Command::new(&python).args(install).status()?.success(), "the peer's packages cannot be installed");
        std::fs::copy(pins, home.join("requirements.txt"))?;
    }
    Ok(python)
}
