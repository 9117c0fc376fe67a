//! Transactions: all or nothing, whatever happens to whoever opened them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::database::{DatabaseError, Engine, FromRow, Reads, Row, Transaction, Writes};
use futures_util::FutureExt;
use rstest::rstest;
use tokio::task::JoinSet;

use crate::support::{ADD_NOTE, COUNT_NOTES, Fixture};

#[rstest]
#[tokio::test]
async fn a_dropped_transaction_leaves_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    assert_eq!(transaction.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1), "it sees its own work");
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0), "nobody else does");
    drop(transaction);

    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0));
    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("its key is free");
}

#[rstest]
#[tokio::test]
async fn a_committed_transaction_is_there(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    transaction.execute(&ADD_NOTE, &[2.into(), "b".into()]).await.unwrap();
    transaction.commit().await.unwrap();
    database.begin().await.unwrap().commit().await.expect("nothing is easily committed");

    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(2));
}

#[rstest]
#[tokio::test]
async fn what_shall_follow_a_commit_follows_nothing_else(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;
    let followed = Arc::new(AtomicUsize::new(0));
    let follow = |transaction: &mut Transaction| {
        let followed = Arc::clone(&followed);
        transaction.after_commit(move || drop(followed.fetch_add(1, Ordering::Relaxed)));
    };

    let mut dropped = database.begin().await.unwrap();
    dropped.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    follow(&mut dropped);
    drop(dropped);
    let mut failed = database.begin().await.unwrap();
    follow(&mut failed);
    failed.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    assert!(failed.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.is_err());
    assert_eq!(failed.commit().await, Err(DatabaseError::Failed));
    assert_eq!(followed.load(Ordering::Relaxed), 0);

    let mut committed = database.begin().await.unwrap();
    committed.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    follow(&mut committed);
    committed.commit().await.unwrap();
    assert_eq!(followed.load(Ordering::Relaxed), 1);
}

#[rstest]
#[tokio::test]
async fn after_an_error_a_transaction_can_only_be_rolled_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    let duplicate = transaction.execute(&ADD_NOTE, &[2.into(), "a".into()]).await;
    assert_eq!(duplicate, Err(DatabaseError::Unique { constraint: "notes_body_key".to_owned() }));
    assert_eq!(transaction.execute(&ADD_NOTE, &[3.into(), "c".into()]).await, Err(DatabaseError::Failed));
    assert_eq!(transaction.commit().await, Err(DatabaseError::Failed));

    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0));
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_harms_no_neighbour(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    let mut writers = JoinSet::new();
    for id in 0..64 {
        let database = database.clone();
        writers.spawn(async move {
            let mut transaction = database.begin().await.unwrap();
            transaction.execute(&ADD_NOTE, &[id.into(), format!("note {id}").as_str().into()]).await.unwrap();
            if id % 3 == 0 {
                let clash = transaction.execute(&ADD_NOTE, &[id.into(), "again".into()]).await;
                assert!(matches!(clash, Err(DatabaseError::Unique { .. })), "{clash:?}");
                return;
            }
            transaction.commit().await.unwrap();
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    let two_thirds = (0..64).filter(|id| id % 3 != 0).count();
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(i64::try_from(two_thirds).unwrap()));
}

#[rstest]
#[tokio::test]
async fn a_transaction_that_idles_is_rolled_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::notes_with(engine, |settings| settings.lease = Duration::from_millis(50)).await;
    let Fixture { database, .. } = &fixture;

    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    // On SQLite the next writer waits for the end of the lease, on PostgreSQL for the row.
    database.once().execute(&ADD_NOTE, &[1.into(), "b".into()]).await.expect("the key is free again");

    assert_eq!(
        transaction.execute(&ADD_NOTE, &[2.into(), "c".into()]).await,
        Err(DatabaseError::Timeout("transaction"))
    );
    assert_eq!(transaction.commit().await, Err(DatabaseError::Failed));
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1));
}

#[rstest]
#[tokio::test]
async fn a_commit_whose_client_has_gone_is_whole(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    for round in 0..50 {
        let mut transaction = database.begin().await.unwrap();
        for note in 0..2_i64 {
            let id = round * 2 + note;
            transaction.execute(&ADD_NOTE, &[id.into(), id.to_string().as_str().into()]).await.unwrap();
        }
        let mut commit = Box::pin(transaction.commit());
        assert!((&mut commit).now_or_never().is_none() || engine == Engine::Sqlite);
        drop(commit);
    }

    // Whatever was sent is done before the next one's work.
    database.once().execute(&ADD_NOTE, &[1000.into(), "last".into()]).await.unwrap();
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(101), "sent is sent");
}

#[rstest]
#[tokio::test]
async fn a_statement_that_was_abandoned_fails_its_transaction(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let fixture = Fixture::notes(engine).await;
    let Fixture { database, .. } = &fixture;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();

    let arguments = [2.into(), "b".into()];
    let mut abandoned = Box::pin(transaction.execute(&ADD_NOTE, &arguments));
    let pending = (&mut abandoned).now_or_never().is_none();
    drop(abandoned);

    // SQLite runs a statement within one poll: it cannot be abandoned.
    assert_eq!(pending, engine == Engine::Postgres);
    if pending {
        assert_eq!(transaction.commit().await, Err(DatabaseError::Failed));
        assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0));
    }
}

#[rstest]
#[tokio::test]
async fn a_panic_while_a_row_is_read_harms_nobody_else(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    #[derive(Debug)]
    struct Clumsy;
    impl FromRow for Clumsy {
        fn from_row(_: &Row<'_>) -> Result<Self, DatabaseError> {
            panic!("a mistake in a model")
        }
    }
    let Fixture { database, .. } = &Fixture::notes(engine).await;

    let clumsy = database.clone();
    let panicked = tokio::spawn(async move {
        let mut transaction = clumsy.begin().await.unwrap();
        transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
        transaction.one::<Clumsy>(&COUNT_NOTES, &[]).await.unwrap();
    });

    assert!(panicked.await.is_err());
    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("the key is free, the writer alive");
}

#[tokio::test]
async fn futures_can_cross_threads() {
    let fixture = Fixture::notes(Engine::Sqlite).await;
    let database = fixture.database.clone();

    // What matters is that it compiles, with borrowed arguments and generic callers.
    let counted = tokio::spawn(async move {
        let body = String::from("a");
        add(&mut database.once(), 1, &body).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        add(&mut transaction, 2, "b").await.unwrap();
        let inside = count(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        (inside, count(&database).await.unwrap())
    });

    assert_eq!(counted.await.unwrap(), (2, 2));
}

async fn add(writes: impl Writes, id: i64, body: &str) -> Result<u64, DatabaseError> {
    writes.execute(&ADD_NOTE, &[id.into(), body.into()]).await
}

async fn count(reads: impl Reads) -> Result<i64, DatabaseError> {
    reads.one(&COUNT_NOTES, &[]).await
}
