//! The queue for the one writer of SQLite, and the groups in which its work is committed. What both engines promise
//! is asked of both.

use std::time::Duration;

use countersign::database::{Database, DatabaseError, Engine, Reads, Statement, Writes};
use futures_util::FutureExt;
use rstest::rstest;
use tokio::task::JoinSet;

use crate::support::{ADD_NOTE, COUNT_NOTES, Fixture};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_at_once_all_get_their_turn(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::notes(engine).await;

    let mut writers = JoinSet::new();
    for writer in 0..64_i64 {
        let database = fixture.database.clone();
        writers.spawn(async move {
            for turn in 0..10 {
                let id = writer * 10 + turn;
                let body = format!("{writer} {turn}");
                if turn % 2 == 0 {
                    database.once().execute(&ADD_NOTE, &[id.into(), (&body).into()]).await.unwrap();
                } else {
                    let mut transaction = database.begin().await.unwrap();
                    transaction.execute(&ADD_NOTE, &[id.into(), (&body).into()]).await.unwrap();
                    transaction.commit().await.unwrap();
                }
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    assert_eq!(fixture.database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(640));
    let stats = fixture.database.stats();
    assert!(stats.commits >= 640, "{stats:?}");
    assert!(engine == Engine::Postgres || stats.groups < stats.commits, "an fsync carries several: {stats:?}");
}

#[rstest]
#[tokio::test]
async fn rollbacks_alone_leave_no_lock_behind(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::notes(engine).await;
    let other = Database::connect(&fixture.url.as_str().into()).await.unwrap();

    for _ in 0..3 {
        let mut transaction = fixture.database.begin().await.unwrap();
        transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    }

    other.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("another process can write");
}

#[tokio::test]
async fn a_turn_that_nobody_takes_up_is_taken_back() {
    let fixture = Fixture::notes_with(Engine::Sqlite, |settings| settings.lease = Duration::from_millis(50)).await;
    let Fixture { database, .. } = &fixture;

    let first = database.begin().await.unwrap();
    let mut waiting = Box::pin(database.begin());
    assert!((&mut waiting).now_or_never().is_none(), "it stands in the queue");
    drop(first); // grants the turn to a future that nobody polls

    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("the queue goes on");
    assert_eq!(database.stats().revoked, 1);
    let mut late = waiting.await.expect("granted, and over");
    assert_eq!(late.execute(&ADD_NOTE, &[2.into(), "b".into()]).await, Err(DatabaseError::Timeout("transaction")));
}

#[rstest]
#[tokio::test]
async fn whoever_leaves_the_queue_keeps_nobody_waiting(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::notes_with(engine, |settings| settings.max_connections = 1).await;
    let Fixture { database, .. } = &fixture;

    let first = database.begin().await.unwrap();
    let mut leaving = Box::pin(database.begin());
    assert!((&mut leaving).now_or_never().is_none());
    let mut granted = Box::pin(database.begin());
    assert!((&mut granted).now_or_never().is_none());
    drop(leaving);
    drop(first);
    drop(granted);

    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("the queue goes on");
    assert_eq!(database.stats().revoked, 0);
}

#[tokio::test]
async fn a_group_that_sqlite_rolled_back_is_success_for_nobody() {
    // Stands for a full disk: SQLite ends the whole transaction, not the statement.
    static ROLL_BACK_ALL: Statement = Statement::new("insert or rollback into notes (id, body) values ($1, $2)");
    let Fixture { database, .. } = &Fixture::notes(Engine::Sqlite).await;
    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();

    // Three in the queue, so that the second is granted its turn before the group of the first is committed.
    let opening = database.begin().await.unwrap();
    let mut first = Box::pin(database.begin());
    assert!((&mut first).now_or_never().is_none());
    let mut second = Box::pin(database.begin());
    assert!((&mut second).now_or_never().is_none());
    drop(opening);
    let mut first = first.await.unwrap();
    first.execute(&ADD_NOTE, &[2.into(), "b".into()]).await.unwrap();
    let mut commit = Box::pin(first.commit());
    assert!((&mut commit).now_or_never().is_none(), "handed in");
    let mut second = second.await.unwrap();
    let clash = second.execute(&ROLL_BACK_ALL, &[1.into(), "again".into()]).await;

    assert!(matches!(clash, Err(DatabaseError::Unique { .. })), "{clash:?}");
    let lost = commit.await;
    assert!(matches!(lost, Err(DatabaseError::Unavailable { .. })), "{lost:?}");
    assert_eq!(second.commit().await, Err(DatabaseError::Failed));
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1));
    database.once().execute(&ADD_NOTE, &[2.into(), "b".into()]).await.expect("the writer goes on");
}
