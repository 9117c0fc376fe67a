//! The database is copied, put back and moved under people who stay signed in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::database::{Database, Engine, Reads};
use serde_json::json;

use crate::home::{Home, PASSWORD};
use crate::killed::{HALF_MADE, STRAY_SESSIONS, integrity};
use crate::postgres::{TestDatabase, administer};
use crate::visitor::Visitor;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_to_a_consistent_state() {
    let home = Home::new(Engine::Sqlite);
    let mut people = home.people(12).await;
    let quiet = people.split_off(8);
    let service = home.start();
    let is_over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = people
        .into_iter()
        .map(|person| tokio::spawn(refresh_until(service.visitor(), person.refresh_token, Arc::clone(&is_over))))
        .chain([tokio::spawn(register_until(service.visitor(), Arc::clone(&is_over)))])
        .collect();

    let backups = [0, 1, 2].map(|number| home.file().with_file_name(format!("backup-{number}.db")));
    for backup in &backups {
        let (status, said) = home.runs(&["backup", backup.to_str().unwrap()]).ended();
        assert!(status.success() && said.contains("examined and in order"), "{said}");
    }
    let (again, said) = home.runs(&["backup", backups[0].to_str().unwrap()]).ended();
    assert!(!again.success() && said.contains("is there already"), "{said}");
    is_over.store(true, Ordering::Relaxed);
    let mut done = 0;
    for one in busy {
        done += one.await.unwrap();
    }
    assert!(done > 0, "there was no load");
    drop(service);

    for backup in &backups {
        let elsewhere = Home::new(Engine::Sqlite);
        let (status, said) = elsewhere.runs(&["restore", backup.to_str().unwrap()]).ended();
        assert!(status.success(), "{said}");
        assert_eq!(integrity(&elsewhere.file()), "ok");
        whole(&elsewhere.database().await).await;
        let service = elsewhere.start();
        for person in &quiet {
            let visitor = service.visitor();
            assert_eq!(visitor.me(&person.access_token).await.unwrap().status, 200);
            assert_eq!(visitor.refresh(&person.refresh_token).await.unwrap().status, 200);
        }
    }
    println!("3 backups during {done} refreshes and registrations; half-made 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_waits_for_nobody_and_loses_nothing() {
    let home = Home::new(Engine::Sqlite);
    let ada = home.people(1).await.pop().unwrap();
    let backup = home.file().with_file_name("backup.db");
    let backup = backup.to_str().unwrap();
    assert!(home.runs(&["backup", backup]).ended().0.success());

    let service = home.start();
    let (refused, said) = home.runs(&["restore", backup]).ended();
    assert_eq!(refused.code(), Some(2), "{said}");
    assert!(said.contains("is in use: stop the server first"), "{said}");
    assert_eq!(service.visitor().log_out(&ada.access_token).await.unwrap().status, 204);
    drop(service);

    let (status, said) = home.runs(&["restore", backup]).ended();
    assert!(status.success() && said.contains("what was there is "), "{said}");
    let kept = said.trim().rsplit_once(' ').unwrap().1;
    assert_eq!(integrity(Path::new(kept)), "ok");
    let service = home.start();
    assert_eq!(service.visitor().me(&ada.access_token).await.unwrap().status, 200, "as it was at the backup");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_backup_of_ours_is_not_restored() {
    let home = Home::new(Engine::Sqlite);
    home.people(1).await;
    let before = std::fs::read(home.file()).unwrap();
    let other = home.file().with_file_name("other.db");
    let restore = || home.runs(&["restore", other.to_str().unwrap()]).ended();

    std::fs::write(&other, "nothing of the kind".repeat(1000)).unwrap();
    assert!(restore().1.contains("not a database"), "{}", restore().1);
    std::fs::remove_file(&other).unwrap();
    rusqlite::Connection::open(&other).unwrap().execute_batch("create table users (id)").unwrap();
    assert!(restore().1.contains("no database of Countersign"), "{}", restore().1);
    std::fs::copy(home.file(), &other).unwrap();
    let newer = "insert into schema_migrations values (9999, 'later', 'x', 0)";
    rusqlite::Connection::open(&other).unwrap().execute_batch(newer).unwrap();
    assert!(restore().1.contains("start the newer release"), "{}", restore().1);

    assert_eq!(std::fs::read(home.file()).unwrap(), before);
    assert!(!home.file().with_added_extension("restoring").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_moved_goes_on_with_the_same_sessions() {
    let home = Home::new(Engine::Sqlite);
    let mut people = home.people(20).await;
    let target = TestDatabase::new();
    let to = ["move", "--to", &target.url()].map(str::to_owned);
    let to = to.each_ref().map(String::as_str);

    let service = home.start();
    let (refused, said) = home.runs(&to).ended();
    assert!(!refused.success() && said.contains("the SQLite database is in use"), "{said}");
    let gone = people.pop().unwrap();
    assert_eq!(service.visitor().log_out(&gone.access_token).await.unwrap().status, 204);
    drop(service);

    let (status, said) = home.runs(&to).ended();
    assert!(status.success(), "{said}");
    assert!(said.lines().any(|line| line.starts_with("users ") && line.contains(" 20 rows ")), "{said}");
    let (again, said) = home.runs(&to).ended();
    assert!(!again.success() && said.contains("the PostgreSQL database is not empty"), "{said}");

    let home = home.with("DATABASE_URL", &target.url());
    let service = home.start();
    let visitor = service.visitor();
    for person in &people {
        let me = visitor.me(&person.access_token).await.unwrap();
        assert_eq!((me.status, me.text("email")), (200, person.email.as_str()), "{me:?}");
        assert_eq!(visitor.refresh(&person.refresh_token).await.unwrap().status, 200);
    }
    assert_eq!(visitor.me(&gone.access_token).await.unwrap().text("code"), "session_ended");
    let login = json!({"email": people[0].email, "password": PASSWORD});
    let login = visitor.ask(reqwest::Method::POST, "/auth/login", None, Some(&login)).await.unwrap();
    assert_eq!(login.status, 200, "{login:?}");
    let newcomer = visitor.register("newcomer").await.unwrap();
    assert_eq!((newcomer.status, newcomer.body["user"]["id"].as_i64()), (201, Some(21)), "ids go on: {newcomer:?}");
    whole(&home.database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doctor_who_asks_a_running_service_finds_it_well() {
    let home = Home::with_own_server();
    administer(&home.server().url(), "alter system set fsync = on".to_owned()).unwrap();
    home.server().stop();
    home.server().restart();
    let service = home.start();
    let url = format!("http://{}", service.address);

    let (status, said) = home.runs(&["doctor", "--url", &url]).ended();

    assert_eq!(status.code(), Some(0), "{said}");
    for words in [
        "leads to the server",
        "acknowledges is on its disk",
        "that of the database server are",
        "has been signing for 0 days",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test]
async fn a_doctor_sees_that_a_server_does_not_keep_its_word() {
    let home = Home::with_own_server();
    let unsynchronised = "alter role postgres set synchronous_commit = off";
    administer(&home.server().url(), unsynchronised.to_owned()).unwrap();

    let (status, said) = home.runs(&["doctor"]).ended();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("BAD     database      fsync, synchronous_commit = off: a crash"), "{said}");
}

/// Nothing is there by half.
async fn whole(database: &Database) {
    assert_eq!(database.one::<i64>(&HALF_MADE, &[]).await, Ok(0), "users by half");
    assert_eq!(database.one::<i64>(&STRAY_SESSIONS, &[]).await, Ok(0), "sessions of nobody");
}

async fn refresh_until(visitor: Visitor, mut refresh_token: String, is_over: Arc<AtomicBool>) -> usize {
    let mut done = 0;
    while !is_over.load(Ordering::Relaxed) {
        let reply = visitor.refresh(&refresh_token).await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.text("refresh_token").clone_into(&mut refresh_token);
        done += 1;
    }
    done
}

async fn register_until(visitor: Visitor, is_over: Arc<AtomicBool>) -> usize {
    let mut done = 0;
    while !is_over.load(Ordering::Relaxed) {
        let reply = visitor.register(&format!("applicant-{done}")).await.unwrap();
        assert!(reply.status == 201 || reply.text("code") == "overloaded", "{reply:?}");
        done += usize::from(reply.status == 201);
    }
    done
}
