//! The chain of the audit log: what was altered is found, and what is forgotten in time leaves it whole.

use std::time::Duration;

use countersign::audit::chain::{ChainError, advance};
use countersign::audit::retention::forget;
use countersign::audit::verify::{Fault, Kept, Report, verify};
use countersign::database::{Reads, Statement};
use countersign::models::audit_anchor::End;
use futures_util::future::join_all;
use rstest::rstest;

use super::signed_in;
use crate::support::{Engine, TestApp};

async fn chain_all(app: &TestApp) {
    while advance(&app.handles().database, &app.handles().trail).await.expect("a chain") > 0 {}
}

async fn verified(app: &TestApp, kept: Option<&Kept>) -> Report {
    verify(&app.handles().database, &app.handles().trail, kept).await.expect("a report")
}

/// A service in which a few things have happened: with the key that was made, eight events.
async fn with_events(engine: Engine) -> TestApp {
    let app = TestApp::new(engine).await;
    let ada = signed_in(&app, "ada").await;
    for _ in 0..5 {
        ada.person.log_in().await.assert_status(200);
    }
    chain_all(&app).await;
    app
}

#[rstest]
#[tokio::test]
async fn an_untouched_log_is_whole(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = with_events(engine).await;
    let report = verified(&app, None).await;
    assert_eq!((report.chained, report.waiting, &report.faults), (8, 0, &vec![]));

    app.somebody("ada").log_in().await.assert_status(200);
    chain_all(&app).await;

    let later = verified(&app, report.head.as_ref()).await;
    assert_eq!((later.chained, &later.faults), (9, &vec![]));
    assert_ne!(later.head, report.head);
}

macro_rules! tampering {
    ($($name:ident: $statement:literal => $fault:pat,)+) => {
        $(#[rstest]
        #[tokio::test]
        async fn $name(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
            static TAMPER: Statement = Statement::new($statement);
            let app = with_events(engine).await;

            app.tamper(&TAMPER).await;

            let report = verified(&app, None).await;
            assert!(matches!(report.faults.as_slice(), [$fault, ..]), "{report:?}");
        })+
    };
}

tampering! {
    an_altered_instant_is_found:
        "update audit_events set occurred_at = occurred_at + 1 where place = 3" => Fault::Altered { .. },
    an_altered_kind_is_found: "update audit_events set kind = 'enabled' where place = 3" => Fault::Altered { .. },
    a_kind_that_nobody_knows_is_found: "update audit_events set kind = 'x' where place = 3" => Fault::Altered { .. },
    an_altered_actor_is_found:
        "update audit_events set actor_kind = 'cli', actor_id = null where place = 3" => Fault::Altered { .. },
    an_actor_that_cannot_be_is_found: "update audit_events set actor_id = -1 where place = 3" => Fault::Altered { .. },
    an_altered_user_is_found: "update audit_events set user_id = 7 where place = 3" => Fault::Altered { .. },
    an_altered_session_is_found: "update audit_events set session_id = null where place = 3" => Fault::Altered { .. },
    an_altered_address_is_found: "update audit_events set ip = '192.0.2.1' where place = 3" => Fault::Altered { .. },
    an_altered_agent_is_found: "update audit_events set user_agent = '' where place = 3" => Fault::Altered { .. },
    an_altered_request_is_found: "update audit_events set request_id = 'x' where place = 3" => Fault::Altered { .. },
    altered_details_are_found: "update audit_events set details = '{\"a\":1}' where place = 3" => Fault::Altered { .. },
    a_row_that_was_removed_is_found:
        "delete from audit_events where place = 3" => Fault::Removed { from: 3, to: 3 },
    the_first_row_removed_is_found: "delete from audit_events where place = 1" => Fault::Removed { from: 1, to: 1 },
    the_last_rows_removed_are_found: "delete from audit_events where place > 6" => Fault::Removed { from: 7, to: 8 },
    an_emptied_table_is_found: "delete from audit_events" => Fault::Removed { from: 1, to: 8 },
    a_row_removed_and_the_others_moved_up_is_found:
        "update audit_events set place = case when place = 3 then 30 else place end where place = 3"
            => Fault::Removed { from: 3, to: 3 },
    rows_whose_contents_were_swapped_are_found:
        "update audit_events
            set kind = (select o.kind from audit_events o where o.place = 7 - audit_events.place),
                tag = (select o.tag from audit_events o where o.place = 7 - audit_events.place),
                session_id = (select o.session_id from audit_events o where o.place = 7 - audit_events.place),
                request_id = (select o.request_id from audit_events o where o.place = 7 - audit_events.place)
          where place in (3, 4)" => Fault::Moved { place: 3, .. },
    an_altered_link_is_found:
        "update audit_events set link = (select o.link from audit_events o where o.place = 2) where place = 3"
            => Fault::Moved { place: 3, .. },
    a_link_taken_away_is_found: "update audit_events set link = null where place = 3" => Fault::Moved { place: 3, .. },
    a_head_moved_back_is_found:
        "update audit_anchors set place = 6, link = (select link from audit_events where place = 6) where name = 'head'"
            => Fault::Anchor(End::Head),
    a_base_moved_on_is_found:
        "update audit_anchors set place = 3, link = (select link from audit_events where place = 3) where name = 'base'"
            => Fault::Anchor(End::Base),
    lost_anchors_are_found: "delete from audit_anchors" => Fault::Anchor(End::Base),
    a_row_that_somebody_else_wrote_is_found:
        "insert into audit_events (occurred_at, kind, actor_kind, details, tag)
         select occurred_at, 'enabled', 'cli', '{}', tag from audit_events where place = 3" => Fault::Altered { .. },
}

