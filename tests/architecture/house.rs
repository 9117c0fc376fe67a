//! The floors of ARCHITECTURE.md, as data: which module stands where, and what it must not hold.

/// Where a module stands. A module imports from its own floor and from those below.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Floor {
    /// Values that cannot be wrong.
    Words,
    /// What any service needs: settings, storage, cryptography.
    Tools,
    /// A row, and every statement about it.
    Nouns,
    /// The operations: the only place where a rule is written.
    Verbs,
    /// HTTP, JSON and HTML.
    Faces,
    /// What puts the process together.
    Entry,
}

/// The calls from verb to verb that are allowed: short, and without a circle.
pub(crate) const VERBS: &[(&str, &[&str])] = &[
    ("admin::audit_events", &["audit"]),
    ("admin::users", &["audit", "auth::attempts", "auth::codes"]),
    ("auth::attempts", &["audit", "auth::known_addresses"]),
    ("auth::change_email", &["audit", "auth::attempts", "auth::codes", "auth::limits", "letters"]),
    (
        "auth::change_password",
        &[
            "audit",
            "auth::attempts",
            "auth::breached",
            "auth::codes",
            "auth::notices",
            "auth::sessions",
            "auth::tokens",
        ],
    ),
    ("auth::codes", &["auth::limits"]),
    (
        "auth::login",
        &["audit", "auth::attempts", "auth::known_addresses", "auth::notices", "auth::sessions", "auth::tokens"],
    ),
    ("auth::logout", &["audit"]),
    ("auth::me", &["admin::users", "audit", "auth::attempts"]),
    ("auth::notices", &["auth::known_addresses", "letters"]),
    ("auth::refresh", &["audit", "auth::sessions", "auth::tokens"]),
    (
        "auth::register",
        &[
            "audit",
            "auth::breached",
            "auth::codes",
            "auth::known_addresses",
            "auth::limits",
            "auth::reset_password",
            "auth::sessions",
            "auth::tokens",
            "auth::verify_email",
            "letters",
        ],
    ),
    (
        "auth::reset_password",
        &["audit", "auth::attempts", "auth::breached", "auth::codes", "auth::limits", "auth::notices", "letters"],
    ),
    ("auth::sessions", &["auth::tokens"]),
    ("auth::tokens", &["keys"]),
    (
        "auth::verify_email",
        &["audit", "auth::codes", "auth::limits", "auth::notices", "auth::reset_password", "letters"],
    ),
    (
        "jobs",
        &[
            "audit",
            "auth::attempts",
            "auth::codes",
            "auth::limits",
            "auth::register",
            "auth::reset_password",
            "auth::sessions",
            "keys",
            "letters",
        ],
    ),
    ("keys", &["audit"]),
    ("moving", &["audit"]),
];

/// The drivers of the two engines.
pub(crate) const ENGINE_CRATES: &[&str] = &["rusqlite", "tokio_postgres", "deadpool_postgres", "tokio_postgres_rustls"];

/// Where the drivers are named: the folder that runs both engines.
pub(crate) const ENGINE_ROOMS: &[&str] = &["src/database/"];

/// Where SQL stands: beside its row, and in the engine's own business (migrations, pragmas, advisory locks).
pub(crate) const SQL_ROOMS: &[&str] = &["src/models/", "src/database/"];

/// Where secrets are opened: where they are read and parsed, in cryptography and what hands keys to it, and where they
/// leave for a mail server or a database.
pub(crate) const SECRET_ROOMS: &[&str] = &[
    "src/cli/opened.rs",
    "src/config/",
    "src/crypto/",
    "src/database/",
    "src/domain/password.rs",
    "src/keys/",
    "src/mail/",
    "src/server/mod.rs",
];

/// The floor that `module` stands on, or none if nobody gave it one.
pub(crate) fn floor(module: &[String]) -> Option<Floor> {
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let floor = match module.as_slice() {
        [] | ["main" | "cli" | "server" | "router" | "openapi", ..] => Floor::Entry,
        // `auth/token` is the OAuth dialect of login and refresh: a face without a verb of its own.
        [.., "routes" | "pages"]
        | ["auth", "dependencies" | "token", ..]
        | ["pages" | "middleware" | "health" | "problem" | "schemas", ..] => Floor::Faces,
        ["auth" | "admin" | "audit" | "oauth" | "keys" | "letters" | "jobs" | "moving", ..] => Floor::Verbs,
        ["models", ..] => Floor::Nouns,
        [
            "app" | "config" | "database" | "crypto" | "breaches" | "circuit_breaker" | "limits" | "mail" | "metrics"
            | "outgoing" | "telemetry" | "traces",
            ..,
        ] => Floor::Tools,
        ["domain" | "clock", ..] => Floor::Words,
        _ => return None,
    };
    Some(floor)
}

/// What a module is a part of: a verb's folder, its face, a noun's file, and else the folder at the top.
pub(crate) fn room(module: &[String]) -> String {
    let in_features =
        ["auth", "admin", "oauth"].iter().any(|folder| module.first().is_some_and(|first| first == folder));
    let depth = match floor(module) {
        Some(Floor::Faces) if in_features => module.len(),
        Some(Floor::Verbs) if in_features => 2,
        Some(Floor::Nouns) => 2,
        _ => 1,
    };
    name(module.get(..depth).unwrap_or(module))
}

pub(crate) fn is_verb(module: &[String]) -> bool {
    floor(module) == Some(Floor::Verbs)
}

/// A module's path as it is written in Rust.
pub(crate) fn name(module: &[String]) -> String {
    if module.is_empty() { "the crate root".to_owned() } else { module.join("::") }
}

/// The crates and modules whose business is another floor's.
pub(crate) fn forbidden(module: &[String]) -> &'static [&'static str] {
    match floor(module) {
        // Words: no input or output, no clock but the one that is asked.
        Some(Floor::Words) => &[
            "std::fs",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::env",
            "std::process",
            "std::io",
            "tokio",
            "axum",
            "hyper",
            "reqwest",
        ],
        // Tools: nothing of the web's, except where the web is the tool.
        Some(Floor::Tools) => &["axum", "askama", "utoipa"],
        // Nouns: the instant, the digest and the chance are handed in.
        Some(Floor::Nouns) => {
            &["crate::clock", "crate::mail", "crate::crypto::random", "rand", "bcrypt", "bcrypt_lanes", "axum", "tokio"]
        }
        // Keys rest in the database as JSON (RFC 7517).
        Some(Floor::Verbs) if module.first().is_some_and(|first| first == "keys") => &["axum", "http", "hyper"],
        // Verbs: one operation, many faces.
        Some(Floor::Verbs) => &["axum", "http", "hyper", "tower", "tower_http", "utoipa", "askama", "serde_json"],
        Some(Floor::Faces | Floor::Entry) | None => &[],
    }
}
