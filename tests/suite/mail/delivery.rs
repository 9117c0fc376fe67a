//! Letters arrive: whole, once, and only if the fact that they report was committed.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::letters;
use countersign::models::job::{Job, Lease, State};
use rstest::rstest;

use super::{SECRET, address, by_way_of, post, reset_of};
use crate::smtp_sink::{Manner, Sink};
use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_letter_arrives_with_its_link_and_leaves_nothing_behind(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::Takes).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;

    post(&app, "ada").await;

    let letter = sink.received(1).await.remove(0);
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("no-reply@localhost", "ada@example.com"));
    assert_eq!(letter.header("From"), "Countersign <no-reply@localhost>");
    assert_eq!(letter.header("To"), "ada@example.com");
    assert_eq!(letter.header("Subject"), "Set a new password");
    assert_eq!(letter.header("Date"), "Sun, 22 Nov 2026 12:00:00 +0000");
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    let link = format!("{}/reset-password?token={SECRET}", app.public_url());
    assert_eq!(letter.decoded().matches(&link).count(), 3, "text, button and the link below it: {}", letter.data);
    assert!(letter.data.contains("Content-Type: text/plain") && letter.data.contains("Content-Type: text/html"));
    nothing_left(&app).await;
}

#[rstest]
#[tokio::test]
async fn what_was_rolled_back_sends_no_letter(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;
    let mut transaction = app.handles().database.begin().await.unwrap();
    letters::post(app.handles(), &mut transaction, &address("eve"), &reset_of("eve")).await.unwrap();

    drop(transaction);
    post(&app, "ada").await;

    let letters = sink.received(1).await;
    assert_eq!(letters.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(), ["ada@example.com"]);
    nothing_left(&app).await;
}

#[rstest]
#[tokio::test]
async fn two_nodes_send_each_letter_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Dawdles(Duration::from_millis(2))).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;
    let other = app.another_node().await;

    for number in 0..30 {
        post(&app, &format!("ada-{number}")).await;
        post(&other, &format!("bob-{number}")).await;
    }

    sink.received(60).await;
    nothing_left(&app).await;
    let letters = sink.letters();
    let ids: BTreeSet<_> = letters.iter().map(|letter| letter.header("Message-ID")).collect();
    assert_eq!((letters.len(), ids.len()), (60, 60));
}

#[rstest]
#[tokio::test]
async fn what_a_dead_node_had_taken_is_sent_by_another(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let app = TestApp::with(engine, |config| config.mail.smtp_url = None).await;
    let mut transaction = app.handles().database.begin().await.unwrap();
    let now = app.handles().clock.now();
    letters::post(app.handles(), &mut transaction, &address("ada"), &reset_of("ada")).await.unwrap();
    // Taken in the transaction that posts it: nobody else could have been faster.
    let lease = Lease { count: 1, now, until: now + Duration::from_secs(12) };
    let taken = Job::take(&mut transaction, lease).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(taken.len(), 1);

    let app = app.restarted_with(by_way_of(sink.url())).await;
    post(&app, "bob").await;
    sink.received(1).await;
    app.advance(Duration::from_secs(13));

    let letters = sink.received(2).await;
    assert_eq!(
        letters.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(),
        ["bob@example.com", "ada@example.com"]
    );
    assert!(
        !taken[0].finish(&mut app.handles().database.once()).await.unwrap(),
        "a lease that has ended changes nothing"
    );
}

#[rstest]
#[tokio::test]
async fn letters_survive_a_new_root_secret(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Hangs).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;
    post(&app, "ada").await;
    sink.connected(1).await;
    let next = "the next root secret which is for tests as well";

    let app = app.restarted(&format!("{next},{}", crate::support::ROOT_SECRET)).await;
    let app = app.restarted(next).await;
    sink.behave(Manner::Takes);
    app.advance(Duration::from_mins(1));

    let letters = sink.received(1).await;
    assert!(letters[0].decoded().contains(SECRET));
}

#[rstest]
#[tokio::test]
async fn a_letter_that_has_grown_too_old_is_not_sent(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Hangs).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;
    post(&app, "ada").await;
    sink.connected(1).await;

    app.advance(Duration::from_hours(5 * 24));
    sink.behave(Manner::Takes);

    let dead = until_dead(&app).await;
    assert_eq!(dead.state, State::Dead);
    assert!(sink.letters().is_empty());
}

/// Waits until no job is left.
pub(super) async fn nothing_left(app: &TestApp) {
    jobs_until(app, <[Job]>::is_empty).await;
}

/// Waits until a job was given up.
pub(super) async fn until_dead(app: &TestApp) -> Job {
    let jobs = jobs_until(app, |jobs| jobs.iter().any(|job| job.state == State::Dead)).await;
    jobs.into_iter().find(|job| job.state == State::Dead).expect("a dead job")
}

pub(super) async fn jobs_until(app: &TestApp, is_so: impl Fn(&[Job]) -> bool) -> Vec<Job> {
    let waiting = async {
        loop {
            let jobs = Job::list(&app.handles().database, 0, 1000).await.expect("the jobs");
            if is_so(&jobs) {
                return jobs;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the jobs as they should be")
}
