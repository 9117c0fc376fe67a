//! A server that the bench has started: its time on the cores, its memory, and its end.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// Ticks of `/proc/PID/stat` in a second: `getconf CLK_TCK`, which is 100 on every Linux of this century.
const TICKS: f64 = 100.0;
/// Kibibytes in a page of `/proc/PID/statm`.
const PAGE_KIB: f64 = 4.0;

/// A server and whatever it has started, ended when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts it, with what it says written to a file as a service manager would.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt;

        let log = File::create(log)?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("{} does not start", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Waits for the first 200 from `/health/ready`; tells how long that took.
    pub(crate) async fn ready(&mut self, address: SocketAddr, since: Instant) -> anyhow::Result<Duration> {
        while since.elapsed() < Duration::from_mins(1) {
            if let Ok(answer) = crate::client::Client::of(address).get("/health/ready", "").await
                && answer.status == 200
            {
                return Ok(answer.at - since);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("the server is not ready after a minute")
    }

    /// Seconds that it and its children have had on the cores.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.stats().iter().map(Stat::cpu_seconds).sum()
    }

    /// Its memory and that of its children, in MiB. What they share is counted once for each.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.stats().iter().map(|stat| stat.field(21) * PAGE_KIB / 1024.0).sum()
    }

    /// All processes in its group.
    fn stats(&self) -> Vec<Stat> {
        Stat::all().into_iter().filter(|stat| stat.is(2, self.child.id())).collect()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Hard: what is lost is a database in a temporary directory.
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// What proc(5)'s `stat` says of one process, after its name.
struct Stat(Vec<String>);

impl Stat {
    fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::read(&entry.path())).collect()
    }

    fn read(process: &Path) -> Option<Self> {
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        Some(Self(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect()))
    }

    fn field(&self, index: usize) -> f64 {
        self.0.get(index).and_then(|field| field.parse().ok()).unwrap_or(0.0)
    }

    /// Whether this field names this process or group.
    fn is(&self, index: usize, id: u32) -> bool {
        self.0.get(index).is_some_and(|field| *field == id.to_string())
    }

    fn cpu_seconds(&self) -> f64 {
        (self.field(11) + self.field(12)) / TICKS
    }
}

/// Seconds that this process has had on the cores.
pub(crate) fn own_cpu_seconds() -> f64 {
    Stat::read(Path::new("/proc/self")).map_or(0.0, |stat| stat.cpu_seconds())
}

/// Seconds that a process and its children have had on the cores, those that have ended among them.
pub(crate) fn cpu_seconds_with_children(parent: u32) -> f64 {
    let ended = |stat: Stat| (stat.field(13) + stat.field(14)) / TICKS + stat.cpu_seconds();
    let living = Stat::all().iter().filter(|stat| stat.is(1, parent)).map(Stat::cpu_seconds).sum::<f64>();
    living + Stat::read(Path::new(&format!("/proc/{parent}"))).map_or(0.0, ended)
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
