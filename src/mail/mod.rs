//! Mail: letters, their words, and the way to a mail server.
//!
//! It knows no table and decides nothing: who posts a letter does so in the transaction of the fact that it reports
//! (`letters`), and a job brings it here.

pub mod letter;
mod mailbox;
mod message;
pub mod payload;
pub mod sample;
mod send_error;
mod smtp;
mod templates;

use std::{sync::Arc, time::Duration};

use lettre::transport::smtp::extension::ClientId;
use tokio::{sync::Notify, time::timeout};
use tracing::warn;
use url::{Host, Url};

pub use self::letter::{Letter, Token};
pub use self::mailbox::Mailbox;
pub use self::message::Post;
pub use self::send_error::{Reason, SendError};
pub use self::smtp::TlsError;
pub use self::templates::{TemplateError, Templates, Words};

use self::payload::Payload;
use self::smtp::{Envelope, Smtp};
use crate::{
    circuit_breaker::{Breaker, Permit, Rejected, Snapshot, Tally, Verdict},
    clock::Clock,
    config::{Config, Sender},
    domain::{Email, Timestamp},
    traces::{self, Kind},
};

/// The way of letters out of the service.
pub struct Mailer {
    way: Way,
    templates: Templates,
    sender: Sender,
    timeout: Duration,
    breaker: Breaker,
    posted: Arc<Notify>,
}

/// Where letters go.
enum Way {
    /// To a mail server.
    Server(Smtp),
    /// To the development mailbox.
    Mailbox(Mailbox),
    /// Nowhere: they wait.
    Nowhere,
}

impl Mailer {
    /// Loads the templates and finds the way; asks no server yet.
    ///
    /// # Errors
    /// [`MailError`] says in one line what is wrong with the settings or the templates.
    pub fn open(config: &Config, public_url: &str, clock: &Clock) -> Result<Self, MailError> {
        let settings = &config.mail;
        let sender = settings.from.clone().unwrap_or_else(|| Sender::of(public_url));
        let way = match &settings.smtp_url {
            Some(url) => Way::Server(Smtp::new(url.clone(), hello(public_url), settings.connect_timeout())?),
            None if config.is_development() => Way::Mailbox(Mailbox::default()),
            None => Way::Nowhere,
        };
        let templates = Templates::load(settings.templates_dir.as_deref(), public_url, &sender.name)?;
        let clock = clock.clone();
        Ok(Self {
            way,
            templates,
            sender,
            timeout: settings.timeout(),
            breaker: Breaker::new("mail", (&config.mail_breaker).into(), move || clock.monotonic()),
            posted: Arc::default(),
        })
    }

    /// Is told when a letter was posted on this node.
    #[must_use]
    pub fn posted(&self) -> Arc<Notify> {
        Arc::clone(&self.posted)
    }

    /// Whether letters can leave at all.
    #[must_use]
    pub fn has_a_way(&self) -> bool {
        !matches!(self.way, Way::Nowhere)
    }

    /// The development mailbox, if letters go there.
    #[must_use]
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.way {
            Way::Mailbox(mailbox) => Some(mailbox),
            Way::Server(_) | Way::Nowhere => None,
        }
    }

    /// How the breaker before the mail server stands; `None` if there is no mail server.
    #[must_use]
    pub fn breaker(&self) -> Option<Snapshot> {
        matches!(self.way, Way::Server(_)).then(|| self.breaker.snapshot())
    }

    /// All letters that went to the mail server, or did not.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        self.breaker.tally()
    }

    /// Asks for leave to send one letter; to be settled by [`send`](Self::send).
    ///
    /// # Errors
    /// [`Rejected`] while the mail server is down, with the time when asking again makes sense.
    pub fn admit(&self) -> Result<Permit<&Breaker>, Rejected> {
        self.breaker.admit()
    }

    /// Whom letters are from.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// How long one letter may take altogether.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The words of the letters.
    #[must_use]
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Makes a letter ready to go. `number` and `date` name it for ever, so that a copy can be recognised.
    ///
    /// # Errors
    /// [`TemplateError`] should not happen: every template was tried.
    pub fn ready(&self, payload: &Payload, (number, date): (i64, Timestamp)) -> Result<Post, TemplateError> {
        Ok(self.post(payload.to(), self.templates.render(payload)?, (number, date)))
    }

    /// Makes a letter of these words.
    #[must_use]
    pub fn post(&self, to: Email, words: Words, (number, date): (i64, Timestamp)) -> Post {
        let id = format!("{}.{number}@{}", date.as_unix_millis(), self.sender.address.domain());
        Post { to, id, date, words }
    }

    /// Connects to the mail server and signs in there, as for a letter; sends none. Does nothing where there is no server.
    ///
    /// # Errors
    /// [`SendError::Unreachable`] says what keeps letters from leaving.
    pub async fn greet(&self) -> Result<(), SendError> {
        match &self.way {
            Way::Server(smtp) => smtp.greet().await,
            Way::Mailbox(_) | Way::Nowhere => Ok(()),
        }
    }

    /// Sends a letter, within the time that one may take.
    ///
    /// # Errors
    /// [`SendError`] says whether trying again makes sense. After [`SendError::Unreachable`] the letter may have
    /// arrived all the same.
    pub async fn send(&self, post: Post, permit: Permit<&Breaker>) -> Result<(), SendError> {
        let mut span = traces::child("send over SMTP", Kind::Client);
        let outcome = match &self.way {
            Way::Server(smtp) => self.send_over(smtp, &post).await,
            Way::Mailbox(mailbox) => {
                mailbox.put(post);
                Ok(())
            }
            Way::Nowhere => Err(SendError::Unreachable(Reason::ours("none is configured".to_owned()))),
        };
        if let (Some(span), Err(error)) = (&mut span, &outcome) {
            span.fail(error.kind());
        }
        permit.settle(outcome.as_ref().map_or_else(SendError::verdict, |()| Verdict::Success));
        outcome
    }

    async fn send_over(&self, smtp: &Smtp, post: &Post) -> Result<(), SendError> {
        let unwritable = |error: message::MessageError| SendError::Refused(Reason::ours(error.to_string()));
        let envelope = Envelope {
            from: message::address(&self.sender.address).map_err(unwritable)?,
            to: message::address(&post.to).map_err(unwritable)?,
            mail: message::write(&self.sender, post).map_err(unwritable)?,
        };
        match timeout(self.timeout, smtp.send(&envelope)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(SendError::late("the letter", self.timeout)),
        }
    }

    /// Tells the log what an operator should know of the way.
    pub fn introduce(&self) {
        match &self.way {
            Way::Server(_) => {}
            Way::Mailbox(_) => tracing::info!("no mail server is configured; letters appear under /dev/mail"),
            Way::Nowhere => warn!(
                "no mail server is configured: letters wait in the database. Give COUNTERSIGN_MAIL__SMTP_URL \
                 and COUNTERSIGN_MAIL__FROM"
            ),
        }
    }
}

/// What keeps mail from being set up.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A template cannot be used.
    #[error("{0}. Mend it, or unset COUNTERSIGN_MAIL__TEMPLATES_DIR")]
    Template(#[from] TemplateError),
    /// TLS cannot be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What the service calls itself when it greets a mail server (RFC 5321 §4.1.1.1): its public name, if it has one.
fn hello(public_url: &str) -> ClientId {
    let url = Url::parse(public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}
