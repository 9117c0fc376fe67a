//! Renewal: a certificate whose files change is shown to whoever connects next, without a restart.
//!
//! The files are read and compared, not watched: what renews certificates writes, renames or turns links, on file systems
//! that tell of some of it. A new pair that cannot be used changes nothing, and one that nobody renews is warned about.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};
use tracing::{error, info, warn};

use super::{
    Tls,
    pair::{Fingerprint, Pair, PairError, Text},
};
use crate::{clock::Clock, domain::Timestamp};

/// How often the files are read: two small files, and a renewal may take a while to be noticed.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long before its end a certificate should have been renewed: what lives for 90 days is renewed with 30 left, and
/// what lives for six has no more than three (RFC 9773 leaves the moment to the issuer).
const LAST_DAYS: Duration = Duration::from_hours(3 * 24);

/// How often that is said.
const REMINDER: Duration = Duration::from_hours(24);

/// Follows the files for as long as it is polled.
pub(in crate::server) async fn renew(tls: Tls, clock: Clock) -> Infallible {
    let (fingerprint, expires) = tls.begun_with;
    let mut renewal = Renewal { tls, last: Seen::InUse(fingerprint), expires, reminded: Timestamp::MIN };
    loop {
        let files = Arc::clone(&renewal.tls.files);
        // It fails when the process ends.
        if let Ok(text) = spawn_blocking(move || Text::read(&files)).await {
            renewal.look(text, clock.now());
        }
        renewal.remind(clock.now());
        sleep(INTERVAL).await;
    }
}

struct Renewal {
    tls: Tls,
    last: Seen,
    /// When the certificate in use expires.
    expires: Timestamp,
    reminded: Timestamp,
}

/// What was found the last time.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    InUse(Fingerprint),
    /// Nothing that can be read, or nothing that can be used.
    Unusable(Option<Fingerprint>, Told),
}

#[derive(Clone, Copy, PartialEq)]
enum Told {
    NotYet,
    Already,
}

impl Renewal {
    fn look(&mut self, text: Result<Text, PairError>, now: Timestamp) {
        let found = text.as_ref().ok().map(Text::fingerprint);
        if found.is_some_and(|found| self.last == Seen::InUse(found)) {
            return;
        }
        let pair = text.and_then(|text| Pair::parse(&text, &self.tls.files)).and_then(|pair| pair.checked(now));
        self.last = match (pair, found) {
            (Ok(pair), Some(found)) => {
                self.take(pair);
                Seen::InUse(found)
            }
            (Err(problem), found) => self.tell(&problem, found),
            (Ok(_), None) => self.last,
        };
    }

    fn take(&mut self, pair: Pair) {
        self.expires = pair.expires;
        self.tls.certificate.replace(pair.key);
        let certificate = self.tls.files.certificate.display();
        info!(%certificate, expires = %self.expires, "the certificate was renewed");
    }

    /// Tells once what is wrong, if it stays that way: the one file may have been written and the other not yet.
    fn tell(&self, problem: &PairError, found: Option<Fingerprint>) -> Seen {
        if self.last == Seen::Unusable(found, Told::Already) {
            return self.last;
        }
        if self.last != Seen::Unusable(found, Told::NotYet) {
            return Seen::Unusable(found, Told::NotYet);
        }
        error!(error = %problem, "the new certificate cannot be used; the one before it goes on");
        Seen::Unusable(found, Told::Already)
    }

    fn remind(&mut self, now: Timestamp) {
        if now + LAST_DAYS < self.expires || now < self.reminded + REMINDER {
            return;
        }
        self.reminded = now;
        let certificate = self.tls.files.certificate.display();
        warn!(%certificate, expires = %self.expires, "the certificate expires and nobody has renewed it");
    }
}
