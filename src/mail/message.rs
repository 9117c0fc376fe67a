//! A letter as mail: headers, and its words as text and as HTML.
//!
//! Nothing here is put together from texts: addresses are parsed types, and the library writes the headers, so that no
//! name can become another header.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};

use super::templates::Words;
use crate::{
    config::Sender,
    domain::{Email, Timestamp},
};

/// A letter that is ready to go.
#[derive(Clone, Debug)]
pub struct Post {
    /// To whom it goes.
    pub to: Email,
    /// Names it for ever: `Message-ID`, without its brackets.
    pub id: String,
    /// When the fact happened that it reports.
    pub date: Timestamp,
    /// What it says.
    pub words: Words,
}

/// Writes the mail, in ASCII.
///
/// # Errors
/// [`MessageError`] when the library does not take an address that we do.
pub(super) fn write(sender: &Sender, post: &Post) -> Result<String, MessageError> {
    let millis = u64::try_from(post.date.as_unix_millis()).unwrap_or(0);
    let words = post.words.clone();
    let message = Message::builder()
        .from(Mailbox::new(Some(sender.name.clone()), address(&sender.address)?))
        .to(Mailbox::new(None, address(&post.to)?))
        .subject(words.subject)
        .date(UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(format!("<{}>", post.id)))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(words.text, words.html))
        .map_err(|_| MessageError)?;
    // Whatever is not ASCII has been encoded.
    String::from_utf8(message.formatted()).map_err(|_| MessageError)
}

/// An address as the library wants it.
pub(super) fn address(email: &Email) -> Result<Address, MessageError> {
    Address::new(email.local_part(), email.domain()).map_err(|_| MessageError)
}

/// A mail that cannot be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the address cannot be written to")]
pub(super) struct MessageError;

/// Tells programs that no person wrote this, so that they send no absence notes (RFC 3834 §5).
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, subject: &str) -> String {
        let sender = Sender { name: name.to_owned(), address: Email::parse("no-reply@example.com").unwrap() };
        let words = Words { subject: subject.to_owned(), text: "Grüße".to_owned(), html: "<p>Grüße".to_owned() };
        let post = Post {
            to: Email::parse("ada@example.com").unwrap(),
            id: "1.2@example.com".to_owned(),
            date: Timestamp::from_unix_seconds(1_795_348_800),
            words,
        };
        write(&sender, &post).unwrap()
    }

    #[test]
    fn a_mail_says_who_what_and_when_in_ascii() {
        let mail = written("Beispiel & Söhne", "Bestätigen");

        for line in [
            "To: ada@example.com\r\n",
            "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n",
            "Message-ID: <1.2@example.com>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(mail.contains(line), "{line} is not in {mail}");
        }
        assert!(mail.is_ascii());
    }

    #[test]
    fn no_name_and_no_subject_becomes_another_header() {
        let mail = written("A <a@example.com>, Bcc: eve@example.com", "B\r\nBcc: eve@example.com");

        assert!(!mail.contains("\nBcc:"), "{mail}");
        assert!(mail.starts_with("From: ") && !mail.contains("\nFrom: "), "{mail}");
    }
}
