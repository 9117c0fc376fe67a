//! The database engine against real SQLite files and a real PostgreSQL server.

#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/postgres_server.rs"]
mod postgres_server;

#[test]
fn a_server_can_be_stopped_and_started_with_its_databases() {
    let server = postgres_server::Server::start();
    let database = postgres::TestDatabase::on(&server.url());

    server.stop();
    server.restart();
    server.freeze();
    server.thaw();

    assert!(database.url().starts_with(&server.url()));
    assert_ne!(postgres::TestDatabase::new().url(), postgres::TestDatabase::new().url());
}
