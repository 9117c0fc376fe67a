//! The embedded database is locked, filled, damaged and taken away under the running service.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, prlimit};

use crate::home::{Home, Person};
use crate::process::{PATIENCE, Service};
use crate::visitor::Reply;

#[tokio::test]
async fn a_file_locked_by_another_process_can_be_read_and_is_written_again_afterwards() {
    let home = Home::new(Engine::Sqlite).with("COUNTERSIGN_DATABASE__STATEMENT_TIMEOUT_SECONDS", "1");
    let people = home.people(10).await;
    let service = home.start();
    let visitor = service.visitor();
    let other = Connection::open(home.file()).unwrap();

    other.execute_batch("begin immediate").unwrap();
    let refused = visitor.log_out(&people[0].access_token).await.unwrap();
    let read = visitor.me(&people[0].access_token).await.unwrap();
    other.execute_batch("rollback").unwrap();
    let granted = eventually(&service, &people[1]).await;

    assert!(refused.is_unavailable(), "{refused:?}");
    assert_eq!(read.status, 200, "its session goes on, and reads do not wait: {read:?}");
    assert_eq!(granted.status, 200, "{granted:?}");
    println!("locked: refused after {:?}, nothing changed, granted again without a restart", refused.took);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let home = Home::new(Engine::Sqlite);
    let people = home.people(200).await;
    // The limit on the size of a file stands for the disk. It is in blocks of half a KiB; the database has a little less.
    let blocks = fs::metadata(home.file()).unwrap().len() / 512 + 300;
    let home = home.after(&format!("trap '' XFSZ; ulimit -S -f {blocks}"));
    let service = home.start();
    let visitor = service.visitor();

    let mut granted = Vec::new();
    let mut refused = Vec::new();
    for person in &people[..180] {
        let reply = visitor.log_out(&person.access_token).await.unwrap();
        assert!(reply.status == 204 || reply.is_unavailable(), "{reply:?}");
        if reply.status == 204 { granted.push(person) } else { refused.push(person) }
    }
    assert!(refused.len() > 20, "the disk is not full: {} refused", refused.len());
    read_again(&service, &people[190]).await;
    assert_eq!(visitor.get("/health/live").await.status, 200);

    prlimit(Some(service.process.id()), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    eventually(&service, &people[191]).await;
    for person in &granted {
        let me = visitor.me(&person.access_token).await.unwrap();
        assert_eq!((me.status, me.text("code")), (401, "session_ended"), "{me:?}");
    }
    for person in &refused {
        let me = visitor.me(&person.access_token).await.unwrap();
        assert_eq!(me.status, 200, "what was refused has not happened: {me:?}");
    }
    assert_eq!(integrity(&home), "ok");
    println!("full: {} logouts granted and true, {} refused and undone", granted.len(), refused.len());
}

#[tokio::test]
async fn a_file_that_may_only_be_read_refuses_writes_and_nothing_else() {
    let home = Home::new(Engine::Sqlite);
    let people = home.people(40).await;
    let home = home.run_by_somebody_else().after("trap '' XFSZ");
    let service = home.start();
    let visitor = service.visitor();

    // Who has a file open may write to it whatever its mode becomes; a fault makes the service open it anew.
    home.forbid_writing();
    let open_before = visitor.log_out(&people[0].access_token).await.unwrap();
    home.limit_file_size(&service, "4096");
    let full = visitor.log_out(&people[1].access_token).await.unwrap();
    home.limit_file_size(&service, "unlimited");
    for person in &people[2..30] {
        let reply = visitor.log_out(&person.access_token).await.unwrap();
        let me = visitor.me(&person.access_token).await.unwrap();
        assert!(reply.is_unavailable(), "{reply:?}");
        assert_eq!(me.status, 200, "nothing has changed, and reads go on: {me:?}");
    }
    let alive = visitor.get("/health/live").await.status;
    home.allow_writing();
    eventually(&service, &people[30]).await;
    let again = visitor.log_out(&people[31].access_token).await.unwrap();

    assert_eq!(open_before.status, 204, "{open_before:?}");
    assert!(full.is_unavailable(), "{full:?}");
    assert_eq!((alive, again.status), (200, 204));
    assert!(!service.process.said().contains("panicked"), "{}", service.process.said());
    assert_eq!(integrity(&home), "ok");
    println!("read-only: 28 logouts refused and undone, 28 reads meanwhile, granted again without a restart");
}

#[tokio::test]
async fn a_damaged_file_is_an_outage_and_the_service_goes_on_when_it_is_repaired() {
    let home = Home::new(Engine::Sqlite);
    let people = home.people(50).await;
    let service = home.start();
    let visitor = service.visitor();
    let file = home.file();
    Connection::open(&file).unwrap().execute_batch("pragma wal_checkpoint(truncate)").unwrap();
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xA5);

    overwrite(&home, &damaged);
    let read = visitor.me(&people[0].access_token).await.unwrap();
    let write = visitor.log_out(&people[0].access_token).await.unwrap();
    let alive = [visitor.get("/health/live").await.status, visitor.get("/.well-known/jwks.json").await.status];
    overwrite(&home, &whole);
    eventually(&service, &people[1]).await;
    let me = visitor.me(&people[0].access_token).await.unwrap();

    assert!(read.is_unavailable() && write.is_unavailable(), "{read:?} {write:?}");
    assert_eq!(alive, [200, 200]);
    assert_eq!(me.status, 200, "{me:?}");
    assert!(!service.process.said().contains("panicked"), "{}", service.process.said());
}

/// Refreshes somebody's session until it is granted.
async fn eventually(service: &Service, person: &Person) -> Reply {
    let until = Instant::now() + PATIENCE;
    loop {
        let reply = service.visitor().refresh(&person.refresh_token).await.unwrap();
        if reply.status == 200 {
            return reply;
        }
        assert!(reply.is_unavailable() && Instant::now() < until, "{reply:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads go on while nothing can be written. Writes that were slow as well may have opened the breaker for a moment.
async fn read_again(service: &Service, person: &Person) {
    let until = Instant::now() + PATIENCE;
    loop {
        let read = service.visitor().me(&person.access_token).await.unwrap();
        if read.status == 200 {
            return;
        }
        assert!(read.is_unavailable() && Instant::now() < until, "reads do not go on: {read:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn integrity(home: &Home) -> String {
    let connection = Connection::open(home.file()).unwrap();
    connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap()
}

/// Replaces what the file holds, but not the file: the service has it open.
fn overwrite(home: &Home, content: &[u8]) {
    fs::OpenOptions::new().write(true).open(home.file()).unwrap().write_all(content).unwrap();
}
