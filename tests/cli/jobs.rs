//! `countersign jobs` without a server: what waits is listed without what it says, tried again and deleted.

use std::time::Duration;

use countersign::{
    clock::Clock,
    database::Database,
    models::job::{Job, Kind, Lease, NewJob},
};
use serde_json::Value;

use crate::support::Machine;

const PAYLOAD: &[u8] = b"marker-of-a-payload";

#[test]
fn where_nothing_waits_there_is_nothing_to_do() {
    let machine = begun();

    assert_eq!(machine.types("jobs list").succeeded(), "nothing to do\n");
    assert_eq!(machine.types("jobs list --json").succeeded(), "[]\n");
    assert_eq!(machine.types("jobs retry --all").succeeded(), "0 jobs are due now\n");
    assert_eq!(
        machine.types("jobs retry 7").refused_by_answer(),
        "there is no job 7, or it is being done right now (countersign jobs list)"
    );
    assert_eq!(machine.types("jobs delete 7").refused_by_answer(), "there is no job 7 (countersign jobs list)");
}

#[test]
fn a_dead_letter_is_listed_retried_and_deleted_without_being_read() {
    let machine = begun();
    with_a_waiting_and_a_dead_job(&machine);

    let table = machine.types("jobs list").succeeded().to_owned();
    let dead = rows(&machine, "jobs list --dead --json");

    let mut lines = table.lines();
    let mut begins = |with: &str| lines.next().is_some_and(|line| line.starts_with(with));
    assert!(begins("ID  KIND  ABOUT           STATE    ATTEMPTS  DUE"), "{table}");
    assert!(begins("1   mail  reset_password  dead     1         20"), "{table}");
    assert!(begins("2   mail  reset_password  waiting  0         20"), "{table}");
    assert_eq!(table.matches("Z  550 no such user\n").count(), 1, "{table}");
    let only: Vec<_> = dead.iter().map(|job| (job.get("id"), job.get("last_error"))).collect();
    assert_eq!(only, [(Some(&1.into()), Some(&"550 no such user".into()))]);
    assert!(!format!("{table}{dead:?}").contains("marker"), "{table}{dead:?}");

    assert_eq!(machine.types("jobs retry --all").succeeded(), "1 job is due now\n");
    assert_eq!(rows(&machine, "jobs list --dead --json"), Vec::<Value>::new());
    assert_eq!(machine.types("jobs retry 1").succeeded(), "job 1 is due now\n");
    assert_eq!(machine.types("jobs delete 1").succeeded(), "job 1 is deleted\n");
    assert_eq!(rows(&machine, "jobs list --json").len(), 1);
}

/// A machine on which a server could have run.
fn begun() -> Machine {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", "0123456789abcdef0123456789abcdef");
    machine.types("migrate").succeeded();
    machine
}

fn rows(machine: &Machine, words: &str) -> Vec<Value> {
    serde_json::from_str(machine.types(words).succeeded()).unwrap()
}

/// Two letters as a service leaves them behind, the first of them refused.
fn with_a_waiting_and_a_dead_job(machine: &Machine) {
    let url = format!("sqlite://{}", machine.path("countersign-data/countersign.db").display());
    let write = async {
        let database = Database::connect(&url.as_str().into()).await.unwrap();
        let now = Clock::system().now();
        let new = NewJob {
            kind: Kind::Mail,
            about: "reset_password",
            sealed_payload: PAYLOAD,
            created_at: now,
            give_up_at: now,
        };
        Job::insert(&mut database.once(), &new).await.unwrap();
        let lease = Lease { count: 1, now, until: now + Duration::from_secs(30) };
        let taken = Job::take(&mut database.once(), lease).await.unwrap();
        let first = taken.first().unwrap();
        assert!(first.bury(&mut database.once(), now, "550 no such user").await.unwrap());
        Job::insert(&mut database.once(), &new).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(write);
}
