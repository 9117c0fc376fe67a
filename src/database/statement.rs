//! One SQL text for both engines, and for one statement two.
//!
//! Written with `$1`-style placeholders in the portable alphabet (text, bigint, boolean, bytes). It is never put
//! together at run time: a statement is a `static`, so no input can become SQL.
//!
//! One clause is PostgreSQL's alone: `for update skip locked`, with which several nodes share out rows. SQLite has one
//! writer, so nobody else can hold a row while it runs, and the clause is left out.
//!
//! One thing SQLite cannot: its `returning` sees only the table that is changed. A statement that returns columns of
//! another one has a second text with subqueries. PostgreSQL could run that as well, but not well: a refresh with nine of
//! them took it 260 µs, without them 170 (`pgbench`, 64 clients on two cores, November 2026).

use std::sync::OnceLock;

/// A SQL statement that runs on both engines. Make it a `static`: its translation is made once.
#[derive(Debug)]
pub struct Statement {
    text: &'static str,
    seeing_one_table: Option<&'static str>,
    translation: OnceLock<Translation>,
}

#[derive(Debug)]
struct Translation {
    sqlite: String,
    parameters: usize,
    reads_only: bool,
    summary: String,
}

impl Statement {
    /// Names a statement; nothing is checked before it runs.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, seeing_one_table: None, translation: OnceLock::new() }
    }

    /// Names a statement that returns columns of two tables, and how to say it where `returning` sees only the table
    /// that is changed.
    #[must_use]
    pub const fn of_two_tables(text: &'static str, seeing_one_table: &'static str) -> Self {
        Self { text, seeing_one_table: Some(seeing_one_table), translation: OnceLock::new() }
    }

    /// The text as PostgreSQL takes it.
    pub(super) fn postgres(&self) -> &'static str {
        self.text
    }

    /// The text as SQLite takes it: there `$1` would be a *name*, numbered by first appearance; `?1` is a number.
    pub(super) fn sqlite(&self) -> &str {
        &self.translation().sqlite
    }

    /// Whether it cannot change anything: a `select` without a data-modifying part or a lock.
    pub(super) fn reads_only(&self) -> bool {
        self.translation().reads_only
    }

    /// What it is called in traces: what it does and to which table, such as `select users`.
    pub(super) fn summary(&'static self) -> &'static str {
        &self.translation().summary
    }

    /// The highest number of a placeholder.
    pub(super) fn parameters(&self) -> usize {
        self.translation().parameters
    }

    fn translation(&self) -> &Translation {
        self.translation.get_or_init(|| translate(self.seeing_one_table.unwrap_or(self.text)))
    }
}

/// Words that change rows or lock them (`for update`), wherever they stand outside of quotes.
const WRITING: [&str; 4] = ["insert", "update", "delete", "merge"];

/// The clause that SQLite neither knows nor needs.
const SKIP_LOCKED: &str = "for update skip locked";

fn translate(text: &str) -> Translation {
    let mut sqlite = String::with_capacity(text.len());
    let mut words = Vec::new();
    let mut writes = false;
    let mut parameters = 0;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\'' | '"' => quoted(rest, character),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '$' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                sqlite.push('?');
                rest = &rest[1..];
                let digits = rest.find(|next: char| !next.is_ascii_digit()).unwrap_or(rest.len());
                parameters = parameters.max(rest[..digits].parse().unwrap_or(0));
                digits
            }
            _ if rest.starts_with(SKIP_LOCKED) => {
                writes = true;
                rest = &rest[SKIP_LOCKED.len()..];
                0
            }
            _ if is_word(character) => {
                let word = &rest[..rest.find(|next| !is_word(next) && next != '$').unwrap_or(rest.len())];
                writes |= WRITING.iter().any(|writing| word.eq_ignore_ascii_case(writing));
                words.push(word);
                word.len()
            }
            _ => character.len_utf8(),
        };
        let (taken, remaining) = rest.split_at(length);
        sqlite.push_str(taken);
        rest = remaining;
    }
    let selects =
        words.first().is_some_and(|word| ["select", "with"].iter().any(|read| word.eq_ignore_ascii_case(read)));
    Translation { sqlite, parameters, reads_only: selects && !writes, summary: summary(&words) }
}

