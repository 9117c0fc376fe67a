//! A file of users as a stream of records, whatever its format; no more than a few hundred are held at a time.
//!
//! It knows formats and does not know what the fields mean.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;
use clap::ValueEnum;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::lines::{Line, Lines, TOO_LONG};
use super::pg_dump;

/// How a file holds its users.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// A JSON object a line
    Ndjson,
    /// A table whose first line names the columns
    Csv,
    /// One JSON document: an array, or an object with an array `users`
    Json,
    /// A dump of PostgreSQL in plain text, with the rows of many tables
    PgDump,
}

impl Format {
    /// Looks at the name of a file and at its first character.
    pub(super) fn of(name: &str, reader: &mut impl BufRead, document_begins_with_brace: bool) -> std::io::Result<Self> {
        let first = reader.fill_buf()?.iter().copied().find(|byte| !byte.is_ascii_whitespace());
        let ends_in =
            |ending: &str| name.rsplit_once('.').is_some_and(|(_, its_own)| its_own.eq_ignore_ascii_case(ending));
        Ok(match first {
            _ if ends_in("csv") => Self::Csv,
            _ if ends_in("sql") => Self::PgDump,
            // A comment in SQL.
            Some(b'-') => Self::PgDump,
            Some(b'[') => Self::Json,
            Some(b'{') if document_begins_with_brace => Self::Json,
            Some(b'{') | None => Self::Ndjson,
            Some(_) => Self::Csv,
        })
    }
}

/// One user as the file has them.
pub(super) struct Record {
    /// The line, or in a JSON document the position, counted from 1.
    pub(super) place: u64,
    /// The fields, or why there are none.
    pub(super) fields: Result<Fields, String>,
}

/// The fields by name. All those of CSV are texts.
pub(super) type Fields = Map<String, Value>;

/// Takes records; false when no more are wanted.
pub(super) type Take<'a> = dyn FnMut(Record) -> bool + 'a;

/// Reads a file to its end, or until no more is wanted. Of the tables in a dump it takes those with this column.
///
/// # Errors
/// What keeps the rest from being read at all. What is wrong with one line is that record's.
pub(super) fn read(format: Format, hash_column: &str, reader: impl BufRead, take: &mut Take<'_>) -> anyhow::Result<()> {
    match format {
        Format::Ndjson => ndjson(reader, take),
        Format::Csv => csv(reader, take),
        Format::Json => document(reader, take),
        Format::PgDump => pg_dump::read(reader, hash_column, take),
    }
}

fn ndjson(reader: impl BufRead, take: &mut Take<'_>) -> anyhow::Result<()> {
    let mut lines = Lines::of(reader);
    while let Some(Line { place, text }) = lines.next()? {
        let fields = match text.map(<[u8]>::trim_ascii) {
            Some([]) => continue,
            Some(text) => serde_json::from_slice(text).map_err(|error| no_object(&error)),
            None => Err(TOO_LONG.to_owned()),
        };
        if !take(Record { place, fields }) {
            break;
        }
    }
    Ok(())
}

fn no_object(error: &serde_json::Error) -> String {
    // The parser counts lines from the beginning of the line.
    let text = error.to_string();
    let reason = text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("this is no JSON object: {reason}")
}

fn csv(reader: impl Read, take: &mut Take<'_>) -> anyhow::Result<()> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(reader);
    let names = reader.headers()?.clone();
    let mut row = csv::StringRecord::new();
    loop {
        let record = match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) => Ok(row_fields(&names, &row)),
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        let place = row.position().map_or_else(|| reader.position().line(), csv::Position::line);
        if !take(Record { place, fields: record }) {
            break;
        }
    }
    Ok(())
}

