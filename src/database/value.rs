//! What goes into a statement.
//!
//! Four types are all the portable alphabet has. A null knows its type, because PostgreSQL asks for it.

use std::fmt;

/// An argument of a statement, borrowed from the caller.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// `text`
    Text(Option<&'a str>),
    /// `bigint`, also for instants
    BigInt(Option<i64>),
    /// `boolean`
    Bool(Option<bool>),
    /// `bytea` or `blob`
    Bytes(Option<&'a [u8]>),
}

impl fmt::Debug for Value<'_> {
    /// The type alone: drivers write arguments to their debug log, and an argument may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "text",
            Self::BigInt(_) => "bigint",
            Self::Bool(_) => "boolean",
            Self::Bytes(_) => "bytes",
        })
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a String>> for Value<'a> {
    fn from(text: Option<&'a String>) -> Self {
        Self::Text(text.map(String::as_str))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::BigInt(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::BigInt(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Bool(Some(truth))
    }
}

impl From<Option<bool>> for Value<'_> {
    fn from(truth: Option<bool>) -> Self {
        Self::Bool(truth)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn an_argument_prints_as_its_type() {
        assert_eq!(format!("{:?}", [Value::from("s3cret"), Value::from(&b"s3cret"[..])]), "[text, bytes]");
    }
}
