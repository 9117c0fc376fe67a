//! The service as a process: started, listened to, signalled, and never left behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::visitor::Visitor;

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running program. Killed with this value.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    addresses: Receiver<SocketAddr>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command, input: Stdio) -> Self {
        let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::default();
        let (found, addresses) = channel();
        let readers = vec![
            listen(child.stdout.take().unwrap(), Arc::clone(&said), found.clone()),
            listen(child.stderr.take().unwrap(), Arc::clone(&said), found),
        ];
        Self { child, said, addresses, readers }
    }

    /// Waits until it listens.
    #[track_caller]
    pub(crate) fn listening(self) -> Service {
        let address = self.addresses.recv_timeout(PATIENCE);
        let address = address.unwrap_or_else(|_| panic!("it does not listen: {}", self.said()));
        Service { process: self, address }
    }

    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// All that it has written so far, to either output.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has written this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            assert!(Instant::now() < until, "it never said {text:?}: {}", self.said());
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits for its end; answers how it ended and all that it wrote.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.said());
            thread::park_timeout(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.said())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that listens.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Service {
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::of(self.address)
    }

    /// What `GET /metrics` says at this moment.
    pub(crate) async fn scrape(&self) -> String {
        let answer = reqwest::get(format!("http://{}/metrics", self.metrics())).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// Where metrics are served, as the log says.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.process.says("metrics_address");
        let said = self.process.said();
        let events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut addresses = events.filter_map(|event| event["metrics_address"].as_str()?.parse().ok());
        addresses.next().unwrap_or_else(|| panic!("it names no address for metrics: {said}"))
    }

    /// As the power does, or the kernel when memory is short.
    pub(crate) fn kill(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Memory in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id().as_raw_pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id().as_raw_pid())).unwrap().count()
    }
}

/// Keeps what is written, and tells the address when the log names it.
fn listen(output: impl Read + Send + 'static, said: Arc<Mutex<String>>, found: Sender<SocketAddr>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str().and_then(|address| address.parse().ok()) {
                // Nobody waits for it any more after the first time.
                let _ = found.send(address);
            }
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    })
}
