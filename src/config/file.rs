//! Settings from a TOML file, each with the line that it stands on.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::fault::{Fault, Origin};
use super::layers::{FileChoice, Given, Layers};

/// Reads the configuration file, if there is to be one.
pub(super) fn read(choice: &FileChoice, layers: &mut Layers) {
    let (path, required) = match choice {
        FileChoice::None => return,
        FileChoice::IfPresent(path) => (path, false),
        FileChoice::Required(path) => (path, true),
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound && !required => return,
        Err(error) => {
            return layers.fault(Fault::of_the_whole(format!("cannot read {}: {error}", path.display())));
        }
    };
    let document = Document { path, text: &text };
    match DeTable::parse(&text) {
        Ok(table) => document.take_table("", table.get_ref(), layers),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            layers.fault(Fault::at(document.at(start), error.message().replace('\n', ", ")));
        }
    }
}

struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    /// Gives every value of a table, and of the tables in it, under its dotted name.
    fn take_table(&self, prefix: &str, table: &DeTable<'_>, layers: &mut Layers) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(table) if !table.is_empty() => self.take_table(&format!("{name}."), table, layers),
                DeValue::Table(_) => {}
                value => layers.give(&name, Given::new(text_of(value), self.at(key.span().start))),
            }
        }
    }

    fn at(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        Origin::File { path: PathBuf::from(self.path), line: before.matches('\n').count() + 1 }
    }
}

/// The value as a variable of the environment would spell it.
fn text_of(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(instant) => instant.to_string(),
        DeValue::Array(items) => items.iter().map(|item| text_of(item.get_ref())).collect::<Vec<_>>().join(","),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
