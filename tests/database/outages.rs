//! A PostgreSQL server that goes away, freezes or loses its rank, and comes back.

use std::time::{Duration, Instant};

use countersign::database::{Database, DatabaseError, DatabaseSettings, Fault, Reads, Statement, Writes};

use crate::postgres::{TestDatabase, administer};
use crate::postgres_server::Server;
use crate::support::{ADD_NOTE, COUNT_NOTES, MAKE_NOTES};

/// Short, so that a frozen server is noticed soon.
const DEADLINE: Duration = Duration::from_millis(400);

struct Site {
    database: Database,
    // Dropped before its server.
    home: TestDatabase,
    server: Server,
}

impl Site {
    async fn new() -> Self {
        let server = Server::start();
        let home = TestDatabase::on(&server.url());
        let database = Database::connect(&settings(&home.url())).await.expect("a database");
        database.once().execute(&MAKE_NOTES, &[]).await.expect("a table");
        Self { database, home, server }
    }

    async fn add(&self, id: i64) -> Result<u64, DatabaseError> {
        let body = id.to_string();
        self.database.once().execute(&ADD_NOTE, &[id.into(), (&body).into()]).await
    }

    /// Adds until it works again; a second and a half is what a breaker's first probe may take.
    async fn add_when_it_is_back(&self, id: i64) {
        let until = Instant::now() + Duration::from_secs(20);
        while let Err(error) = self.add(id).await {
            assert!(error.is_outage() && Instant::now() < until, "{error}");
        }
    }
}

#[tokio::test]
async fn a_role_that_is_let_in_no_more_is_an_outage_and_at_the_start_a_mistake() {
    let server = Server::start();
    let home = TestDatabase::on(&server.url());
    administer(&server.url(), "create role guest login".to_owned()).unwrap();
    let url = home.url().replace("postgres@", "guest@");
    let database = Database::connect(&settings(&url)).await.unwrap();
    database.ping().await.unwrap();

    administer(&server.url(), "alter role guest nologin".to_owned()).unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'guest'";
    administer(&server.url(), end.to_owned()).unwrap();
    let refused = database.ping().await;
    let mut patient = settings(&url);
    patient.connect_timeout = Duration::from_hours(1);
    let started = tokio::time::timeout(Duration::from_mins(1), Database::connect(&patient)).await;
    administer(&server.url(), "alter role guest login".to_owned()).unwrap();

    let login = |error: &DatabaseError| matches!(error, DatabaseError::Unavailable { fault: Fault::Login, .. });
    assert!(refused.as_ref().is_err_and(|error| login(error) && error.is_outage()), "{refused:?}");
    assert!(started.expect("no patience with it").is_err_and(|error| login(&error)));
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(error) = database.ping().await {
        assert!(Instant::now() < until, "{error}");
    }
}

fn settings(url: &str) -> DatabaseSettings {
    let mut settings = DatabaseSettings::new(url);
    settings.wait_timeout = DEADLINE;
    settings.statement_timeout = DEADLINE;
    settings.connect_timeout = Duration::from_secs(5);
    settings
}

#[tokio::test]
async fn a_server_that_was_stopped_is_found_again() {
    let site = Site::new().await;
    let mut transaction = site.database.begin().await.unwrap();
    transaction.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();

    site.server.stop();
    let read = site.database.one::<i64>(&COUNT_NOTES, &[]).await;
    let write = site.add(2).await;
    let commit = transaction.commit().await;
    site.server.restart();
    site.add_when_it_is_back(3).await;

    assert!(matches!(read, Err(DatabaseError::Unavailable { fault: Fault::Connection, .. })), "{read:?}");
    assert!(matches!(write, Err(DatabaseError::Unavailable { .. })), "nothing was sent: {write:?}");
    assert!(commit.as_ref().is_err_and(DatabaseError::is_outage), "{commit:?}");
    assert_eq!(site.database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1));
}

