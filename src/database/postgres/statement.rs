//! One statement on one connection.

use std::pin::pin;

use deadpool_postgres::Object;
use futures_util::TryStreamExt;
use tokio_postgres::Statement as Prepared;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::super::error::DatabaseError;
use super::super::row::{Row, Source};
use super::super::value::Value;
use super::super::{Query, Visit};
use super::error::translate;

/// Prepares a statement, or finds it prepared. The arguments say their types, or a null would have none.
pub(super) async fn prepare(client: &Object, query: Query<'_>) -> Result<Prepared, DatabaseError> {
    let types: Vec<Type> = query.arguments.iter().map(Value::postgres_type).collect();
    let prepared = client.prepare_typed_cached(query.statement.postgres(), &types).await;
    prepared.map_err(|error| translate(&error))
}

/// Runs a prepared statement to its end and shows each row to `visit`.
pub(super) async fn run(
    client: &Object,
    prepared: &Prepared,
    query: Query<'_>,
    visit: &mut Visit<'_>,
) -> Result<u64, DatabaseError> {
    send(client, prepared, query, visit).await.map_err(DatabaseError::from)
}

/// Like [`run`], for those who must know whether it was the driver that failed.
pub(super) async fn send(
    client: &Object,
    prepared: &Prepared,
    query: Query<'_>,
    visit: &mut Visit<'_>,
) -> Result<u64, Failure> {
    let rows = client.query_raw(prepared, query.arguments.iter().copied()).await.map_err(Failure::Driver)?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(Failure::Driver)? {
        visit(&Row(Source::Postgres(&row))).map_err(Failure::Visit)?;
    }
    Ok(rows.rows_affected().unwrap_or(0))
}

/// Who failed.
pub(super) enum Failure {
    Driver(tokio_postgres::Error),
    Visit(DatabaseError),
}

impl From<Failure> for DatabaseError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Driver(error) => translate(&error),
            Failure::Visit(error) => error,
        }
    }
}

impl Value<'_> {
    fn postgres_type(&self) -> Type {
        match self {
            Self::Text(_) => Type::TEXT,
            Self::BigInt(_) => Type::INT8,
            Self::Bool(_) => Type::BOOL,
            Self::Bytes(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Text(text) => text.to_sql(kind, out),
            Self::BigInt(number) => number.to_sql(kind, out),
            Self::Bool(truth) => truth.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::TEXT, Type::INT8, Type::BOOL, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
