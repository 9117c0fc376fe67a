//! The wall clock is set forward and back under the running service, as a correction or a mistake does.
//!
//! libfaketime stands between the program and the clock: it shifts the time of day by what a file says and leaves the
//! monotonic clock alone, as setting a machine's clock does.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign::database::{Engine, Reads, Statement};

use crate::home::{Home, PASSWORD, Person};
use crate::process::{PATIENCE, Service};
use crate::visitor::Reply;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Keys that are not retired; those that sign now or next have a private part.
static KEYS: Statement = Statement::new("select count(*) from signing_keys");
/// When the youngest key signs, or will.
static LATEST: Statement =
    Statement::new("select max(activates_at) from signing_keys where state in ('active', 'next')");

/// A service whose wall clock can be set.
struct Site {
    home: Home,
    people: Vec<Person>,
    service: Service,
}

impl Site {
    async fn new(home: Home) -> Self {
        let people = home.people(6).await;
        let clock = home.directory().join("clock").display().to_string();
        let home = home
            .with("LD_PRELOAD", &library().display().to_string())
            .with("FAKETIME_TIMESTAMP_FILE", &clock)
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
            .with("COUNTERSIGN_HTTP__HEADER_TIMEOUT_SECONDS", "2")
            // So that a key is published for seconds, not minutes, before it signs.
            .with("COUNTERSIGN_KEYS__MAX_AGE_SECONDS", "1");
        set(&home, 0);
        let service = home.start();
        Self { home, people, service }
    }

    /// Sets the clock so many seconds from the true time.
    fn set(&self, offset: i64) {
        set(&self.home, offset);
    }

    async fn me(&self, access_token: &str) -> (u16, String) {
        outcome(&self.service.visitor().me(access_token).await.unwrap())
    }

    async fn refresh(&self, refresh_token: &str) -> Reply {
        self.service.visitor().refresh(refresh_token).await.unwrap()
    }

    async fn log_in(&self, person: &Person) -> Reply {
        let body = serde_json::json!({"email": person.email, "password": PASSWORD});
        self.service.visitor().ask(reqwest::Method::POST, "/auth/login", None, Some(&body)).await.unwrap()
    }

    fn assert_calm(&self) {
        assert!(!self.service.process.said().contains("panicked"), "{}", self.service.process.said());
    }
}

/// Debian keeps it in a directory of the architecture.
fn library() -> PathBuf {
    let found = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    found.into_iter().find(|path| path.exists()).expect("libfaketime (Debian: libfaketime)")
}

/// Renamed into place: the service reads it at every look at the clock.
fn set(home: &Home, offset: i64) {
    let clock = home.directory().join("clock");
    let new = home.directory().join("clock.new");
    fs::write(&new, format!("{offset:+}")).unwrap();
    fs::rename(new, clock).unwrap();
}

fn outcome(reply: &Reply) -> (u16, String) {
    (reply.status, reply.text("code").to_owned())
}

