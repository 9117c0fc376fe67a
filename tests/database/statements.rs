//! Statements, their arguments and their answers mean the same on both engines.

use countersign::database::{DatabaseError, Engine, Reads, Statement, Value, Writes};
use rstest::rstest;

use crate::support::{ADD_NOTE, Fixture};

static MAKE_ALL_TYPES: Statement = Statement::new(
    "create table things (id bigint not null primary key, words text, number bigint, truth boolean, bytes bytea)",
);
static ADD_THING: Statement =
    Statement::new("insert into things (id, words, number, truth, bytes) values ($1, $2, $3, $4, $5)");
static THING: Statement = Statement::new("select words, number, truth, bytes from things where id = $1");

type Thing = (Option<String>, Option<i64>, Option<bool>, Option<Vec<u8>>);

#[rstest]
#[tokio::test]
async fn values_of_every_type_come_back_as_they_went(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::empty(engine).await;
    fixture.database.once().execute(&MAKE_ALL_TYPES, &[]).await.unwrap();

    let arguments = [1.into(), "É 🔑 '".into(), i64::MIN.into(), true.into(), (&[0_u8, 255, 39]).into()];
    fixture.database.once().execute(&ADD_THING, &arguments).await.unwrap();
    let nulls = [2.into(), Value::Text(None), Value::BigInt(None), Value::Bool(None), Value::Bytes(None)];
    fixture.database.once().execute(&ADD_THING, &nulls).await.unwrap();

    let full: Thing = fixture.database.one(&THING, &[1.into()]).await.unwrap();
    assert_eq!(full, (Some("É 🔑 '".to_owned()), Some(i64::MIN), Some(true), Some(vec![0, 255, 39])));
    let empty: Thing = fixture.database.one(&THING, &[2.into()]).await.unwrap();
    assert_eq!(empty, (None, None, None, None));
}

#[rstest]
#[tokio::test]
async fn a_null_is_typed_where_nothing_else_says_its_type(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static IS_NULL: Statement = Statement::new("select $1 is null, $2 is null");
    let fixture = Fixture::empty(engine).await;

    let answer: (bool, bool) = fixture.database.one(&IS_NULL, &[Value::Text(None), 1.into()]).await.unwrap();

    assert_eq!(answer, (true, false));
}

#[rstest]
#[tokio::test]
async fn placeholders_count_by_number_and_not_in_quotes_or_comments(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    static CROSSED: Statement = Statement::new(
        "select $2 || '$1''$3' as \"$4\", $1 || $1 -- $5 is not one
              , $10 /* nor is $6 */
          from (select 1 as one) as it
         where $3 || $4 || $5 || $6 || $7 || $8 || $9 = '3456789'",
    );
    let fixture = Fixture::empty(engine).await;

    let arguments = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"].map(Value::from);
    let answer: (String, String, String) = fixture.database.one(&CROSSED, &arguments).await.unwrap();

    assert_eq!(answer, ("2$1'$3".to_owned(), "11".to_owned(), "10".to_owned()));
}

#[rstest]
#[tokio::test]
async fn one_wants_a_row_and_optional_at_most_one(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static BODIES: Statement = Statement::new("select body from notes where id >= $1 order by id");
    let fixture = Fixture::notes(engine).await;
    for (id, body) in [(1, "a"), (2, "b")] {
        fixture.database.once().execute(&ADD_NOTE, &[id.into(), body.into()]).await.unwrap();
    }
    let database = &fixture.database;

    assert_eq!(database.one::<String>(&BODIES, &[3.into()]).await, Err(DatabaseError::NoRow));
    assert_eq!(database.optional::<String>(&BODIES, &[3.into()]).await, Ok(None));
    assert_eq!(database.optional::<String>(&BODIES, &[2.into()]).await, Ok(Some("b".to_owned())));
    assert!(matches!(database.optional::<String>(&BODIES, &[1.into()]).await, Err(DatabaseError::Other(_))));
    assert_eq!(database.all::<String>(&BODIES, &[1.into()]).await, Ok(vec!["a".to_owned(), "b".to_owned()]));
}

