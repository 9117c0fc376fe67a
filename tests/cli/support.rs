//! Runs the program in an empty directory with an empty environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

/// A machine on which nothing is set.
pub(crate) struct Machine {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file into the working directory.
    pub(crate) fn with_file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Types `countersign` and these words, separated by spaces.
    pub(crate) fn types(&self, words: &str) -> Outcome {
        self.types_and_pipes(words, "")
    }

    /// Types the same at the end of a pipe. There is no terminal.
    pub(crate) fn types_and_pipes(&self, words: &str, input: &str) -> Outcome {
        let mut program = Command::new("setsid")
            .arg("--wait")
            .arg(env!("CARGO_BIN_EXE_countersign"))
            .args(words.split_whitespace())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that reads nothing may have gone already.
        let _ = program.stdin.take().unwrap().write_all(input.as_bytes());
        let output = program.wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            answer: String::from_utf8(output.stdout).unwrap(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a command that reads what is written to it.
    pub(crate) fn starts(&self, words: &str) -> Child {
        let pipes = || Stdio::piped();
        self.command(words).stdin(pipes()).stdout(pipes()).stderr(pipes()).spawn().unwrap()
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(words.split_whitespace()).env_clear().envs(self.variables.iter().cloned());
        command.current_dir(self.directory.path());
        command
    }

    /// Returns the value of a setting and where it came from.
    pub(crate) fn setting(&self, name: &str, words: &str) -> (serde_json::Value, String) {
        let outcome = self.types(&format!("config show --json {words}"));
        let shown: serde_json::Value = serde_json::from_str(outcome.succeeded()).unwrap();
        let setting = shown.get(name).unwrap();
        let field = |field: &str| setting.get(field).cloned().unwrap_or_default();
        (field("value"), field("origin").as_str().unwrap_or_default().to_owned())
    }
}

/// How a command ended.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) answer: String,
    pub(crate) complaint: String,
}

impl Outcome {
    /// Returns what was printed.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &str {
        assert_eq!((self.code, self.complaint.as_str()), (Some(0), ""), "{}", self.answer);
        &self.answer
    }

    /// Returns the lines of the refusal.
    #[track_caller]
    pub(crate) fn refused(&self) -> Vec<&str> {
        assert_eq!((self.code, self.answer.as_str()), (Some(2), ""), "{}", self.complaint);
        assert!(!self.complaint.contains("panicked"), "{}", self.complaint);
        self.complaint.lines().map(|line| line.strip_prefix("countersign: ").unwrap()).collect()
    }

    /// Returns why the command answered no.
    #[track_caller]
    pub(crate) fn refused_by_answer(&self) -> &str {
        assert_eq!((self.code, self.answer.as_str()), (Some(1), ""), "{}", self.complaint);
        self.complaint.strip_prefix("countersign: ").unwrap().trim_end()
    }

    /// Returns the only line of the refusal.
    #[track_caller]
    pub(crate) fn refused_in_one_line(&self) -> &str {
        let lines = self.refused();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.first().unwrap()
    }
}

/// The service as it runs on a machine. Ended with this value.
pub(crate) struct Served {
    child: Child,
    address: SocketAddr,
}

impl Machine {
    /// Starts the service at a port of its own and waits until it listens.
    pub(crate) fn serves(&self) -> Served {
        let mut command = self.command("serve");
        command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0").env("COUNTERSIGN_LOGS__FORMAT", "json");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line).ok()?;
            event["address"].as_str()?.parse().ok()
        });
        // Whoever stops to read a pipe makes the writer wait.
        thread::spawn(move || lines.for_each(drop));
        Served { child, address: address.unwrap() }
    }
}

impl Served {
    /// Signs in and answers the status, and the code of the problem if there is one.
    pub(crate) fn log_in(&self, email: &str, password: &str) -> (u16, String) {
        let (status, body) = self.posts("/auth/login", &serde_json::json!({"email": email, "password": password}));
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Asks for a link to set another password, and answers the status.
    pub(crate) fn asks_for_a_reset(&self, email: &str) -> u16 {
        self.posts("/auth/password/forgot", &serde_json::json!({"email": email})).0
    }

    fn posts(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
