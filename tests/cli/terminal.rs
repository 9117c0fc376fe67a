//! What is asked at a terminal, and what becomes of each reply. `script` is the terminal.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::support::Machine;

/// What a terminal makes the end of the input of.
const END_OF_INPUT: &[u8] = b"\x04";

const CREATE: &str = "user create --email ada@example.com --username ada";

/// A command that waits at a terminal for replies.
struct Asked {
    child: Child,
    input: ChildStdin,
    shown: String,
}

impl Asked {
    fn of(machine: &Machine, words: &str) -> Self {
        let command = format!("{} {words}", env!("CARGO_BIN_EXE_countersign"));
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env_clear()
            .env("SHELL", "/bin/sh")
            .env("TERM", "dumb")
            .current_dir(machine.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, input, shown: String::new() }
    }

    /// Waits for a question and types a reply.
    fn replies(self, question: &str, reply: &[u8]) -> Self {
        self.asks(question).types(reply)
    }

    fn asks(mut self, question: &str) -> Self {
        let output = self.child.stdout.as_mut().unwrap();
        let mut byte = [0];
        while !self.shown.ends_with(question) {
            assert_eq!(output.read(&mut byte).unwrap(), 1, "it ended without asking {question:?}: {}", self.shown);
            self.shown.push(char::from(byte[0]));
        }
        self
    }

    /// Waits until it reads key by key: before that, a terminal makes a character of the end of the input.
    fn reads_keys(self) -> Self {
        let shell = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id())).unwrap();
        let terminal = fs::read_link(format!("/proc/{}/fd/0", shell.trim())).unwrap();
        let mode = || Command::new("stty").args(["--all", "--file"]).arg(&terminal).output().unwrap().stdout;
        while !String::from_utf8(mode()).unwrap().contains(" -icanon") {}
        self
    }

    fn types(mut self, reply: &[u8]) -> Self {
        self.input.write_all(reply).unwrap();
        self
    }

    /// The exit code, and all that was shown.
    fn ends(mut self) -> (Option<i32>, String) {
        self.child.stdout.as_mut().unwrap().read_to_string(&mut self.shown).unwrap();
        drop(self.input);
        (self.child.wait().unwrap().code(), self.shown)
    }
}

#[test]
fn a_password_is_asked_for_twice() {
    let machine = Machine::new();

    let made = Asked::of(&machine, CREATE);
    let made = made.replies("Password: ", b"correct horse battery staple\n");
    let (code, shown) = made.replies("Again: ", b"correct horse battery staple\n").ends();

    assert_eq!(code, Some(0), "{shown}");
    assert!(machine.types("user list").succeeded().contains("ada@example.com"));
}

#[test]
fn two_passwords_that_differ_and_none_at_all_make_no_user() {
    let machine = Machine::new();

    let differ = Asked::of(&machine, CREATE).replies("Password: ", b"correct horse battery staple\n");
    let (code, shown) = differ.replies("Again: ", b"correct horse battery stable\n").ends();
    assert!(code == Some(1) && shown.contains("countersign: the two passwords differ"), "{shown}");

    let (code, shown) = Asked::of(&machine, CREATE).asks("Password: ").reads_keys().types(END_OF_INPUT).ends();
    assert!(code == Some(1) && shown.contains("\ncountersign: no password was typed"), "{shown}");

    assert_eq!(machine.types("user list").succeeded(), "no users\n");
}

#[test]
fn whoever_does_not_mean_it_deletes_nobody() {
    let machine = Machine::new();
    machine.types_and_pipes(&format!("{CREATE} --password-stdin"), "correct horse battery staple\n").succeeded();
    let question = "Delete ada <ada@example.com> and everything of theirs? [y/N] ";

    for reply in ["n\n", "\n", "yesterday\n", "\x04"] {
        let (code, shown) = Asked::of(&machine, "user delete ada").replies(question, reply.as_bytes()).ends();
        assert!(code == Some(1) && shown.contains("countersign: nothing was deleted"), "{reply:?}: {shown}");
    }
    let (code, shown) = Asked::of(&machine, "user delete ada").replies(question, b"Y\n").ends();

    assert!(code == Some(0) && shown.contains("ada <ada@example.com> is deleted"), "{shown}");
    assert_eq!(machine.types("user list").succeeded(), "no users\n");
}