#[rstest]
#[tokio::test]
async fn a_duplicate_has_one_name_on_both_engines(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static ADD_USER: Statement = Statement::new(
        "insert into users (email, username, hashed_password, created_at, updated_at)
         values ($1, $2, 'x', 0, 0)",
    );
    let fixture = Fixture::empty(engine).await;
    fixture.database.migrate().await.unwrap();
    let add = async |email: &str, username: &str| {
        let outcome = fixture.database.once().execute(&ADD_USER, &[email.into(), username.into()]).await;
        outcome.map_err(|error| match error {
            DatabaseError::Unique { constraint } => constraint,
            other => panic!("{other}"),
        })
    };
    add("ada@example.com", "Ada").await.unwrap();

    assert_eq!(add("ada@example.com", "other").await, Err("users_email_key".to_owned()));
    assert_eq!(add("other@example.com", "aDA").await, Err("users_username_key".to_owned()), "an index on lower()");

    let fixture = Fixture::notes(engine).await;
    fixture.database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.unwrap();
    let duplicate = fixture.database.once().execute(&ADD_NOTE, &[1.into(), "b".into()]).await;
    assert_eq!(duplicate, Err(DatabaseError::Unique { constraint: "notes_pkey".to_owned() }));
}

#[rstest]
#[tokio::test]
async fn a_missing_reference_is_an_error_of_its_own(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static ADD_SESSION: Statement = Statement::new(
        "insert into sessions (id, user_id, secret_digest, refreshed_at, created_at, expires_at)
         values ($1, 7, $1, 0, 0, 0)",
    );
    let fixture = Fixture::empty(engine).await;
    fixture.database.migrate().await.unwrap();

    let refused = fixture.database.once().execute(&ADD_SESSION, &[(&[7_u8; 16]).into()]).await;

    assert_eq!(refused, Err(DatabaseError::ForeignKey));
}

#[rstest]
#[tokio::test]
async fn a_wrong_number_of_arguments_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::notes(engine).await;

    for arguments in [&[1.into()][..], &[1.into(), "a".into(), "b".into()]] {
        let refused = fixture.database.once().execute(&ADD_NOTE, arguments).await;
        assert!(matches!(refused, Err(DatabaseError::Other(_))), "{refused:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_write_does_not_pass_for_a_read(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static SNEAKY: Statement = Statement::new("insert into notes (id, body) values (1, 'x') returning id");
    let fixture = Fixture::notes(engine).await;

    let refused = fixture.database.optional::<i64>(&SNEAKY, &[]).await;

    assert!(matches!(refused, Err(DatabaseError::Other(_))), "{refused:?}");
    assert_eq!(fixture.database.once().optional::<i64>(&SNEAKY, &[]).await, Ok(Some(1)));
}

#[rstest]
#[tokio::test]
async fn a_column_of_another_type_is_an_error(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static ROW: Statement = Statement::new("select id, body from notes");
    let fixture = Fixture::notes(engine).await;
    fixture.database.once().execute(&ADD_NOTE, &[1.into(), Value::Text(None)]).await.unwrap();
    let database = &fixture.database;

    assert!(database.one::<(String, Option<String>)>(&ROW, &[]).await.is_err(), "a number is no text");
    assert!(database.one::<(i64, String)>(&ROW, &[]).await.is_err(), "a null is no text");
    assert!(database.one::<(i64, Option<String>, i64)>(&ROW, &[]).await.is_err(), "there is no third column");
    assert_eq!(database.one::<(i64, Option<String>)>(&ROW, &[]).await, Ok((1, None)));
}

#[rstest]
#[tokio::test]
async fn it_gives_a_sign_of_life(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::empty(engine).await;

    fixture.database.ping().await.unwrap();

    assert_eq!(fixture.database.engine(), engine);
}
