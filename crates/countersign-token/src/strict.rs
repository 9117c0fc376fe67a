//! Reading base64url and JSON in exactly one way.
//!
//! Two parsers that read one token differently are a hole (RFC 8725 §2.4), so nothing is forgiven here: no padding,
//! no second spelling of the same bytes, no member named twice at any depth.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// Decodes base64url without padding; `None` for anything but the canonical spelling (RFC 7515 §2).
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Encodes as base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Lists the members of a JSON object, having made sure that no object inside it names a member twice.
///
/// # Errors
/// Whatever is not one JSON object in UTF-8 with distinct member names.
pub(crate) fn members(json: &[u8]) -> Result<BTreeSet<Cow<'_, str>>, serde_json::Error> {
    let Object(names) = serde_json::from_slice(json)?;
    Ok(names.into_iter().map(|Name(name)| name).collect())
}

#[derive(Deserialize, Eq, Ord, PartialEq, PartialOrd)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object whose members are distinct, as are those of every object in it.
struct Object<'a>(BTreeSet<Name<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                distinct(map).map(Object)
            }
        }
        // `deserialize_map` would do; a struct's derived reader would also take an array of values in order.
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Any value, of which only the distinctness of member names is of interest.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Distinct;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Distinct, A::Error> {
        while items.next_element::<Distinct>()?.is_some() {}
        Ok(Distinct)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Distinct, A::Error> {
        distinct(map).map(|_| Distinct)
    }
}

fn distinct<'de, A: MapAccess<'de>>(mut map: A) -> Result<BTreeSet<Name<'de>>, A::Error> {
    let mut names = BTreeSet::new();
    while let Some(name) = map.next_key::<Name<'de>>()? {
        if !names.insert(name) {
            return Err(de::Error::custom("a member is named twice"));
        }
        map.next_value::<Distinct>()?;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{decode, members};

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));

        for other in ["_-8=", "/+8", "_-9", "_-8\n", " _-8", "_", "_-8.", "_é"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_member_is_named_once_at_every_depth() {
        assert!(members(br#"{"a":{"b":[{"c":1}],"c":2},"b":null,"c":1.5}"#).is_ok());

        for twice in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[[{"b":1,"b":2}]]}"#]
        {
            assert!(members(twice.as_bytes()).is_err(), "{twice}");
        }
    }

    #[test]
    fn only_one_object_is_read() {
        for other in
            [&b"[]"[..], b"null", b"1", b"", b"{}{}", b"{} x", b"\xef\xbb\xbf{}", b"{\"a\":\"\xff\"}", b"{'a':1}"]
        {
            assert!(members(other).is_err(), "{other:?}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        assert!(members(deep.as_bytes()).is_err());
    }
}
