//! Every setting as it counts, fit to be displayed.

use serde_json::Value;

use super::setting::Shown;
use super::{Config, Loaded, Origin};

/// A setting as it counts.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The name with its section: `tokens.algorithm`.
    pub name: String,
    /// The value; a text that says so in place of a secret; null where there is none.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

impl Loaded {
    /// Returns every setting, with what stands in for those that nobody set.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let rows = self.config.sections().into_iter().flat_map(|section| section.rows);
        rows.map(|row| {
            let value = match row.shown {
                Shown::Value(value) => value,
                Shown::Hidden => Value::from("(hidden)"),
                Shown::Unset => derived(&self.config, &row.name),
            };
            Effective { origin: self.origin(&row.name).clone(), name: row.name, value }
        })
        .collect()
    }
}

/// What counts where a setting has no value of its own.
fn derived(config: &Config, setting: &str) -> Value {
    let listen = config.service.listen;
    match setting {
        "public_url" => Value::from(config.public_url(listen).as_str()),
        "database.url" => Value::from(config.database_url().to_string()),
        "tokens.audience" => Value::from(config.audience(listen)),
        "tokens.password_grant" => Value::from(config.allows_password_grant()),
        "passwords.hashing_threads" => Value::from(config.hashing_threads()),
        _ => Value::Null,
    }
}