fn granted(reply: &Reply) -> (String, String) {
    assert_eq!(reply.status, 200, "{reply:?}");
    (reply.text("access_token").to_owned(), reply.text("refresh_token").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_follow_the_wall_clock_and_sessions_survive_its_correction() {
    let site = Site::new(Home::new(Engine::Sqlite)).await;
    let ada = &site.people[0];
    let ok = (200, String::new());
    let refused = |code: &str| (401, code.to_owned());

    // A jump is seen at all, and a small one harms nobody: clocks may differ by five seconds.
    site.set(29 * MINUTE);
    assert_eq!(site.me(&ada.access_token).await, ok);
    site.set(31 * MINUTE);
    assert_eq!(site.me(&ada.access_token).await, refused("token_expired"));
    let (access, refresh) = granted(&site.refresh(&ada.refresh_token).await);
    assert_eq!(site.me(&access).await, ok);
    site.set(31 * MINUTE - 3);
    assert_eq!(site.me(&access).await, ok);

    // Set right again, tokens of the time to come are refused, and one refresh makes it good.
    site.set(0);
    let early = site.me(&access).await;
    let (access, refresh) = granted(&site.refresh(&refresh).await);
    assert_eq!(early.0, 401, "{early:?}");
    assert_eq!(site.me(&access).await, ok);
    assert_eq!(site.me(&ada.access_token).await, ok, "it lives its half hour after all");
    let signed_in = granted(&site.log_in(&site.people[1]).await);
    assert_eq!(site.me(&signed_in.0).await, ok);

    // Idle time is measured between two readings of the wall clock: a session that was used lately stays.
    site.set(-DAY);
    granted(&site.refresh(&refresh).await);
    site.assert_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_does_not_let_a_spent_token_live() {
    let site = Site::new(Home::new(Engine::Sqlite)).await;
    let (ada, ben) = (&site.people[0], &site.people[1]);

    let first = granted(&site.refresh(&ada.refresh_token).await);
    let second = granted(&site.refresh(&ada.refresh_token).await);
    let _spent = granted(&site.refresh(&ben.refresh_token).await);
    site.set(-HOUR);
    let replay = site.refresh(&ben.refresh_token).await;

    assert_eq!(first.1, second.1, "a lost answer is given again within seconds");
    assert_eq!(outcome(&replay), (401, "refresh_token_reused".to_owned()));
    site.assert_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_do_not_run_wild_and_keep_their_timetable_after_a_correction() {
    let site = Site::new(Home::new(Engine::Sqlite)).await;
    let database = site.home.database().await;
    let keys = || async { database.one::<i64>(&KEYS, &[]).await.unwrap() };
    assert_eq!(keys().await, 1);

    site.set(400 * DAY);
    site.service.process.says("another key signs");
    let tokens = granted(&site.log_in(&site.people[1]).await);
    let me_then = site.me(&tokens.0).await;
    // So many looks at the timetable: four a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let in_the_future = keys().await;
    site.set(0);
    let until = Instant::now() + PATIENCE;
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    while database.one::<i64>(&LATEST, &[]).await.unwrap() > now() + 60_000 {
        assert!(Instant::now() < until, "no key would change for more than a year");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let corrected = keys().await;
    let again = granted(&site.log_in(&site.people[2]).await);

    assert_eq!(me_then.0, 200, "{me_then:?}");
    assert_eq!(in_the_future, 2, "one rotation, however far the jump");
    assert_eq!(corrected, 3, "one more, whose time is true");
    assert_eq!(site.me(&again.0).await.0, 200);
    assert_eq!(site.service.visitor().get("/.well-known/jwks.json").await.status, 200);
    site.assert_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_the_hashing_queue_and_the_breaker_do_not_ask_the_wall_clock() {
    let site = Site::new(Home::with_own_server()).await;

    // Whoever sends half a head is cut off after two seconds, whatever the wall says meanwhile.
    for offset in [DAY, -DAY] {
        let mut idle = TcpStream::connect(site.service.address).unwrap();
        idle.set_read_timeout(Some(PATIENCE)).unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").unwrap();
        let begun = Instant::now();
        site.set(offset);
        assert_eq!(idle.read(&mut [0; 64]).unwrap(), 0);
        assert!(begun.elapsed() > Duration::from_secs(1), "it was given its time");
    }

    // Hashes under way are finished, and the breaker opens and closes.
    let signing_in = site.log_in(&site.people[0]);
    site.set(DAY);
    let signed_in = signing_in.await;
    site.home.server().stop();
    let until = Instant::now() + PATIENCE;
    let visitor = site.service.visitor();
    while visitor.get("/health/ready").await.status != 503 {
        assert!(Instant::now() < until, "it does not notice");
    }
    site.set(-DAY);
    site.home.server().restart();
    let begun = Instant::now();
    while visitor.get("/health/ready").await.status != 200 {
        assert!(Instant::now() < until, "the breaker waits for the wall clock");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let back = begun.elapsed();
    let again = site.log_in(&site.people[1]).await;

    assert_eq!((signed_in.status, again.status), (200, 200), "{signed_in:?} {again:?}");
    site.assert_calm();
    println!(
        "clock jumps: timers, hashing and breaker go on; database back {back:?} after its return, the clock two days off"
    );
}