/// An empty field is one that is not there: no export tells the two apart.
fn row_fields(names: &csv::StringRecord, row: &csv::StringRecord) -> Fields {
    let filled = names.iter().zip(row).filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn document(reader: impl Read, take: &mut Take<'_>) -> anyhow::Result<()> {
    let mut users = Users { take, count: 0, has_array: false, is_enough: false };
    let mut json = serde_json::Deserializer::from_reader(reader);
    match (&mut users).deserialize(&mut json).and_then(|()| json.end()) {
        Err(_) if users.is_enough => Ok(()),
        Err(error) if users.has_array => bail!("the document cannot be read on after user {}: {error}", users.count),
        Err(error) => bail!("{NO_USERS}: {error}"),
        Ok(()) if users.has_array => Ok(()),
        Ok(()) => bail!(NO_USERS),
    }
}

const NO_USERS: &str = "this is no array of users, and no document with an array `users` in it";

/// Visits a document and hands out its users as they come by.
struct Users<'a, 'b> {
    take: &'a mut Take<'b>,
    count: u64,
    has_array: bool,
    is_enough: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Users<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Users<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of users, or an object with an array `users`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            if key == "users" {
                object.next_value_seed(&mut *self)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        self.has_array = true;
        while let Some(element) = array.next_element::<Value>()? {
            self.count += 1;
            let fields = match element {
                Value::Object(fields) => Ok(fields),
                _ => Err("this is no JSON object".to_owned()),
            };
            if !(self.take)(Record { place: self.count, fields }) {
                self.is_enough = true;
                return Err(A::Error::custom("no more is wanted"));
            }
        }
        Ok(())
    }
}

/// Counts the bytes that are read through it.
pub(super) struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    pub(super) fn new(inner: R, bytes: Arc<AtomicU64>) -> BufReader<Self> {
        BufReader::with_capacity(1 << 16, Self { inner, bytes })
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(format: Format, text: &str) -> (Vec<(u64, bool)>, bool) {
        let mut places = Vec::new();
        let read = read(format, "password", text.as_bytes(), &mut |record| {
            places.push((record.place, record.fields.is_ok()));
            true
        });
        (places, read.is_ok())
    }

    #[test]
    fn lines_are_counted_and_a_bad_one_does_not_end_the_file() {
        let text = "{\"a\":1}\n\n  {\"a\":2}\r\nnonsense\n[1]\n{\"a\":3}";
        assert_eq!(places(Format::Ndjson, text), (vec![(1, true), (3, true), (4, false), (5, false), (6, true)], true));

        let long = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(1 << 20));
        assert_eq!(places(Format::Ndjson, &long), (vec![(1, false), (2, true)], true));

        let table = "email,name\na,b\n\"c\nd\",e\nf\ng,h\n";
        assert_eq!(places(Format::Csv, table), (vec![(2, true), (3, true), (5, false), (6, true)], true));
    }

    #[test]
    fn users_are_found_in_an_array_and_inside_an_object() {
        for text in ["[{\"a\":1},2]", "{\"realm\":{\"users\":[9]},\"users\":[{\"a\":1},2],\"later\":[]}"] {
            assert_eq!(places(Format::Json, text), (vec![(1, true), (2, false)], true), "{text}");
        }
        assert_eq!(places(Format::Json, "{\"users\":[{\"a\":1},{\"a\""), (vec![(1, true)], false));
    }

    #[test]
    fn the_format_is_seen_from_name_and_content() {
        let format = |name: &str, text: &str, brace| Format::of(name, &mut text.as_bytes(), brace).unwrap();

        assert_eq!(format("users.CSV", "{", false), Format::Csv);
        assert_eq!(format("-", "email,id", false), Format::Csv);
        assert_eq!(format("auth.sql", "SET", false), Format::PgDump);
        assert_eq!(format("-", "--\n-- PostgreSQL database dump", false), Format::PgDump);
        assert_eq!(format("users.json", " [", false), Format::Json);
        assert_eq!(format("users.json", "{", true), Format::Json);
        assert_eq!(format("users.json", "{", false), Format::Ndjson);
        assert_eq!(format("-", "", false), Format::Ndjson);
    }
}
