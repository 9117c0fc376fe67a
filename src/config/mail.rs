//! Mail: the server that takes it, and whom it is from.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

use super::section::section;
use super::setting::{Rejected, Setting, Shown};
use crate::domain::Email;

section! {
    /// Mail: the server that takes it, and whom it is from. [docs/mail.md](mail.md) tells the whole story.
    pub struct Mail in "mail" {
        /// The mail server: `smtp://HOST:PORT` or `smtps://USER:PASSWORD@HOST:PORT`.
        ///
        /// `smtp://` is encrypted with STARTTLS, and nothing is sent to a server that does not offer it; only on this
        /// machine (`localhost`, `127.0.0.1`) it is not. Without a port it is 587, on this machine 25. `smtps://` is
        /// encrypted from the first byte; without a port it is 465. Characters of user and password that mean something
        /// in a URL are written as `%40`.
        ///
        /// Without this setting, letters wait in the database; in development they appear under `/dev/mail`
        /// instead ([docs/mail.md](mail.md) says what counts as that).
        pub smtp_url: Option<SmtpUrl> = None;

        /// Whom letters are from: an address, or `Name <address>`.
        ///
        /// Default: `Countersign`, and `no-reply` at the host of the public address. Most mail servers only take what
        /// they were told to expect.
        pub from: Option<Sender> = None;

        /// How long the connection to the mail server may take, in seconds.
        pub connect_timeout_seconds: u32 = 5, in 1..=60;

        /// How long one letter may take altogether, in seconds; then it is tried again later.
        pub timeout_seconds: u32 = 20, in 1..=300;

        /// How many letters this node sends at the same time, each over a connection of its own.
        pub max_connections: u32 = 4, in 1..=64;

        /// How long to go on trying to send a letter, in seconds; then it is a dead letter.
        ///
        /// Default 4 days: RFC 5321 §4.5.4.1 asks for four to five. A letter that the server refuses for good is
        /// dead at once.
        pub give_up_after_seconds: u32 = 345_600, in 60..=2_592_000;

        /// A directory with templates that replace those inside the program, by their names.
        ///
        /// Try them with `countersign mail preview`. A template that cannot be used keeps the service from starting.
        pub templates_dir: Option<PathBuf> = None;
    }
}

/// The address of a mail server, with what it wants to know.
#[derive(Clone)]
pub struct SmtpUrl {
    /// How the connection is protected.
    pub security: Security,
    /// A name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// A user and a password.
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after the greeting, or nothing is sent.
    StartTls,
    /// Not at all: the server is on this machine.
    Plain,
}

impl SmtpUrl {
    /// Parses the address of a mail server; `None` if it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty())?.trim_matches(['[', ']']).to_owned();
        let (security, usual_port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" if is_this_machine(&host) => (Security::Plain, 25),
            "smtp" => (Security::StartTls, 587),
            _ => return None,
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => {
                Some((decoded(user)?, SecretString::from(decoded(password)?)))
            }
            _ => return None,
        };
        is_bare.then_some(Self { security, host, port: url.port().unwrap_or(usual_port), credentials })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

impl fmt::Display for SmtpUrl {
    /// The address without credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Tls { "smtps" } else { "smtp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(formatter, "{scheme}://{host}:{}", self.port)
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SmtpUrl({self})")
    }
}

impl Setting for SmtpUrl {
    fn allowed() -> String {
        "smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        // It may hold a password, so it is not repeated.
        Self::read(text).ok_or_else(|| Rejected::Because(format!("must be {}", Self::allowed())))
    }

    fn shown(&self) -> Shown {
        Shown::text(self.to_string())
    }
}

/// Whom letters are from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sender {
    /// The name that people see.
    pub name: String,
    /// The address.
    pub address: Email,
}

impl Sender {
    /// The name where none was given.
    const NAME: &'static str = "Countersign";

    /// The sender of a service that was not told of any, by its public address.
    #[must_use]
    pub fn of(public_url: &str) -> Self {
        let domain = Url::parse(public_url).ok().and_then(|url| match url.host() {
            Some(Host::Domain(domain)) => Some(domain.to_owned()),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => None,
        });
        let address = domain.and_then(|domain| Email::parse(&format!("no-reply@{domain}")).ok());
        let address = address.unwrap_or_else(|| Email::from_stored("no-reply@localhost".to_owned()));
        Self { name: Self::NAME.to_owned(), address }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} <{}>", self.name, self.address)
    }
}

impl Setting for Sender {
    fn allowed() -> String {
        "an address, or a name and an address such as Example <no-reply@example.com>".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"'), address),
            None => ("", text),
        };
        if name.chars().any(char::is_control) {
            return Err(Rejected::NotAllowed);
        }
        let address = Email::parse(address).map_err(|_| Rejected::NotAllowed)?;
        Ok(Self { name: if name.is_empty() { Self::NAME } else { name }.to_owned(), address })
    }

    fn shown(&self) -> Shown {
        Shown::text(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(text: &str) -> String {
        SmtpUrl::read(text).map_or_else(|| "refused".to_owned(), |url| format!("{url} {:?}", url.security))
    }

    #[test]
    fn a_server_elsewhere_is_never_spoken_to_in_the_clear() {
        assert_eq!(shown("smtp://mail.example.com"), "smtp://mail.example.com:587 StartTls");
        assert_eq!(shown("smtps://mail.example.com"), "smtps://mail.example.com:465 Tls");
        assert_eq!(shown("smtp://127.0.0.1:2525"), "smtp://127.0.0.1:2525 Plain");
        assert_eq!(shown("smtp://[::1]"), "smtp://[::1]:25 Plain");
        assert_eq!(shown("smtp://localhost"), "smtp://localhost:25 Plain");
        assert_eq!(shown("smtp://localhost.example.com"), "smtp://localhost.example.com:587 StartTls");
    }

    #[test]
    fn what_is_no_mail_server_is_refused() {
        for text in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://a/b",
            "smtp://a?tls=no",
            "smtp://ada@a",
        ] {
            assert_eq!(shown(text), "refused", "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let url = SmtpUrl::read("smtps://ada%40example.com:mar%2Fker+@mail.example.com").unwrap();

        let (user, password) = url.credentials.clone().unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("ada@example.com", "mar/ker+"));
        assert!(!format!("{url} {url:?} {:?}", Setting::shown(&url)).contains("mar"));
    }

    #[test]
    fn a_sender_has_a_name_and_no_room_for_another_header() {
        let read = |text: &str| Sender::parse(text).ok().map(|sender| sender.to_string());

        assert_eq!(read("Example <no-reply@example.com>").unwrap(), "Example <no-reply@example.com>");
        assert_eq!(read("\"Ada, Inc.\" <a@example.com>").unwrap(), "Ada, Inc. <a@example.com>");
        assert_eq!(read("a@example.com").unwrap(), "Countersign <a@example.com>");
        for text in
            ["", "Example", "A\r\nBcc: b@example.com <a@example.com>", "A <a@example.com\r\nBcc: b@example.com>"]
        {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_sender_that_was_not_set_follows_the_public_address() {
        assert_eq!(Sender::of("https://auth.example.com").to_string(), "Countersign <no-reply@auth.example.com>");
        assert_eq!(Sender::of("http://127.0.0.1:8000").to_string(), "Countersign <no-reply@localhost>");
    }
}
