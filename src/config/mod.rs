//! Settings: defaults, then the file, the environment and the flags, each over the one before.
//!
//! Everything is read once, at start; all that is wrong with it is told at once. This module opens no
//! listener and no database: it says what they shall be. The only thing it ever writes is the root secret
//! of a machine under development ([`root_secret`]).
//!
//! A setting is one documented field in one file of this folder. The loader, `countersign.default.toml` and
//! `docs/configuration.md` are made from that field.

mod audit;
mod breakers;
mod connection;
mod contradictions;
pub mod data_dir;
mod database;
mod durations;
mod effective;
mod environment;
mod exposure;
mod fault;
mod file;
mod http;
mod keys;
mod layers;
mod limits;
mod logs;
mod mail;
mod metrics;
mod notices;
mod passwords;
mod public_url;
mod reader;
pub mod reference;
mod registration;
pub mod root_secret;
mod secret;
mod section;
mod service;
mod setting;
mod tokens;
mod traces;
mod web_origin;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use self::audit::Audit;
pub use self::breakers::{BreachCheckBreaker, DatabaseBreaker, MailBreaker, TracesBreaker};
pub use self::database::{Database, DatabaseUrl};
pub use self::effective::Effective;
pub use self::environment::Environment;
pub use self::exposure::Exposure;
pub use self::fault::{Fault, Faults, Origin};
pub use self::http::Http;
pub use self::keys::Keys;
pub use self::layers::{FileChoice, Flag, Sources};
pub use self::limits::Limits;
pub use self::logs::{LogFilter, LogFormat, Logs};
pub use self::mail::{Mail, Security, Sender, SmtpUrl};
pub use self::metrics::Metrics;
pub use self::notices::Notices;
pub use self::passwords::Passwords;
pub use self::public_url::PublicUrl;
pub use self::registration::Registration;
pub use self::secret::{RootSecret, RootSecrets, SharedSecret};
pub use self::service::Service;
pub use self::tokens::Tokens;
pub use self::traces::{SampleRatio, TraceHeaders, Traces};
pub use self::web_origin::WebOrigin;

use self::reader::Reader;
use self::section::{Row, Section};

/// Reads the settings for a command that does not listen.
///
/// # Errors
/// [`Faults`] holds everything that is wrong, one line each.
pub fn load(sources: &Sources) -> Result<Loaded, Faults> {
    let (loaded, reader) = read(sources);
    reader.finish().map(|()| loaded)
}

/// Reads the settings for a server, which also have to be safe for the address it listens on.
///
/// # Errors
/// [`Faults`] holds everything that is wrong, one line each; a refused address is one of them.
pub fn load_to_serve(sources: &Sources) -> Result<(Loaded, Exposure), Faults> {
    let (loaded, reader) = read(sources);
    match exposure::of(&loaded.config, &reader) {
        Ok(exposure) => reader.finish().map(|()| (loaded, exposure)),
        Err(refusal) => Err(reader.finish_with(refusal)),
    }
}

/// Settings, and where each of them came from.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Tells where the value of a setting (`tokens.algorithm`) came from.
    #[must_use]
    pub fn origin(&self, setting: &str) -> &Origin {
        self.origins.get(setting).unwrap_or(&Origin::Default)
    }
}

