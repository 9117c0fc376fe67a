//! The power goes under the embedded database, at every acknowledged write: only what was synced to the disk is left.
//!
//! Nobody can cut the power here. So the service runs under strace, which notes every byte that is written to the
//! database and its log, every sync, and every answer, in the order of the system calls. From that the files are put
//! together as a disk would hold them at the moment of an answer: with what had been synced before it, and of the rest
//! nothing, or any part. SQLite opens the result and has to know of everything that had been acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::home::{Home, Person};
use crate::process::PATIENCE;
use crate::rounds;
use crate::visitor::Visitor;

/// People who sign out at the same time.
const AT_ONCE: usize = 8;
/// People who sign out in one round.
const LEAVING: usize = 40;
/// Sectors are written whole, pages are not (`sqlite3_io_methods.xSectorSize`; disks have 512 or 4096).
const SECTOR: usize = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_takes_nothing_acknowledged_with_it() {
    let home = Home::new(Engine::Sqlite);
    let people = home.people(LEAVING * rounds()).await;
    let before = fs::read(home.file()).unwrap();
    let trace = home.directory().join("trace");
    let strace = "strace -D -f -y -xx -s 1000000 -e signal=kill \
                  -e trace=pwrite64,write,writev,sendto,ftruncate,fsync,fdatasync,unlink";
    let home = home.under(format!("{strace} -o {}", trace.display()));

    let service = home.start();
    let queue = Arc::new(Mutex::new(people));
    let mut leaving = JoinSet::new();
    for _ in 0..AT_ONCE {
        leaving.spawn(sign_out(service.visitor(), Arc::clone(&queue)));
    }
    leaving.join_all().await;
    let main = service.process.id().as_raw_pid().to_string();
    service.process.signal(Signal::KILL);
    let trace = ended(&trace, &main);

    let mut disk = Disk::new(before);
    let mut acknowledged = BTreeSet::new();
    let mut cuts = 0;
    for event in events(&trace, &home.file()) {
        if let Event::Answer(email) = event {
            acknowledged.insert(email);
            for unsynced in [Unsynced::Gone, Unsynced::InPart] {
                assert_holds(&disk.after_a_cut(unsynced), &acknowledged);
                cuts += 1;
            }
        } else {
            disk.note(event);
        }
    }
    assert_eq!(acknowledged.len(), LEAVING * rounds(), "every answer is in the trace");
    assert!(disk.syncs > 0, "nothing was synced, and nothing was seen");
    println!(
        "power cut: {cuts} cuts at {} acknowledged logouts, {} syncs, {} writes; lost 0, integrity_check ok",
        acknowledged.len(),
        disk.syncs,
        disk.writes,
    );
}

/// Signs people out. The answer repeats the id of the request, which is how the trace says whose it is.
async fn sign_out(visitor: Visitor, queue: Arc<Mutex<Vec<Person>>>) {
    loop {
        let Some(person) = queue.lock().unwrap().pop() else { return };
        let id = format!("leaving-{}", person.email.replace('@', "_at_"));
        let reply = visitor.log_out_as(&person.access_token, &id).await.unwrap();
        assert_eq!(reply.status, 204, "{reply:?}");
    }
}

/// The trace, once its writer has seen the end of the service.
fn ended(trace: &Path, main: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let trace = fs::read_to_string(trace).unwrap();
        let is_end = |line: &str| line.starts_with(main) && line.contains("+++ killed");
        if trace.lines().rev().take(100).any(is_end) {
            return trace;
        }
        assert!(Instant::now() < until, "the trace does not end");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// The database or its log.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum File {
    Database,
    Log,
}

#[derive(Debug)]
enum Event {
    Write {
        file: File,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: File,
        length: usize,
    },
    /// A thread begins to sync; what was written before is durable when it has ended.
    Sync {
        file: File,
        thread: String,
    },
    Synced {
        thread: String,
    },
    /// A logout of this person is about to be answered with success.
    Answer(String),
}

/// What strace has written, read as far as it concerns the two files.
///
/// A call that others interrupt is two lines: `… <unfinished ...>` and `<... call resumed>…`.
fn events<'a>(trace: &'a str, database: &'a Path) -> impl Iterator<Item = Event> + 'a {
    let mut unfinished = BTreeMap::new();
    trace.lines().flat_map(move |line| {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        let begun = call.strip_suffix(" <unfinished ...>");
        let whole = match (begun, call.strip_prefix("<... ")) {
            (Some(begun), _) => {
                unfinished.insert(thread, begun);
                None
            }
            (None, Some(_)) => unfinished.remove(thread).filter(|_| !call.contains(" = -1 ")),
            (None, None) => Some(call).filter(|_| !call.contains(") = -1 ")),
        };
        // What is written counts when the call has returned, what is answered and what is synced when it begins.
        let entered = begun.or(whole.filter(|_| !call.starts_with("<... ")));
        let entered = entered.and_then(|call| entry(thread, call, database));
        let returned = whole.and_then(|call| effect(thread, call, database));
        entered.into_iter().chain(returned).collect::<Vec<_>>()
    })
}

fn entry(thread: &str, call: &str, database: &Path) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    match name {
        "write" | "writev" | "sendto" => {
            let text = String::from_utf8(unescaped(arguments)).ok()?;
            let (_, rest) = text.split_once("HTTP/1.1 204").and(text.split_once("x-request-id: leaving-"))?;
            Some(Event::Answer(rest.split_once('\r')?.0.replace("_at_", "@")))
        }
        "fsync" | "fdatasync" => Some(Event::Sync { file: file(arguments, database)?, thread: thread.to_owned() }),
        _ => None,
    }
}

