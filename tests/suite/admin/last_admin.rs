//! Somebody who may administer is always left.

use countersign::admin::users::{self, ChangeError, Changes, Seen};
use countersign::audit::By;
use countersign::database::{Reads, Statement};
use countersign::domain::Roles;
use countersign::problem::Code;
use rstest::rstest;
use serde_json::json;

use super::{administrator, signed_in};
use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn the_last_administrator_cannot_leave(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, administrator(&app, "bob").await);
    ada.patch(bob.id, &json!({"is_active": false})).await.assert_status(200);

    for body in [json!({"roles": ["support"]}), json!({"is_active": false}), json!({"is_active": false, "roles": []})] {
        ada.patch(ada.id, &body).await.assert_problem(Code::LastAdmin);
    }
    ada.delete(ada.id).await.assert_problem(Code::LastAdmin);
    ada.person.delete_account(&ada.token).await.assert_problem(Code::LastAdmin);

    ada.patch(ada.id, &json!({"roles": ["admin", "support"], "email_verified": true})).await.assert_status(200);
    ada.delete(bob.id).await.assert_status(204);
    ada.get("/admin/users").await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_role_that_resembles_it_is_not_the_role(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let roles = json!({"roles": ["admin2", "not-admin", "xadmin"]});
    ada.patch(bob.id, &roles).await.assert_status(200);

    ada.patch(ada.id, &json!({"roles": []})).await.assert_problem(Code::LastAdmin);

    ada.patch(bob.id, &json!({"roles": ["a", "admin", "z"]})).await.assert_status(200);
    ada.patch(ada.id, &json!({"roles": []})).await.assert_status(200);
}

static ADMINS: Statement =
    Statement::new("select count(*) from users where is_active and ' ' || roles || ' ' like '% admin %'");

#[rstest]
#[tokio::test]
async fn of_administrators_who_remove_each_other_at_once_one_is_left(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let other_node = app.another_node().await;
    let (ada, bob) = (administrator(&app, "ada").await, administrator(&app, "bob").await);
    let demote = Changes { roles: Some(Roles::default()), ..Changes::default() };
    let disable = Changes { is_active: Some(false), ..Changes::default() };
    let promote = Changes {
        roles: Some(Roles::parse([Roles::ADMIN]).expect("a role")),
        is_active: Some(true),
        ..Changes::default()
    };

    for round in 0..20 {
        let anybody = (&Seen::Any, By::cli());
        let one = users::change(app.handles().into(), ada.user_id(), &demote, anybody);
        let two = users::change(other_node.handles().into(), bob.user_id(), &disable, anybody);
        let (one, two) = tokio::join!(one, two);

        let refused = [&one, &two].iter().filter(|outcome| matches!(outcome, Err(ChangeError::LastAdmin))).count();
        let done = [&one, &two].iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!((done, refused), (1, 1), "round {round}: {one:?}, {two:?}");
        let left: i64 = app.handles().database.one(&ADMINS, &[]).await.expect("a count");
        assert_eq!(left, 1, "round {round}");
        for user in [&ada, &bob] {
            users::change(app.handles().into(), user.user_id(), &promote, anybody).await.expect("a change");
        }
    }
}

#[rstest]
#[tokio::test]
async fn of_two_administrators_who_delete_themselves_at_once_one_is_left(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, administrator(&app, "bob").await);

    let (one, two) = tokio::join!(ada.person.delete_account(&ada.token), bob.person.delete_account(&bob.token));

    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{one:?}, {two:?}");
    let left: i64 = app.handles().database.one(&ADMINS, &[]).await.expect("a count");
    assert_eq!(left, 1);
}
