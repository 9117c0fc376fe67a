//! The schema as a document: `artifacts/auth/schema.md`, made from the migrations and their comments.
//!
//! It reads our own migrations, which are written one column a line, and no other SQL.

use std::fmt::Write;

use super::migrate::{POSTGRES, SQLITE, Script};

/// Writes the schema of both engines as Markdown.
#[must_use]
pub fn schema() -> String {
    let mut text = HEAD.to_owned();
    let (postgres, sqlite) = (tables(&POSTGRES), tables(&SQLITE));
    for table in &postgres {
        let twin = sqlite.iter().find(|twin| twin.name == table.name);
        // Writing to a string cannot fail.
        let _ = write_table(&mut text, table, twin);
    }
    text
}

const HEAD: &str =
    "<!-- Made by `countersign print schema` from the migrations; change those and run scripts/generate. -->

# Schema

The same tables on PostgreSQL and SQLite, made by the migrations in [`migrations/`](../../migrations/), each a pair of
files of one name. Instants are milliseconds since the Unix epoch. `schema_migrations` keeps which of them are applied.
";

/// A table as its migration declares it.
#[derive(Default)]
struct Table {
    name: String,
    about: String,
    columns: Vec<Column>,
    rules: Vec<String>,
}

struct Column {
    name: String,
    kind: String,
    about: String,
}

fn write_table(text: &mut String, table: &Table, twin: Option<&Table>) -> std::fmt::Result {
    writeln!(text, "\n## `{}`\n\n{}\n", table.name, table.about)?;
    writeln!(text, "| column | PostgreSQL | SQLite | meaning |\n|---|---|---|---|")?;
    for column in &table.columns {
        let twin = twin.and_then(|twin| twin.columns.iter().find(|twin| twin.name == column.name));
        let in_sqlite = twin.map_or("", |twin| &twin.kind);
        writeln!(text, "| `{}` | `{}` | `{in_sqlite}` | {} |", column.name, column.kind, column.about)?;
    }
    if !table.rules.is_empty() {
        writeln!(text)?;
    }
    for rule in &table.rules {
        writeln!(text, "- `{rule}`")?;
    }
    Ok(())
}

/// Reads the tables that these migrations make, one after the other.
fn tables(scripts: &[Script]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for script in scripts {
        read_script(&mut tables, script);
    }
    tables
}

fn read_script(tables: &mut Vec<Table>, script: &Script) {
    let mut comment = String::new();
    let mut is_inside = false;
    for line in script.sql.lines() {
        let line = line.trim();
        let statement = line.split(" --").next().unwrap_or(line).trim_end_matches([',', ';', ' ']);
        if let Some(words) = line.strip_prefix("-- ") {
            let gap = if comment.is_empty() { "" } else { " " };
            comment = format!("{comment}{gap}{words}");
        } else if let Some(name) = line.strip_prefix("create table ") {
            let name = name.trim_end_matches(" (").to_owned();
            tables.push(Table { name, about: std::mem::take(&mut comment), ..Table::default() });
            is_inside = true;
        } else if line.starts_with(')') {
            is_inside = false;
        } else if line.is_empty() {
            comment.clear();
        } else if let Some(table) = changed(tables, statement, is_inside) {
            let added = statement.split_once(" add column ").map(|(_, column)| column);
            read_line(table, added.unwrap_or(statement), std::mem::take(&mut comment), is_inside || added.is_some());
        }
    }
}

/// The table that a line belongs to: the last one, or the one that it names.
fn changed<'a>(tables: &'a mut [Table], statement: &str, is_inside: bool) -> Option<&'a mut Table> {
    let is_named = |line: &str, table: &Table| {
        let named = line.split([' ', '(']).any(|word| word == table.name);
        named && (line.starts_with("alter table ") || line.contains(" on "))
    };
    let named = if is_inside { None } else { tables.iter().position(|table| is_named(statement, table)) };
    match named {
        Some(position) => tables.get_mut(position),
        None => tables.last_mut(),
    }
}

/// Reads a line that declares a column, a constraint or an index.
fn read_line(table: &mut Table, line: &str, about: String, is_inside: bool) {
    match line.split_once(' ') {
        Some((name, kind)) if is_inside && name != "constraint" => {
            table.columns.push(Column { name: name.to_owned(), kind: kind.to_owned(), about });
        }
        _ => table.rules.push(line.to_owned()),
    }
}
