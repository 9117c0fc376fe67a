//! The schema: one node at a time, never edited, never backwards, and the same on both engines.

use countersign::database::{Database, Engine, MigrateError, Reads, Statement, Writes};
use rstest::rstest;
use tokio::task::JoinSet;

use crate::postgres::{administer, unique};
use crate::support::{Fixture, MAKE_NOTES};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_together_migrate_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let fixture = Fixture::empty(engine).await;

    let mut nodes = JoinSet::new();
    for _ in 0..8 {
        let url = fixture.url.clone();
        nodes.spawn(async move {
            let node = Database::connect(&url.as_str().into()).await.unwrap();
            node.migrate().await.unwrap().len()
        });
    }
    let applied = nodes.join_all().await;

    let known = fixture.database.migrations().await.unwrap().len();
    assert_eq!(applied.iter().filter(|steps| **steps == known).count(), 1, "{applied:?}");
    assert_eq!(applied.iter().filter(|steps| **steps == 0).count(), 7, "{applied:?}");
}

#[rstest]
#[tokio::test]
async fn what_is_pending_can_be_seen_without_doing_it(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Fixture { database, .. } = &Fixture::empty(engine).await;

    let before = database.migrations().await.unwrap();
    let again = database.migrations().await.unwrap();
    let applied = database.migrate().await.unwrap();
    let after = database.migrations().await.unwrap();

    assert!(before.iter().all(|step| step.applied_at.is_none()));
    assert_eq!(before, again, "looking changes nothing");
    assert_eq!(applied.len(), before.len());
    // Milliseconds, and by a clock of this century.
    assert!(
        after.iter().all(|step| step.applied_at.is_some_and(|at| at > 1_600_000_000_000 && at < 4_102_444_800_000))
    );
    assert_eq!(database.migrate().await.unwrap(), []);
}

#[tokio::test]
async fn a_role_that_may_not_alter_the_schema_can_serve_on_it() {
    static GRANT: Statement =
        Statement::new("grant select, insert, update, delete on all tables in schema public to public");
    let Fixture { database, url, .. } = &Fixture::empty(Engine::Postgres).await;
    database.migrate().await.unwrap();
    database.once().execute(&GRANT, &[]).await.unwrap();
    let (role, server) = (format!("serves_{}", unique()), url.rsplit_once('/').unwrap().0);
    administer(server, format!("create role {role} login")).unwrap();

    let as_role = url.replacen("postgres@", &format!("{role}@"), 1);
    let serving = Database::connect(&as_role.as_str().into()).await.unwrap();

    assert_eq!(serving.migrate().await.unwrap(), []);
    assert!(serving.once().execute(&MAKE_NOTES, &[]).await.is_err(), "it has no more rights than these");
    administer(server, format!("drop role {role}")).unwrap();
}

#[rstest]
#[tokio::test]
async fn a_schema_of_a_newer_release_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static FROM_THE_FUTURE: Statement = Statement::new(
        "insert into schema_migrations (version, name, checksum, applied_at) values (9999, '9999_future', '', 0)",
    );
    let Fixture { database, .. } = &Fixture::empty(engine).await;
    database.migrate().await.unwrap();
    database.once().execute(&FROM_THE_FUTURE, &[]).await.unwrap();

    assert!(matches!(database.migrate().await, Err(MigrateError::Newer { schema: 9999, .. })));
    assert!(matches!(database.migrations().await, Err(MigrateError::Newer { schema: 9999, .. })));
}

#[rstest]
#[tokio::test]
async fn an_edited_step_is_refused_and_nothing_is_applied(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static EDIT: Statement = Statement::new("update schema_migrations set checksum = 'other' where version = 1");
    static FORGET: Statement = Statement::new("delete from schema_migrations where version > 1");
    let Fixture { database, .. } = &Fixture::empty(engine).await;
    database.migrate().await.unwrap();
    database.once().execute(&EDIT, &[]).await.unwrap();
    database.once().execute(&FORGET, &[]).await.unwrap();

    assert!(matches!(database.migrate().await, Err(MigrateError::Changed { version: 1, name: "0001_users" })));
    assert!(matches!(database.migrations().await, Err(MigrateError::Changed { version: 1, .. })));
}

