//! A value on its way from one engine to the other, and the digest by which both ends are compared.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// One value in the portable alphabet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Datum {
    Null,
    Text(String),
    BigInt(i64),
    Bool(bool),
    Bytes(Vec<u8>),
}

/// The types of the portable alphabet, as PostgreSQL names them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    BigInt,
    Bool,
    Bytes,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "int8" => Some(Self::BigInt),
            "bool" => Some(Self::Bool),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }

    pub(super) fn of_postgres(self) -> Type {
        match self {
            Self::Text => Type::TEXT,
            Self::BigInt => Type::INT8,
            Self::Bool => Type::BOOL,
            Self::Bytes => Type::BYTEA,
        }
    }

    /// Reads a value of SQLite, which keeps truth as 0 and 1; `None` if it is of another type.
    pub(super) fn read_sqlite(self, value: ValueRef<'_>) -> Option<Datum> {
        match (self, value) {
            (_, ValueRef::Null) => Some(Datum::Null),
            (Self::Text, ValueRef::Text(bytes)) => String::from_utf8(bytes.to_vec()).ok().map(Datum::Text),
            (Self::BigInt, ValueRef::Integer(number)) => Some(Datum::BigInt(number)),
            (Self::Bool, ValueRef::Integer(0)) => Some(Datum::Bool(false)),
            (Self::Bool, ValueRef::Integer(1)) => Some(Datum::Bool(true)),
            (Self::Bytes, ValueRef::Blob(bytes)) => Some(Datum::Bytes(bytes.to_vec())),
            _ => None,
        }
    }

    pub(super) fn read_postgres(self, row: &tokio_postgres::Row, index: usize) -> Option<Datum> {
        let datum = match self {
            Self::Text => row.try_get::<_, Option<String>>(index).ok()?.map(Datum::Text),
            Self::BigInt => row.try_get::<_, Option<i64>>(index).ok()?.map(Datum::BigInt),
            Self::Bool => row.try_get::<_, Option<bool>>(index).ok()?.map(Datum::Bool),
            Self::Bytes => row.try_get::<_, Option<Vec<u8>>>(index).ok()?.map(Datum::Bytes),
        };
        Some(datum.unwrap_or(Datum::Null))
    }
}

impl ToSql for Datum {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
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

/// How many rows there are, and a digest of them all: the sum of their SHA-256, so that order does not matter. The two
/// engines sort texts differently.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    rows: u64,
    sum: [u64; 4],
}

impl Tally {
    pub(super) fn add(&mut self, row: &[Datum]) {
        let mut hash = Sha256::new();
        for datum in row {
            // A tag and a length before each, so that no two rows read alike.
            let (tag, bytes) = match datum {
                Datum::Null => (0_u8, Vec::new()),
                Datum::Text(text) => (1, text.as_bytes().to_vec()),
                Datum::BigInt(number) => (2, number.to_be_bytes().to_vec()),
                Datum::Bool(truth) => (3, vec![u8::from(*truth)]),
                Datum::Bytes(bytes) => (4, bytes.clone()),
            };
            hash.update([tag]);
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        }
        let digest: [u8; 32] = hash.finalize().into();
        for (sum, bytes) in self.sum.iter_mut().zip(digest.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*bytes));
        }
        self.rows += 1;
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn digest(&self) -> String {
        hex::encode(self.sum.map(u64::to_be_bytes).as_flattened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: &[&[Datum]]) -> Tally {
        let mut tally = Tally::default();
        for row in rows {
            tally.add(row);
        }
        tally
    }

    #[test]
    fn a_digest_depends_on_every_value_and_not_on_the_order_of_rows() {
        let (one, two): (&[Datum], &[Datum]) =
            (&[Datum::BigInt(1), Datum::Text("ab".into())], &[Datum::BigInt(2), Datum::Text("c".into())]);

        assert_eq!(tally(&[one, two]), tally(&[two, one]));
        for other in [
            tally(&[one]),
            tally(&[one, one]),
            tally(&[one, &[Datum::BigInt(2), Datum::Text("d".into())]]),
            tally(&[one, &[Datum::BigInt(2), Datum::Null]]),
            tally(&[one, &[Datum::BigInt(2), Datum::Bytes(b"c".to_vec())]]),
            tally(&[&[Datum::BigInt(1), Datum::Text("a".into())], &[Datum::BigInt(2), Datum::Text("bc".into())]]),
        ] {
            assert_ne!(other.digest(), tally(&[one, two]).digest());
        }
    }
}
