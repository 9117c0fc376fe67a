//! The way to a mail server: a few connections that are kept, each letter within a deadline.
//!
//! A connection belongs to one letter at a time. One that is not in a known state when its letter ends (a deadline, a
//! broken line) is closed and never used again: otherwise the next letter would read the answers to this one.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Noop, Rcpt, Rset},
        extension::ClientId,
    },
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::send_error::SendError;
use crate::config::{Security, SmtpUrl};

/// How long a connection may rest: servers close theirs after five minutes (RFC 5321 §4.5.3.2.7), many earlier.
const REST: Duration = Duration::from_secs(30);

/// How long a resting connection has to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// A mail server.
pub(super) struct Smtp {
    url: SmtpUrl,
    hello: ClientId,
    tls: Option<TlsParameters>,
    connect_timeout: Duration,
    /// No more than letters were sent at the same time.
    resting: Mutex<Vec<Resting>>,
}

struct Resting {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Who sends what to whom, as the mail server sees it.
pub(super) struct Envelope {
    pub(super) from: Address,
    pub(super) to: Address,
    /// In ASCII, with its lines ended by CRLF.
    pub(super) mail: String,
}

impl Smtp {
    /// The way to this server; `hello` is what we call ourselves there.
    pub(super) fn new(url: SmtpUrl, hello: ClientId, connect_timeout: Duration) -> Result<Self, TlsError> {
        let tls = match url.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls => {
                Some(TlsParameters::new(url.host.clone()).map_err(|error| TlsError(error.to_string()))?)
            }
        };
        Ok(Self { url, hello, tls, connect_timeout, resting: Mutex::default() })
    }

    /// Sends one letter. Without a deadline of its own; dropped, it closes its connection.
    pub(super) async fn send(&self, envelope: &Envelope) -> Result<(), SendError> {
        let mut connection = self.connection().await?;
        let mail = Mail::new(Some(envelope.from.clone()), Vec::new());
        // What is said up to here concerns us and not this letter.
        connection.command(mail).await.map_err(SendError::unreachable)?;
        match deliver(&mut connection, envelope).await {
            Ok(()) => self.keep(connection),
            Err(error) if error.status().is_some() => {
                if connection.command(Rset).await.is_ok() {
                    self.keep(connection);
                }
                return Err(SendError::of_letter(&error));
            }
            Err(error) => return Err(SendError::unreachable(error)),
        }
        Ok(())
    }

    /// Opens a connection on which a letter could begin.
    pub(super) async fn greet(&self) -> Result<(), SendError> {
        let connection = self.connection().await?;
        self.keep(connection);
        Ok(())
    }

    /// A connection on which a letter can begin.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(Resting { mut connection, since }) = self.take() {
            let lives =
                since.elapsed() < REST && matches!(timeout(SIGN_OF_LIFE, connection.command(Noop)).await, Ok(Ok(_)));
            if lives {
                return Ok(connection);
            }
        }
        let opened = timeout(self.connect_timeout, self.connect()).await;
        opened.map_err(|_| SendError::late("the connection", self.connect_timeout))?.map_err(SendError::unreachable)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let (at_once, later) = match self.url.security {
            Security::Plain => (None, None),
            Security::Tls => (self.tls.clone(), None),
            Security::StartTls => (None, self.tls.clone()),
        };
        let address = (self.url.host.as_str(), self.url.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, at_once, None).await?;
        if let Some(tls) = later {
            // Refuses a server that does not offer it.
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some((user, password)) = &self.url.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    fn take(&self) -> Option<Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let resting = Resting { connection, since: Instant::now() };
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(resting);
    }
}

/// The part of the conversation that concerns the letter.
async fn deliver(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
) -> Result<(), lettre::transport::smtp::Error> {
    connection.command(Rcpt::new(envelope.to.clone(), Vec::new())).await?;
    connection.command(Data).await?;
    connection.command(Body(&envelope.mail)).await.map(drop)
}

/// A mail with its end, in one piece. The library writes the two apart, and the second then waits 40 ms for the receiver
/// to acknowledge the first (Nagle's algorithm and delayed acknowledgement): 80 letters a second became 500.
struct Body<'a>(&'a str);

impl fmt::Display for Body<'_> {
    /// A dot that begins a line is doubled, so that none ends the mail too early (RFC 5321 §4.5.2).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive('\n') {
            if line.starts_with('.') {
                formatter.write_str(".")?;
            }
            formatter.write_str(line)?;
        }
        formatter.write_str(if self.0.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

/// TLS cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
#[error("TLS to the mail server cannot be set up: {0}")]
pub struct TlsError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_letter_ends_it() {
        for (mail, sent) in
            [("a\r\n", "a\r\n.\r\n"), ("a", "a\r\n.\r\n"), (".\r\nQUIT\r\n..a\r\n", "..\r\nQUIT\r\n...a\r\n.\r\n")]
        {
            assert_eq!(Body(mail).to_string(), sent);
        }
    }
}
