//! What is tried again on PostgreSQL, because it certainly has not happened; and what never is.

use std::time::Duration;

use countersign::database::{Database, DatabaseError, DatabaseSettings, Fault, Reads, Statement, Writes};
use tokio_postgres::{Client, NoTls};

use crate::postgres::{TestDatabase, administer};
use crate::postgres_server::Server;
use crate::support::{ADD_NOTE, COUNT_NOTES, MAKE_NOTES};

static ADD_LATER: Statement = Statement::new("insert into notes (body, id) values ($2, $1)");
static TOUCH: Statement = Statement::new("update notes set body = body || '.' where id = $1");
static TOUCH_DOWNWARD: Statement = Statement::new(
    "with first as (update notes set body = body || '!' where id = 2 returning id)
     update notes set body = body || '!' where id = (select id - 1 from first)",
);

async fn notes(change: impl FnOnce(&mut DatabaseSettings)) -> (TestDatabase, Database) {
    let home = TestDatabase::new();
    let mut settings = DatabaseSettings::new(home.url().as_str());
    change(&mut settings);
    let database = Database::connect(&settings).await.unwrap();
    database.once().execute(&MAKE_NOTES, &[]).await.unwrap();
    (home, database)
}

/// Ends all sessions of a database from outside, and lets nobody notice before it is done.
fn break_connections(home: &TestDatabase) {
    let name = home.url().rsplit_once('/').unwrap().1.to_owned();
    let server = home.url().rsplit_once('/').unwrap().0.to_owned();
    let sql = format!("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'");
    administer(&server, sql).unwrap();
}

async fn beside(home: &TestDatabase) -> Client {
    let (client, connection) = tokio_postgres::connect(&home.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn what_meets_a_broken_connection_before_it_is_sent_goes_over_another() {
    let (home, database) = notes(|_| {}).await;
    database.ping().await.unwrap();

    break_connections(&home);
    let read = database.one::<i64>(&COUNT_NOTES, &[]).await;
    let mut transaction = database.begin().await.unwrap();
    break_connections(&home);
    let first = transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await;
    transaction.commit().await.unwrap();
    break_connections(&home);
    let once = database.once().execute(&ADD_LATER, &[2.into(), "b".into()]).await;

    assert_eq!((read, first, once), (Ok(0), Ok(1), Ok(1)));
    assert_eq!(database.breaker().counts.failed, 0, "nobody has noticed");
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(2));
}

#[tokio::test]
async fn a_later_statement_of_a_transaction_is_not_tried_again() {
    let (home, database) = notes(|_| {}).await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();

    break_connections(&home);
    let second = transaction.execute(&ADD_NOTE, &[2.into(), "b".into()]).await;

    assert!(matches!(second, Err(DatabaseError::Unavailable { fault: Fault::Connection, .. })), "{second:?}");
    assert_eq!(transaction.commit().await, Err(DatabaseError::Failed));
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0), "nothing by half");
}

#[tokio::test]
async fn a_read_only_answer_empties_the_pool_and_leads_to_the_server_that_writes() {
    static DEMOTE: Statement = Statement::new("set session characteristics as transaction read only");
    let (_home, database) = notes(|_| {}).await;
    let several = (database.begin().await.unwrap(), database.begin().await.unwrap(), database.begin().await.unwrap());
    drop(several);
    assert_eq!(database.stats().connections, 3);

    database.once().execute(&DEMOTE, &[]).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    transaction.commit().await.unwrap();
    database.once().execute(&DEMOTE, &[]).await.unwrap();
    database.once().execute(&ADD_NOTE, &[2.into(), "b".into()]).await.unwrap();

    assert_eq!(database.stats().connections, 1, "all of them led to the wrong server");
    assert_eq!(database.breaker().counts.failed, 0);
}

#[tokio::test]
async fn who_is_ended_to_resolve_a_deadlock_is_tried_again() {
    let (home, database) = notes(|settings| settings.statement_timeout = Duration::from_secs(20)).await;
    for id in [1, 2] {
        database.once().execute(&ADD_NOTE, &[id.into(), id.to_string().as_str().into()]).await.unwrap();
    }
    let other = beside(&home).await;
    other
        .batch_execute("set deadlock_timeout = '1min'; begin; update notes set body = 'a' where id = 1")
        .await
        .unwrap();

    let downward = tokio::spawn({
        let database = database.clone();
        async move { database.once().execute(&TOUCH_DOWNWARD, &[]).await }
    });
    let waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let observer = beside(&home).await;
    while observer.query(waiting, &[]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    other.batch_execute("update notes set body = 'b' where id = 2; commit").await.unwrap();

    assert_eq!(downward.await.unwrap(), Ok(1));
    assert_eq!(database.breaker().counts.failed, 0, "it is no fault of the server's");
    // Statistics arrive a moment later.
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    while observer.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_without_a_place_is_asked_again_and_then_it_is_an_outage() {
    let server = Server::start();
    let home = TestDatabase::on(&server.url());
    administer(&server.url(), "create role few login connection limit 1".to_owned()).unwrap();
    let url = home.url().replace("postgres@", "few@");
    let (held, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut settings = DatabaseSettings::new(url.as_str());
    settings.connect_timeout = Duration::ZERO;

    let refused = Database::connect(&settings).await;
    drop(held);
    connection.await.unwrap().unwrap();
    settings.connect_timeout = Duration::from_secs(10);
    let granted = Database::connect(&settings).await;

    assert!(matches!(refused, Err(DatabaseError::Unavailable { fault: Fault::Server, .. })), "{refused:?}");
    granted.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_waits_for_its_standby_is_unknown_and_is_not_cancelled() {
    let server = Server::start();
    let home = TestDatabase::on(&server.url());
    let mut settings = DatabaseSettings::new(home.url().as_str());
    settings.statement_timeout = Duration::from_millis(300);
    let database = Database::connect(&settings).await.unwrap();
    database.once().execute(&MAKE_NOTES, &[]).await.unwrap();
    let standby = |names: &str| {
        administer(&server.url(), format!("alter system set synchronous_standby_names = '{names}'")).unwrap();
        administer(&server.url(), "select pg_reload_conf()".to_owned()).unwrap();
    };

    standby("nobody");
    let (observer, connection) = tokio_postgres::connect(&home.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    while observer.query_one("show synchronous_standby_names", &[]).await.unwrap().get::<_, String>(0) != "nobody" {
        tokio::task::yield_now().await;
    }
    let once = database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[2.into(), "b".into()]).await.unwrap();
    let commit = transaction.commit().await;
    let waiting = observer.query("select 1 from pg_stat_activity where wait_event = 'SyncRep'", &[]).await;
    standby("");

    assert!(matches!(once, Err(DatabaseError::CommitUnknown(_))), "{once:?}");
    assert!(matches!(commit, Err(DatabaseError::CommitUnknown(_))), "{commit:?}");
    assert_eq!(waiting.unwrap().len(), 2, "a cancelled wait would have been answered with success");
    while database.one::<i64>(&COUNT_NOTES, &[]).await != Ok(2) {
        // Unknown means that it may have happened: here it has, once its wait is over.
        tokio::task::yield_now().await;
    }
    database.once().execute(&TOUCH, &[1.into()]).await.unwrap();
}
