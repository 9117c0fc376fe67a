//! A PostgreSQL server for one test alone, to be stopped, frozen and started again.
//!
//! Goes with `postgres.rs`, which the test binary holds as `crate::postgres`.

#![expect(clippy::expect_used, reason = "a test without its server has failed")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::postgres::{address, administer, binaries, is_root, launch, memory, unique};

/// An authority, and a certificate of it for the loopback address; the server wants to own its key.
const CERTIFICATES: &str = "set -e
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test authority' \\
        -keyout authority.key -out authority.crt
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Test server' \\
        -keyout server.key -out server.csr
    echo 'subjectAltName = IP:127.0.0.1' >server.ext
    openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key -CAcreateserial -days 2 \\
        -extfile server.ext -out server.crt
    chmod 600 server.key
    chown --reference=PG_VERSION server.key server.crt
";

/// A server of its own, for a test that harms it. Ends with this value.
pub(crate) struct Server {
    port: u16,
    directory: PathBuf,
    lock: File,
    watchdog: Child,
}

impl Server {
    /// Starts a server that nobody else uses.
    pub(crate) fn start() -> Self {
        let directory = memory().join(format!("countersign-postgres-own-{}", unique()));
        let (lock, port, watchdog) = launch(&directory, 0);
        Self { port, directory, lock, watchdog }
    }

    /// Its address without a database name.
    pub(crate) fn url(&self) -> String {
        address(self.port)
    }

    /// Stops it as a crash would; clients see their connections break.
    pub(crate) fn stop(&self) {
        self.control(&["--mode", "immediate", "stop"]);
    }

    /// Starts it again, at the same address with the same data.
    pub(crate) fn restart(&self) {
        self.control(&["--log", "server.log", "start"]);
    }

    /// Stops all its processes in their tracks; connections stay open and get no answer.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen server go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Gives it a certificate for its address and answers the file with the authority that signed it.
    pub(crate) fn speak_tls(&self) -> PathBuf {
        let data = self.directory.join("server/data");
        let made = Command::new("sh").args(["-c", CERTIFICATES]).current_dir(&data).stderr(Stdio::null()).status();
        assert!(made.expect("sh").success(), "openssl made no certificates");
        administer(&self.url(), "alter system set ssl = on".to_owned()).expect("a setting");
        administer(&self.url(), "select pg_reload_conf()".to_owned()).expect("a reload");
        data.join("authority.crt")
    }

    fn control(&self, arguments: &[&str]) {
        let control = binaries().join("pg_ctl");
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(control);
            command
        } else {
            Command::new(control)
        };
        command.args(["--pgdata", "data", "--wait"]).args(arguments).current_dir(self.directory.join("server"));
        assert!(command.stdout(Stdio::null()).status().expect("pg_ctl").success(), "pg_ctl {arguments:?}");
    }

    /// The postmaster leads a session but its children lead groups of their own: signal them one by one.
    fn signal(&self, signal: &str) {
        let pid_file = fs::read_to_string(self.directory.join("server/data/postmaster.pid")).expect("a running server");
        let postmaster = pid_file.lines().next().expect("its process id");
        // One that ends meanwhile needs no signal.
        let send = format!(
            "kill -{signal} {postmaster} && for child in $(cat /proc/{postmaster}/task/{postmaster}/children)
             do kill -{signal} $child || true; done"
        );
        assert!(Command::new("sh").args(["-c", &send]).status().expect("sh").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if fs::exists(self.directory.join("server/data/postmaster.pid")).unwrap_or(false) {
            self.thaw();
        }
        // The watchdog acts when this process lets go of the lock.
        let _ = self.lock.unlock();
        let _ = self.watchdog.wait();
    }
}
