//! Whoever asks whether somebody has an account learns it neither from the answer nor from the time it takes.
//!
//! `FAULT_PAIRS` says how many pairs of logins are compared (1 unless it is set: then only the answers are). By hand,
//! on a machine with nothing else to do: `FAULT_PAIRS=300 cargo test --test faults -- --nocapture equal_times`.

use std::time::Duration;

use countersign::database::{Engine, Statement, Writes};
use serde_json::{Value, json};

use crate::home::{Home, PASSWORD, Person};
use crate::setting;
use crate::visitor::{Reply, Visitor};

/// What the service hashes at, unless it is told otherwise.
const COST: u32 = 12;
const WRONG: &str = "another horse battery staple";

static DISABLE: Statement = Statement::new("update users set is_active = $2 where email = $1");
static CHEAPEN: Statement = Statement::new("update users set hashed_password = $2 where email = $1");

/// Who signs in with a password that is not theirs.
#[derive(Clone, Copy, Debug)]
enum Who {
    Wrong,
    WrongByName,
    Unknown,
    UnknownByName,
    Disabled,
    Outdated,
}

impl Who {
    /// Each is compared with a wrong password for an address that somebody has.
    const OTHERS: [Self; 6] =
        [Self::Wrong, Self::WrongByName, Self::Unknown, Self::UnknownByName, Self::Disabled, Self::Outdated];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_refusals_of_a_login_take_the_same_time() {
    let pairs = setting("FAULT_PAIRS", 1);
    let home = Home::new(Engine::Sqlite);
    let people = home.people(pairs * Who::OTHERS.len() * 2).await;
    let database = home.database().await;
    home.hash_anew(PASSWORD, COST).await;
    let outdated = bcrypt::hash(PASSWORD, COST - 2).unwrap();
    let mut strangers = people.into_iter();
    let mut next = |who| (who, strangers.next().unwrap());
    let mut comparisons = Vec::new();
    for other in Who::OTHERS {
        let compared: Vec<_> = (0..pairs).map(|_| (next(Who::Wrong), next(other))).collect();
        for (_, (who, person)) in &compared {
            let email = person.email.as_str().into();
            match who {
                Who::Disabled => database.once().execute(&DISABLE, &[email, false.into()]).await.unwrap(),
                Who::Outdated => database.once().execute(&CHEAPEN, &[email, outdated.as_str().into()]).await.unwrap(),
                Who::Wrong | Who::WrongByName | Who::Unknown | Who::UnknownByName => continue,
            };
        }
        comparisons.push((other, compared));
    }
    drop(database);
    let service = home.start();
    let visitor = service.visitor();
    refuse(&visitor, Who::Unknown, "nobody").await;

    let mut times = vec![(Vec::new(), Vec::new()); comparisons.len()];
    // Interleaved: whatever else the machine does falls on all of them alike.
    for pair in 0..pairs {
        for ((_, compared), (usual, others)) in comparisons.iter().zip(&mut times) {
            let ((_, person), (other, stranger)) = &compared[pair];
            let (first, second) = if pair % 2 == 0 {
                let first = refuse(&visitor, Who::Wrong, name(person)).await;
                (first, refuse(&visitor, *other, name(stranger)).await)
            } else {
                let second = refuse(&visitor, *other, name(stranger)).await;
                (refuse(&visitor, Who::Wrong, name(person)).await, second)
            };
            assert_eq!(answer(&first), answer(&second), "{other:?}");
            usual.push(first.took);
            others.push(second.took);
        }
    }

    for ((other, _), (usual, others)) in comparisons.iter().zip(&times) {
        let (first, second) = (median(usual), median(others));
        println!(
            "{other:?}: {pairs} pairs, medians {:.2} and {:.2} ms, ratio {:.4}, {} of {pairs} longer (sign test z = {:.2})",
            first * 1000.0,
            second * 1000.0,
            second / first,
            longer(usual, others),
            sign_test(usual, others),
        );
    }
}

fn name(person: &Person) -> &str {
    person.email.split_once('@').unwrap().0
}

async fn refuse(visitor: &Visitor, who: Who, name: &str) -> Reply {
    let (field, login) = match who {
        Who::Wrong | Who::Disabled | Who::Outdated => ("email", format!("{name}@example.com")),
        Who::Unknown => ("email", format!("{name}@example.net")),
        Who::WrongByName => ("username", name.to_owned()),
        Who::UnknownByName => ("username", format!("{name}-not")),
    };
    let body = json!({field: login, "password": WRONG});
    visitor.ask(reqwest::Method::POST, "/auth/login", None, Some(&body)).await.unwrap()
}

/// What a client sees, without what differs between any two answers.
fn answer(reply: &Reply) -> (u16, Value) {
    let mut body = reply.body.clone();
    body["request_id"] = Value::Null;
    assert_eq!((reply.status, reply.text("code")), (401, "invalid_credentials"), "{reply:?}");
    (reply.status, body)
}

fn median(times: &[Duration]) -> f64 {
    let mut times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { f64::midpoint(times[middle - 1], times[middle]) }
}

fn longer(usual: &[Duration], others: &[Duration]) -> usize {
    usual.iter().zip(others).filter(|(usual, other)| other > usual).count()
}

/// How many standard deviations the number of longer ones is from a half: beyond 3 it is hardly chance.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a few hundred")]
fn sign_test(usual: &[Duration], others: &[Duration]) -> f64 {
    let half = usual.len() as f64 / 2.0;
    (longer(usual, others) as f64 - half) / (half / 2.0).sqrt()
}
