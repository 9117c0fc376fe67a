//! What `pg_dump` writes as plain text: the rows of tables between `COPY` and `\.`.
//!
//! It takes the rows of every table that has an address and a hash, whatever the table is called. It knows no SQL, so
//! it does not read what `--inserts` writes.

use std::io::BufRead;

use anyhow::bail;
use serde_json::Value;

use super::lines::{Line, Lines, TOO_LONG};
use super::records::{Fields, Record, Take};

/// Reads a dump to its end, or until no more is wanted.
///
/// # Errors
/// When no table of users is in it.
pub(super) fn read(reader: impl BufRead, hash_column: &str, take: &mut Take<'_>) -> anyhow::Result<()> {
    let mut lines = Lines::of(reader);
    let mut tables = 0;
    while let Some(Line { text, .. }) = lines.next()? {
        let Some(columns) = text.and_then(columns) else { continue };
        let is_of_users = |column: &String| column == "email" || column == hash_column;
        if columns.iter().filter(|column| is_of_users(column)).count() == 2 {
            tables += 1;
            if !rows(&mut lines, &columns, take)? {
                return Ok(());
            }
        }
    }
    if tables == 0 {
        bail!("no table with the columns email and {hash_column} is copied in this dump; --inserts is not understood");
    }
    Ok(())
}

/// The columns that `COPY auth.users (id, "email") FROM stdin;` names.
fn columns(line: &[u8]) -> Option<Vec<String>> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("COPY ")?.strip_suffix(") FROM stdin;")?;
    let (_table, columns) = line.split_once(" (")?;
    Some(columns.split(", ").map(|column| column.trim_matches('"').to_owned()).collect())
}

/// Hands out the rows of one table; false when no more are wanted.
fn rows(lines: &mut Lines<impl BufRead>, columns: &[String], take: &mut Take<'_>) -> anyhow::Result<bool> {
    while let Some(Line { place, text }) = lines.next()? {
        let fields = match text {
            Some(b"\\.") => return Ok(true),
            Some(text) => row(text, columns),
            None => Err(TOO_LONG.to_owned()),
        };
        if !take(Record { place, fields }) {
            return Ok(false);
        }
    }
    bail!("the dump ends in the middle of a table");
}

fn row(text: &[u8], columns: &[String]) -> Result<Fields, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the row is not in UTF-8".to_owned())?;
    let values: Vec<&str> = text.split('\t').collect();
    if values.len() != columns.len() {
        return Err(format!("the row has {} columns and not {}", values.len(), columns.len()));
    }
    // An empty text is one that is not there, as in CSV.
    let filled = columns.iter().zip(values).filter(|(_, value)| !value.is_empty() && *value != r"\N");
    Ok(filled.map(|(name, value)| (name.clone(), Value::from(unescaped(value)))).collect())
}

/// The escapes of COPY's text format (PostgreSQL documentation, "COPY", Text Format), as far as `pg_dump` writes them.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some(other) => other,
                None => '\\',
            },
            plain => plain,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(dump: &str) -> (Vec<Record>, Option<String>) {
        let mut users = Vec::new();
        let read = read(dump.as_bytes(), "password", &mut |record| {
            users.push(record);
            true
        });
        (users, read.err().map(|error| error.to_string()))
    }

    #[test]
    fn the_table_of_users_is_found_among_others() {
        let dump = "--\nCOPY public.posts (id, email) FROM stdin;\n1\tx@example.com\n\\.\n\n\
                    COPY public.\"user\" (id, email, password, \"note\") FROM stdin;\n\
                    1\tada@example.com\t$2b$\ta\\tb\\\\\n2\tbob@example.com\t\\N\t\nshort\n\\.\nSET x = 1;\n";

        let (users, error) = users(dump);

        assert_eq!(error, None);
        let places: Vec<u64> = users.iter().map(|user| user.place).collect();
        assert_eq!(places, [7, 8, 9]);
        let ada = users[0].fields.as_ref().unwrap();
        assert_eq!((&ada["email"], &ada["note"]), (&Value::from("ada@example.com"), &Value::from("a\tb\\")));
        assert_eq!(users[1].fields.as_ref().unwrap().len(), 2, "null and empty are not there");
        assert!(users[2].fields.is_err());
    }

    #[test]
    fn a_dump_without_users_or_without_an_end_is_told() {
        for (dump, complaint) in [
            ("-- PostgreSQL database dump\nSET x = 1;\n", "no table with the columns email and password"),
            ("COPY u (email, password) FROM stdin;\na@b\t!\n", "the dump ends in the middle of a table"),
        ] {
            assert!(users(dump).1.is_some_and(|error| error.contains(complaint)), "{dump}");
        }
    }
}