#[tokio::test]
async fn a_frozen_server_fails_calls_in_time_and_leaves_commits_unknown() {
    let site = Site::new().await;
    let mut idle = site.database.begin().await.unwrap();
    idle.execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    let mut committing = site.database.begin().await.unwrap();
    committing.execute(&ADD_NOTE, &[2.into(), "b".into()]).await.unwrap();
    site.database.ping().await.unwrap();

    site.server.freeze();
    let read = site.database.one::<i64>(&COUNT_NOTES, &[]).await;
    let commit = committing.commit().await;
    let statement = idle.execute(&ADD_NOTE, &[3.into(), "c".into()]).await;
    site.server.thaw();

    assert!(read.as_ref().is_err_and(DatabaseError::is_outage), "{read:?}");
    assert!(matches!(commit, Err(DatabaseError::CommitUnknown(_))), "{commit:?}");
    assert_eq!(statement, Err(DatabaseError::Timeout("statement")));
    assert_eq!(idle.commit().await, Err(DatabaseError::Failed));
    site.add_when_it_is_back(4).await;
}

#[tokio::test]
async fn a_server_that_may_only_be_read_is_an_outage_until_it_is_primary_again() {
    let site = Site::new().await;
    let rank = |setting: &str| {
        administer(&site.server.url(), format!("alter system {setting}")).unwrap();
        administer(&site.server.url(), "select pg_reload_conf()".to_owned()).unwrap();
    };

    let several = (site.database.begin().await.unwrap(), site.database.begin().await.unwrap());
    drop(several);

    rank("set default_transaction_read_only = on");
    let mut ids = 1..;
    let refused = loop {
        // A backend reads its settings again between two statements.
        if let Err(error) = site.add(ids.next().unwrap()).await {
            break error;
        }
    };
    let connections = site.database.stats().connections;
    let no_primary = site.add(ids.next().unwrap()).await;
    rank("reset default_transaction_read_only");

    assert!(matches!(refused, DatabaseError::Unavailable { .. }), "{refused}");
    assert_eq!(connections, 0, "all of them led to the wrong server");
    assert!(matches!(no_primary, Err(DatabaseError::Unavailable { .. })), "{no_primary:?}");
    site.add_when_it_is_back(ids.next().unwrap()).await;
}

#[tokio::test]
async fn of_several_hosts_the_one_that_can_write_is_used() {
    let site = Site::new().await;
    let standby = Server::start();
    administer(&standby.url(), "alter system set default_transaction_read_only = on".to_owned()).unwrap();
    administer(&standby.url(), "select pg_reload_conf()".to_owned()).unwrap();
    let host = |server: &Server| server.url().split_once('@').unwrap().1.to_owned();
    let name = site.home.url().rsplit_once('/').unwrap().1.to_owned();

    // Nobody listens on port 1; the standby has no such database, which is as good as a refusal.
    let hosts = format!("127.0.0.1:1,{},{}", host(&standby), host(&site.server));
    let database = Database::connect(&settings(&format!("postgres://postgres@{hosts}/{name}"))).await.unwrap();

    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    assert_eq!(site.database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1));
}

#[tokio::test]
async fn a_wrong_password_or_database_is_told_at_once() {
    let database = TestDatabase::new();

    let refused = Database::connect(&format!("{}_not", database.url()).as_str().into()).await;

    assert!(matches!(refused, Err(DatabaseError::Unavailable { fault: Fault::Login, .. })), "{refused:?}");
}

#[tokio::test]
async fn tls_is_spoken_with_a_server_whose_certificate_is_known_and_no_other() {
    static ENCRYPTED: Statement = Statement::new("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    let site = Site::new().await;
    let authority = site.server.speak_tls();
    let address = |parameters: &str| settings(&format!("{}?{parameters}", site.home.url()));

    let unknown = Database::connect(&address("sslmode=verify-full")).await;
    let known = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let known = Database::connect(&address(&known)).await.unwrap();

    let refused = unknown.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    assert_eq!(known.one::<bool>(&ENCRYPTED, &[]).await, Ok(true));
}