/// The first word that asks for something, and the table that is named first.
fn summary(words: &[&str]) -> String {
    let asks = |word: &&&str| WRITING.contains(*word) || **word == "select";
    let operation = words.iter().find(asks).or(words.first()).copied().unwrap_or_default();
    let mut pairs = words.iter().zip(words.iter().skip(1));
    let table = pairs.find(|(before, _)| ["from", "into", "update"].contains(*before)).map(|(_, table)| *table);
    table.map_or_else(|| operation.to_owned(), |table| format!("{operation} {table}"))
}

/// What may stand in an identifier; in one, `$` is a letter like any other.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of a quoted piece. A doubled quote reads as two pieces that touch.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

/// The length of a block comment. SQLite does not nest them, PostgreSQL does: the portable text must not.
fn comment(text: &str) -> usize {
    text[2..].find("*/").map_or(text.len(), |end| end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_numbers_outside_of_quotes_and_comments() {
        for (text, expected) in [
            ("select $1, $2", "select ?1, ?2"),
            ("select $10 + $2", "select ?10 + ?2"),
            ("select '$1', \"$2\", $3", "select '$1', \"$2\", ?3"),
            ("select 'it''s $1' || $1", "select 'it''s $1' || ?1"),
            ("select $1 -- not $2\n, $2", "select ?1 -- not $2\n, ?2"),
            ("select $1 /* ' $2 */ , $2", "select ?1 /* ' $2 */ , ?2"),
            ("select odd$1 from t where id = $1", "select odd$1 from t where id = ?1"),
            ("select 'é $1', $1", "select 'é $1', ?1"),
            ("select '$1", "select '$1"),
            ("select $1 -- $2", "select ?1 -- $2"),
            ("select id from t limit $1 for update skip locked", "select id from t limit ?1 "),
            ("select 'for update skip locked', $1", "select 'for update skip locked', ?1"),
        ] {
            assert_eq!(translate(text).sqlite, expected);
        }
        assert_eq!(translate("select $2, '$9', $10").parameters, 10);
        assert_eq!(translate("select 1").parameters, 0);
    }

    #[test]
    fn a_statement_is_called_by_what_it_does_to_which_table() {
        for (text, expected) in [
            ("select id from users where email = $1", "select users"),
            ("insert into users (email) values ($1) on conflict (email) do update set email = $1", "insert users"),
            ("-- from a comment\n update sessions set ended_at = $1", "update sessions"),
            ("with gone as (delete from sessions returning id) select id from gone", "delete sessions"),
            ("select 'from nowhere'", "select"),
            ("vacuum", "vacuum"),
            ("", ""),
        ] {
            assert_eq!(translate(text).summary, expected, "{text}");
        }
    }

    #[test]
    fn a_statement_that_writes_is_known() {
        for text in [
            "insert into users (email) values ($1) returning id",
            "  -- says why\n UPDATE users set email = $1",
            "with gone as (delete from users returning id) select id from gone",
            "select id from users where id = $1 for update",
            "select id from users limit $1 for update skip locked",
            "create table t (id bigint)",
            "vacuum",
            "replace into users (id) values ($1)",
        ] {
            assert!(!translate(text).reads_only, "{text}");
        }
        for text in [
            "select id from users where email = 'delete'",
            "/* update */ select updated_at, \"insert\" from users -- delete",
            "select replace(email, $1, $2) from users",
            "with open as (select id from sessions) select id from open",
        ] {
            assert!(translate(text).reads_only, "{text}");
        }
    }
}
