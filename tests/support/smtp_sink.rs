//! A mail server that keeps what it is given, and misbehaves as it is told.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a letter may take to come on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What it does with letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// Takes them.
    Takes,
    /// Takes the connection and never says a word.
    Hangs,
    /// Makes everybody wait the first time (451).
    Greylists,
    /// Refuses every recipient for good (550).
    Refuses,
    /// Refuses every letter for good (554), and repeats all that offends it.
    Repeats,
    /// Takes the letter and closes the connection without a word, the first time.
    ClosesMidway,
    /// Takes its time over each letter.
    Dawdles(Duration),
}

/// A letter that was given to it, whether or not it said so.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) data: String,
}

impl Letter {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default();
        let line = head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
    }
}

impl Letter {
    /// Both parts as their readers see them: the quoted-printable of RFC 2045 §6.7 undone.
    pub(crate) fn decoded(&self) -> String {
        let joined = self.data.replace("=\r\n", "");
        let mut pieces = joined.split('=');
        let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
        for piece in pieces {
            let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
            let (byte, rest) = code.map_or((b'=', piece), |byte| (byte, &piece[2..]));
            bytes.push(byte);
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A mail server. Gone with this value.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    manner: Mutex<Manner>,
    letters: Mutex<Vec<Letter>>,
    seen: Mutex<HashSet<String>>,
    said: Mutex<Vec<String>>,
    connections: AtomicUsize,
    came: Notify,
}

impl Sink {
    pub(crate) async fn new(manner: Manner) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), manner).await
    }

    /// One at an address where there was one before.
    pub(crate) async fn at(address: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address of the sink");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            letters: Mutex::default(),
            seen: Mutex::default(),
            said: Mutex::default(),
            connections: AtomicUsize::new(0),
            came: Notify::new(),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self { address, shared, listening }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().expect("the manner") = manner;
    }

    /// What came so far.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.shared.letters.lock().expect("the letters").clone()
    }

    /// The commands that were said to it.
    pub(crate) fn said(&self) -> Vec<String> {
        self.shared.said.lock().expect("the commands").clone()
    }

    /// How many came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.letters.lock().expect("the letters").len()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until there were as many connections.
    pub(crate) async fn connected(&self, count: usize) {
        self.until(|| self.connections() >= count, "connections").await;
    }

    /// Waits until as many letters came, and answers them.
    pub(crate) async fn received(&self, count: usize) -> Vec<Letter> {
        self.until(|| self.count() >= count, "letters").await;
        self.letters()
    }

    async fn until(&self, is_so: impl Fn() -> bool, what: &str) {
        let waiting = async {
            loop {
                let came = self.shared.came.notified();
                if is_so() {
                    return;
                }
                came.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "not enough {what}: {} letters, {} connections", self.count(), self.connections());
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        shared.came.notify_waiters();
        conversations.spawn(converse(stream, Arc::clone(&shared)));
        while conversations.try_join_next().is_some() {}
    }
}

/// One conversation, until either side has enough.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let manner = || *shared.manner.lock().expect("the manner");
    if manner() == Manner::Hangs {
        return std::future::pending().await;
    }
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let (mut from, mut to) = (String::new(), String::new());
    let mut answer = "220 sink ESMTP".to_owned();
    loop {
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        shared.said.lock().expect("the commands").push(verb.clone());
        answer = match verb.as_str() {
            "EHLO" => "250-sink\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => "235 come in".to_owned(),
            "MAIL" => {
                from = between_brackets(&line);
                "250 go on".to_owned()
            }
            "RCPT" => {
                to = between_brackets(&line);
                shared.opinion_of(&to)
            }
            "DATA" => {
                if writer.write_all(b"354 go on\r\n").await.is_err() {
                    return;
                }
                let Some(data) = read_letter(&mut lines).await else { return };
                if let Manner::Dawdles(time) = manner() {
                    tokio::time::sleep(time).await;
                }
                if manner() == Manner::Repeats {
                    let encoded = Base64::encode_string(first_link(&data).as_bytes());
                    answer = format!("554 5.7.1 not this, <{to}>: {} {encoded}", first_link(&data));
                    shared.keep(Letter { from: from.clone(), to: to.clone(), data });
                    continue;
                }
                let first_time = shared.keep(Letter { from: from.clone(), to: to.clone(), data });
                if manner() == Manner::ClosesMidway && first_time {
                    return;
                }
                "250 taken".to_owned()
            }
            "QUIT" => return,
            _ => "250 fine".to_owned(),
        };
    }
}

/// The lines of a letter up to its dot; `None` if the connection broke before.
async fn read_letter(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<String> {
    let mut data = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        if line == "." {
            return Some(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
}

fn first_link(data: &str) -> String {
    let text = data.replace("=\r\n", "");
    text.split_whitespace().find(|word| word.starts_with("http")).unwrap_or_default().to_owned()
}

impl Shared {
    fn keep(&self, letter: Letter) -> bool {
        let first_time = self.seen.lock().expect("who was seen").insert(letter.to.clone());
        self.letters.lock().expect("the letters").push(letter);
        self.came.notify_waiters();
        first_time
    }

    fn opinion_of(&self, to: &str) -> String {
        match *self.manner.lock().expect("the manner") {
            Manner::Refuses => format!("550 5.1.1 <{to}>: no such user here"),
            Manner::Greylists if self.seen.lock().expect("who was seen").insert(to.to_owned()) => {
                "451 4.7.1 come back later".to_owned()
            }
            Manner::Takes
            | Manner::Hangs
            | Manner::Greylists
            | Manner::ClosesMidway
            | Manner::Repeats
            | Manner::Dawdles(_) => "250 fine".to_owned(),
        }
    }
}

fn between_brackets(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