/// Declares [`Config`] from its sections, in the order in which they are documented.
macro_rules! config {
    ($($(#[doc = $doc:literal])* $name:ident: $Section:ty,)*) => {
        /// Every setting of the service.
        ///
        /// `Config::default()` is the built-in default, without looking at a file or the environment.
        #[derive(Clone, Debug, Default)]
        pub struct Config {
            $($(#[doc = $doc])* pub $name: $Section,)*
            /// Serve a public address without TLS: the flag `--insecure-http`, which no file can set.
            pub insecure_http: bool,
            /// Whether a service manager handed over the socket to listen on; no file can set it.
            pub was_handed_a_socket: bool,
        }

        impl Config {
            fn read(reader: &mut Reader, sources: &Sources) -> Self {
                let &Sources { insecure_http, was_handed_a_socket, .. } = sources;
                Self { $($name: <$Section as Section>::read(reader),)* insecure_http, was_handed_a_socket }
            }

            /// Every section with its settings: what documents and displays them.
            fn sections(&self) -> Vec<SectionRows> {
                vec![$(SectionRows {
                    name: <$Section as Section>::NAME,
                    about: <$Section as Section>::ABOUT,
                    rows: self.$name.rows(),
                },)*]
            }
        }
    };
}

config! {
    /// Where the service lives.
    service: Service,
    /// The database.
    database: Database,
    /// The circuit breaker before it.
    database_breaker: DatabaseBreaker,
    /// The HTTP server.
    http: Http,
    /// Access tokens and sessions.
    tokens: Tokens,
    /// Signing keys.
    keys: Keys,
    /// Password hashing.
    passwords: Passwords,
    /// The circuit breaker before the list of breached passwords.
    breach_check_breaker: BreachCheckBreaker,
    /// Who may open an account.
    registration: Registration,
    /// How often anyone may try.
    limits: Limits,
    /// Mail.
    mail: Mail,
    /// The circuit breaker before the mail server.
    mail_breaker: MailBreaker,
    /// What people are told about their own account.
    notices: Notices,
    /// What is written down of what happens.
    audit: Audit,
    /// What operators see.
    logs: Logs,
    /// Metrics.
    metrics: Metrics,
    /// Traces.
    traces: Traces,
    /// The circuit breaker before their collector.
    traces_breaker: TracesBreaker,
}

impl Config {
    /// Tells whether the service listens on this machine only. A proxy may still lead others to it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.service.listen.ip().to_canonical().is_loopback()
    }

    /// Tells whether a developer runs the service for themselves: on loopback, known by no other address, and on a
    /// socket of its own.
    ///
    /// Only then may it show what nobody but its developer should see.
    #[must_use]
    pub fn is_development(&self) -> bool {
        let is_known_elsewhere = self.service.public_url.as_ref().is_some_and(|url| !url.is_loopback());
        self.is_loopback() && !is_known_elsewhere && !self.was_handed_a_socket
    }

    /// Returns the address that people and tokens know the service by.
    ///
    /// Without a setting it is the address that was bound, which is known when port 0 has become a real one.
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> PublicUrl {
        self.service.public_url.clone().unwrap_or_else(|| PublicUrl::of_listener(bound, self.http.speaks_tls()))
    }

    /// Returns what every access token carries as `aud`: the setting, or the public address.
    #[must_use]
    pub fn audience(&self, bound: SocketAddr) -> String {
        self.tokens.audience.clone().unwrap_or_else(|| self.public_url(bound).as_str().to_owned())
    }

    /// Returns the database to use: the setting, or a file in the data directory.
    #[must_use]
    pub fn database_url(&self) -> DatabaseUrl {
        let default = || DatabaseUrl::Sqlite(self.service.data_dir.join("countersign.db"));
        self.database.url.clone().unwrap_or_else(default)
    }

    /// Returns how many threads hash passwords: the setting, or one per core.
    #[must_use]
    pub fn hashing_threads(&self) -> u32 {
        let cores = || std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok());
        self.passwords.hashing_threads.or_else(cores).unwrap_or(1)
    }

    /// Tells whether `POST /auth/token` takes passwords: the setting, or only on loopback.
    #[must_use]
    pub fn allows_password_grant(&self) -> bool {
        self.tokens.password_grant.unwrap_or_else(|| self.is_loopback())
    }
}

/// A section as its readers see it.
struct SectionRows {
    name: &'static str,
    about: &'static str,
    rows: Vec<Row>,
}

fn read(sources: &Sources) -> (Loaded, Reader) {
    let (given, faults) = layers::gather(sources);
    let mut reader = Reader::new(given, faults);
    let config = Config::read(&mut reader, sources);
    contradictions::report(&config, &mut reader);

    (Loaded { config, origins: reader.origins().clone() }, reader)
}
