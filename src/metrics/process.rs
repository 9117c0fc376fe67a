//! What the operating system knows of this process, under the names that all exporters use.

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// The process at one moment. What the system does not tell is not there.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Seconds that its threads have spent on a core, be it for us or for the kernel.
    pub cpu_seconds: f64,
    /// Memory in use, in bytes.
    pub resident_bytes: Option<u64>,
    /// Files and sockets that are open.
    pub open_fds: Option<usize>,
    /// How many of them it may open.
    pub max_fds: Option<u64>,
}

impl Process {
    /// Looks at this process: two files below `/proc`, about 30 µs.
    #[must_use]
    pub fn look() -> Self {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let whole = u32::try_from(used.tv_sec).unwrap_or(u32::MAX);
        let part = u32::try_from(used.tv_nsec).unwrap_or(0);
        Self {
            cpu_seconds: f64::from(whole) + f64::from(part) / 1e9,
            resident_bytes: resident_bytes(),
            open_fds: std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
            max_fds: getrlimit(Resource::Nofile).current,
        }
    }
}

/// The line `VmRSS:  1234 kB` (`proc_pid_status(5)`).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_everything() {
        let process = Process::look();

        assert!(process.cpu_seconds > 0.0);
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1024 * 1024), "{process:?}");
        assert!(process.open_fds.is_some_and(|open| open >= 3), "{process:?}");
    }
}
