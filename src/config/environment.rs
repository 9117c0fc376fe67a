//! Settings from the environment: `COUNTERSIGN_<SECTION>__<KEY>`, and `…_FILE` for one that is kept in a file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::fault::{Fault, Origin};
use super::layers::{Content, Given, Layers};

/// The variables of an environment. An empty one counts as missing.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Returns the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        variables.collect()
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

// The environment holds secrets, ours and other programs'.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Environment(..)")
    }
}

/// Returns the variable that sets a setting: `COUNTERSIGN_TOKENS__ALGORITHM`.
pub(super) fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.replace('.', "__").to_uppercase())
}

/// Returns the name that other programs use for the same thing, where there is one.
pub(super) fn alias(setting: &str) -> Option<&'static str> {
    match setting {
        "database.url" => Some("DATABASE_URL"),
        "tokens.jwt_secret" => Some("JWT_SECRET"),
        _ => None,
    }
}

/// Reads every setting that the environment has, and reports the variables that look like one but are none.
pub(super) fn read(environment: &Environment, layers: &mut Layers) {
    for setting in layers.known.clone() {
        // Our own name counts over the alias, which may be there for another program.
        for name in alias(&setting).map(str::to_owned).into_iter().chain([variable(&setting)]) {
            if let Some(given) = given(environment, &name) {
                layers.give(&setting, given);
            }
        }
    }
    report_unknown(environment, layers);
}

/// The value of a variable, or of the file that its twin names.
fn given(environment: &Environment, name: &str) -> Option<Given> {
    let twin = format!("{name}_FILE");
    let (origin, content) = match (environment.get(name), environment.get(&twin)) {
        (None, None) => return None,
        (None, Some(path)) => (twin, Content::InFile(PathBuf::from(path))),
        (Some(text), None) => match text.to_str() {
            Some(text) => (name.to_owned(), Content::Text(Zeroizing::new(text.to_owned()))),
            None => (name.to_owned(), Content::Unusable("must be UTF-8".to_owned())),
        },
        (Some(_), Some(_)) => {
            (name.to_owned(), Content::Unusable(format!("is set here and by {twin}; keep one of them")))
        }
    };
    Some(Given { content, origin: Origin::Variable(origin) })
}

fn report_unknown(environment: &Environment, layers: &mut Layers) {
    let known: Vec<String> = layers.known.iter().map(|setting| variable(setting)).collect();
    let is_known = |name: &str| known.iter().any(|known| known == name.strip_suffix("_FILE").unwrap_or(name));

    for name in environment.0.keys().filter(|name| name.starts_with(PREFIX)) {
        if environment.get(name).is_some() && !is_known(name) && !is_service_link(environment, name) {
            let setting = name.trim_start_matches(PREFIX).replace("__", ".").to_lowercase();
            let hint = layers.hint(&setting, variable);
            layers.fault(Fault::of_the_whole(format!("{name} is not a setting{hint}")));
        }
    }
}

/// Tells whether Kubernetes made this variable: for a service named `countersign` it gives every pod
/// `COUNTERSIGN_SERVICE_HOST`, `COUNTERSIGN_PORT_8000_TCP` and their like, which nobody can take away.
fn is_service_link(environment: &Environment, name: &str) -> bool {
    let in_kubernetes = environment.get("KUBERNETES_SERVICE_HOST").is_some();
    let key = name.strip_prefix(PREFIX).unwrap_or(name);
    in_kubernetes
        && (key == "PORT" || ["PORT_", "SERVICE_HOST", "SERVICE_PORT"].iter().any(|start| key.starts_with(start)))
}

const PREFIX: &str = "COUNTERSIGN_";