static SWAP: [Statement; 3] = [
    Statement::new("update audit_events set place = 30 where place = 3"),
    Statement::new("update audit_events set place = 3 where place = 4"),
    Statement::new("update audit_events set place = 4 where place = 30"),
];

#[rstest]
#[tokio::test]
async fn rows_that_changed_places_are_found(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = with_events(engine).await;

    for statement in &SWAP {
        app.tamper(statement).await;
    }

    let faults = verified(&app, None).await.faults;
    assert!(matches!(faults[0], Fault::Moved { place: 3, .. }), "{faults:?}");
}

static CUT: Statement = Statement::new("delete from audit_events where place > 6");

#[rstest]
#[tokio::test]
async fn an_older_state_put_back_whole_is_found_by_a_kept_head(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = with_events(engine).await;
    let kept = verified(&app, None).await.head.expect("a head");
    // A second service is what the first one was before: another chain under the same places.
    let other = with_events(engine).await;
    app.tamper(&CUT).await;

    let cut = verified(&app, Some(&kept)).await.faults;
    let another = verified(&other, Some(&kept)).await.faults;

    assert!(cut.contains(&Fault::Kept { place: 8 }), "{cut:?}");
    assert_eq!(another, [Fault::Kept { place: 8 }]);
}

static LOSE_HEAD: Statement = Statement::new("delete from audit_anchors where name = 'head'");
static FORGE_HEAD: Statement = Statement::new(
    "update audit_anchors set place = 6, link = (select link from audit_events where place = 6) where name = 'head'",
);

#[rstest]
#[tokio::test]
async fn a_lost_or_forged_end_is_not_built_upon(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(&LOSE_HEAD, &FORGE_HEAD)] tampering: &'static Statement,
) {
    let app = with_events(engine).await;
    app.tamper(tampering).await;
    app.somebody("ada").log_in().await.assert_status(200);

    let refused = advance(&app.handles().database, &app.handles().trail).await;

    assert!(matches!(refused, Err(ChainError::Anchor(End::Head))), "{refused:?}");
    let report = verified(&app, None).await;
    assert!(report.faults.contains(&Fault::Anchor(End::Head)) && report.waiting == 1, "{report:?}");
}

#[rstest]
#[tokio::test]
async fn nodes_that_chain_at_once_make_one_chain(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    app.registered("ada").await;

    let sign_in = async |node: &TestApp| {
        for _ in 0..6 {
            node.somebody("ada").log_in().await.assert_status(200);
            advance(&node.handles().database, &node.handles().trail).await.expect("a chain");
        }
    };
    join_all([sign_in(&app), sign_in(&other), sign_in(&app), sign_in(&other)]).await;
    chain_all(&app).await;

    // The first key, the registration, and twenty-four sign-ins.
    let report = verified(&app, None).await;
    assert_eq!((report.chained, report.waiting, report.faults), (26, 0, vec![]));
}

static PLACES: Statement = Statement::new("select place from audit_events order by place");

#[rstest]
#[tokio::test]
async fn what_is_old_is_forgotten_and_the_rest_stays_verifiable(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = with_events(engine).await;
    let (database, key) = (&app.handles().database, &app.handles().trail);
    let kept = verified(&app, None).await.head.expect("a head");
    let start = app.handles().clock.now();
    app.advance(Duration::from_hours(24));
    for _ in 0..3 {
        app.somebody("ada").log_in().await.assert_status(200);
    }
    chain_all(&app).await;
    assert_eq!(forget(database, key, start).await.expect("nothing to forget"), 0, "what is as old as that stays");

    let forgotten = forget(database, key, start + Duration::from_hours(1)).await.expect("what was forgotten");

    assert_eq!(forgotten, 8);
    let places: Vec<i64> = database.all(&PLACES, &[]).await.expect("places");
    assert_eq!(places, [9, 10, 11]);
    let report = verified(&app, Some(&kept)).await;
    assert_eq!((report.chained, &report.faults), (3, &vec![]));
    assert_eq!(forget(database, key, start + Duration::from_hours(1)).await.expect("nothing"), 0);
    assert_eq!(forget(database, key, start + Duration::from_hours(48)).await.expect("the rest"), 3);
    app.somebody("ada").log_in().await.assert_status(200);
    chain_all(&app).await;
    let report = verified(&app, None).await;
    assert_eq!((report.chained, report.faults), (1, vec![]));
}

static REMOVE_OLDEST: Statement =
    Statement::new("delete from audit_events where place = (select min(place) from audit_events)");

#[rstest]
#[tokio::test]
async fn after_some_were_forgotten_a_removed_row_is_still_found(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = with_events(engine).await;
    let start = app.handles().clock.now();
    app.advance(Duration::from_hours(24));
    for _ in 0..3 {
        app.somebody("ada").log_in().await.assert_status(200);
    }
    chain_all(&app).await;
    let until = start + Duration::from_hours(1);
    forget(&app.handles().database, &app.handles().trail, until).await.expect("what was forgotten");

    app.tamper(&REMOVE_OLDEST).await;

    assert_eq!(verified(&app, None).await.faults, [Fault::Removed { from: 9, to: 9 }]);
}

#[tokio::test]
async fn a_row_altered_before_it_has_its_place_is_found() {
    static TAMPER: Statement = Statement::new("update audit_events set kind = 'enabled' where kind = 'signed_in'");
    let app = TestApp::new(Engine::Sqlite).await;
    signed_in(&app, "ada").await;

    app.tamper(&TAMPER).await;

    let faults = verified(&app, None).await.faults;
    assert!(matches!(faults.as_slice(), [Fault::Altered { .. }]), "{faults:?}");
    chain_all(&app).await;
    let faults = verified(&app, None).await.faults;
    assert!(matches!(faults.as_slice(), [Fault::Altered { .. }]), "{faults:?}");
}
