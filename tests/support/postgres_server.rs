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

    /// Starts a standby of `primary`, and has every commit there wait for it from here on.
    pub(crate) fn synchronous_standby_of(primary: &Self) -> Self {
        let standby = Self::start();
        standby.stop();
        let copy = format!(
            "rm -r data
             {}/pg_basebackup --pgdata data --checkpoint fast --no-sync --write-recovery-conf \\
                 --dbname 'host=127.0.0.1 port={} user=postgres application_name=standby'
             echo port = {} >>data/postgresql.conf
             echo \"unix_socket_directories = '$PWD'\" >>data/postgresql.conf",
            binaries().display(),
            primary.port,
            standby.port,
        );
        standby.run(&["sh", "-ec", &copy]);
        standby.restart();
        for sql in ["alter system set synchronous_standby_names = 'standby'", "select pg_reload_conf()"] {
            administer(&primary.url(), sql.to_owned()).expect("a setting");
        }
        standby
    }

    /// Kills all its processes at once. What it had not handed to the kernel is gone, and so is the server.
    pub(crate) fn kill(&self) {
        // A frozen one starts no process that would be missed.
        self.freeze();
        self.signal("KILL");
        fs::remove_file(self.directory.join("server/data/postmaster.pid")).expect("what a dead server leaves");
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        self.control(&["promote"]);
    }

    /// The host and port, as a list of several has them.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
        let control = binaries().join("pg_ctl").display().to_string();
        self.run(&[&[control.as_str(), "--pgdata", "data", "--wait"], arguments].concat());
    }

    /// Runs a program where the server lives, as the user that it runs as.
    fn run(&self, command: &[&str]) {
        let as_user: &[&str] = if is_root() { &["runuser", "-u", "postgres", "--"] } else { &[] };
        let words = [as_user, command].concat();
        let (program, arguments) = words.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.join("server")).stdout(Stdio::null());
        assert!(command.status().expect("a program").success(), "{words:?}");
    }

    /// The postmaster leads a session but its children lead groups of their own: signal them one by one.
    fn signal(&self, signal: &str) {
        let pid_file = fs::read_to_string(self.directory.join("server/data/postmaster.pid")).expect("a running server");
        let postmaster = pid_file.lines().next().expect("its process id");
        // One that ends meanwhile needs no signal.
        let send = format!(
            "children=$(cat /proc/{postmaster}/task/{postmaster}/children)
             kill -{signal} {postmaster} && for child in $children; do kill -{signal} $child || true; done"
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