fn effect(thread: &str, call: &str, database: &Path) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    let number = |text: &str| text.trim().trim_end_matches(')').parse().unwrap();
    match name {
        "fsync" | "fdatasync" => Some(Event::Synced { thread: thread.to_owned() }),
        "pwrite64" => {
            let file = file(arguments, database)?;
            let (_, rest) = arguments.split_once(", \"")?;
            let (bytes, rest) = rest.split_once('"')?;
            let at = rest.split(", ").nth(2)?;
            let at = number(at.split(')').next()?);
            Some(Event::Write { file, at, bytes: unescaped(bytes) })
        }
        "ftruncate" => {
            let length = arguments.split_once(", ")?.1.split(')').next()?;
            Some(Event::Truncate { file: file(arguments, database)?, length: number(length) })
        }
        "unlink" => panic!("a log that is removed under the running service: {call}"),
        // SQLite writes with positions only.
        _ => None,
    }
}

/// Which file the first argument is, as in `5<path>, …`.
fn file(arguments: &str, database: &Path) -> Option<File> {
    let (_, path) = arguments.split_once('<')?;
    let path = String::from_utf8(unescaped(path.split_once('>')?.0)).ok()?;
    match path.strip_prefix(database.to_str().unwrap())? {
        "" => Some(File::Database),
        "-wal" => Some(File::Log),
        _ => None,
    }
}

/// The bytes of a text in which every byte of a string is `\x00`; what is not stays as it is.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        if let [b'\\', b'x', high, low, others @ ..] = rest {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&[*high, *low]).unwrap(), 16).unwrap());
            rest = others;
        } else {
            bytes.push(*first);
            rest = &rest[1..];
        }
    }
    bytes
}

/// What becomes of bytes that were written and not synced.
#[derive(Clone, Copy)]
enum Unsynced {
    Gone,
    /// Each sector is there or not.
    InPart,
}

/// A disk with a cache that it loses.
struct Disk {
    durable: BTreeMap<File, Vec<u8>>,
    /// Written and not yet durable, in order.
    cached: Vec<(File, Change)>,
    /// How many of `cached` a sync that has begun covers, by its thread.
    syncing: BTreeMap<String, (File, usize)>,
    chance: u64,
    syncs: usize,
    writes: usize,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Disk {
    fn new(database: Vec<u8>) -> Self {
        let durable = BTreeMap::from([(File::Database, database), (File::Log, Vec::new())]);
        Self { durable, cached: Vec::new(), syncing: BTreeMap::new(), chance: 0x9e37_79b9, syncs: 0, writes: 0 }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Write { file, at, bytes } => {
                self.writes += 1;
                self.cached.push((file, Change::Write(at, bytes)));
            }
            Event::Truncate { file, length } => self.cached.push((file, Change::Truncate(length))),
            Event::Sync { file, thread } => {
                self.syncing.insert(thread, (file, self.cached.len()));
            }
            Event::Synced { thread } => {
                if let Some((file, covered)) = self.syncing.remove(&thread) {
                    self.make_durable(file, covered);
                }
            }
            Event::Answer(_) => {}
        }
    }

    fn make_durable(&mut self, file: File, covered: usize) {
        self.syncs += 1;
        let content = self.durable.get_mut(&file).unwrap();
        let mut position = 0;
        let mut gone_before = vec![0];
        self.cached.retain(|(of, change)| {
            let is_covered = position < covered && *of == file;
            if is_covered {
                apply(content, change);
            }
            position += 1;
            gone_before.push(gone_before[position - 1] + usize::from(is_covered));
            !is_covered
        });
        for (_, others) in self.syncing.values_mut() {
            *others -= gone_before[*others];
        }
    }

    /// The directory as it is found when the power is back.
    fn after_a_cut(&mut self, unsynced: Unsynced) -> TempDir {
        let mut files = self.durable.clone();
        if let Unsynced::InPart = unsynced {
            for (file, change) in &self.cached {
                if let Change::Write(at, bytes) = change {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if one_in_two(&mut self.chance) {
                            let change = Change::Write(at + number * SECTOR, sector.to_vec());
                            apply(files.get_mut(file).unwrap(), &change);
                        }
                    }
                }
            }
        }
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("countersign.db"), &files[&File::Database]).unwrap();
        fs::write(directory.path().join("countersign.db-wal"), &files[&File::Log]).unwrap();
        directory
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, bytes) => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Change::Truncate(length) => content.resize(*length, 0),
    }
}

/// A coin (xorshift64, Marsaglia 2003), the same in every run.
fn one_in_two(state: &mut u64) -> bool {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state & 1 == 1
}

/// Everybody who was told that they are signed out is, and the file is whole.
fn assert_holds(directory: &TempDir, acknowledged: &BTreeSet<String>) {
    let connection = Connection::open(directory.path().join("countersign.db")).unwrap();
    let integrity: String = connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let mut ended = connection
        .prepare("select u.email from sessions s join users u on u.id = s.user_id where s.ended_at is not null")
        .unwrap();
    let found: BTreeSet<String> = ended.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let lost: Vec<&String> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
}