#[rstest]
#[tokio::test]
async fn a_step_that_fails_leaves_the_schema_as_it_was(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static IN_THE_WAY: Statement = Statement::new("create table sessions (id bigint)");
    static CLEAR: Statement = Statement::new("drop table sessions");
    let Fixture { database, .. } = &Fixture::empty(engine).await;
    database.once().execute(&IN_THE_WAY, &[]).await.unwrap();

    assert!(matches!(database.migrate().await, Err(MigrateError::Database(_))));
    assert!(database.migrations().await.unwrap().iter().all(|step| step.applied_at.is_none()));

    database.once().execute(&CLEAR, &[]).await.unwrap();
    assert_eq!(database.migrate().await.unwrap().len(), database.migrations().await.unwrap().len());
}

static COLUMNS_ON_SQLITE: Statement = Statement::new(
    "select t.name || '.' || c.name
            || case lower(c.type) when 'blob' then ' bytea' when 'integer' then ' bigint' else ' ' || lower(c.type) end
            || case c.\"notnull\" when 1 then ' not null' else '' end
            || coalesce(' default ' || c.dflt_value, '')
       from sqlite_schema as t
       join pragma_table_info(t.name) as c
      where t.type = 'table'
        and t.name not like 'sqlite_%'
      order by t.name, c.cid",
);
static COLUMNS_ON_POSTGRES: Statement = Statement::new(
    "select table_name || '.' || column_name || ' ' || data_type
            || case is_nullable when 'NO' then ' not null' else '' end
            || coalesce(' default ' || replace(column_default, '::text', ''), '')
       from information_schema.columns
      where table_schema = 'public'
      order by table_name collate \"C\", ordinal_position",
);
// A primary key, or an index that was made by hand.
static INDEXES_ON_SQLITE: Statement = Statement::new(
    "select t.name || ' ' || case i.\"unique\" when 1 then 'unique ' else '' end
            || case when i.partial = 1 then 'partial ' else '' end
            || (select group_concat(coalesce(k.name, 'expression'), ',') from pragma_index_info(i.name) as k)
       from sqlite_schema as t
       join pragma_index_list(t.name) as i
      where t.type = 'table'
        and t.name not like 'sqlite_%'
      order by 1",
);
static INDEXES_ON_POSTGRES: Statement = Statement::new(
    "select t.relname || ' ' || case when i.indisunique then 'unique ' else '' end
            || case when i.indpred is not null then 'partial ' else '' end
            || (select string_agg(coalesce(a.attname, 'expression'), ',' order by k.place)
                  from unnest(i.indkey) with ordinality as k (number, place)
                  left join pg_attribute as a on a.attrelid = t.oid and a.attnum = k.number)
       from pg_index as i
       join pg_class as t on t.oid = i.indrelid
       join pg_namespace as n on n.oid = t.relnamespace
      where n.nspname = 'public'
      order by 1",
);

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let sqlite = Fixture::empty(Engine::Sqlite).await;
    let postgres = Fixture::empty(Engine::Postgres).await;
    sqlite.database.migrate().await.unwrap();
    postgres.database.migrate().await.unwrap();

    let columns: Vec<String> = sqlite.database.all(&COLUMNS_ON_SQLITE, &[]).await.unwrap();
    assert_eq!(columns, postgres.database.all::<String>(&COLUMNS_ON_POSTGRES, &[]).await.unwrap());
    assert!(columns.contains(&"users.email text not null".to_owned()), "{columns:?}");

    let mut expected: Vec<String> = postgres.database.all(&INDEXES_ON_POSTGRES, &[]).await.unwrap();
    // An `integer primary key` is the table's own tree, without an index.
    let own_trees = [
        "audit_events unique id",
        "jobs unique id",
        "petitions unique id",
        "users unique id",
        "schema_migrations unique version",
    ];
    expected.retain(|index| !own_trees.contains(&index.as_str()));
    let mut indexes: Vec<String> = sqlite.database.all(&INDEXES_ON_SQLITE, &[]).await.unwrap();
    indexes.retain(|index| index != "schema_migrations unique version");
    expected.sort();
    indexes.sort();
    assert_eq!(indexes, expected);
    assert!(indexes.contains(&"users unique expression".to_owned()), "{indexes:?}");
}
