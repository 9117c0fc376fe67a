//! Renewal: a certificate whose files change is shown to whoever connects next, without a restart.
//!
//! The files are read and compared, not watched: what renews certificates writes, renames or turns links, on file systems
//! that tell of some of it. A new pair that cannot be used changes nothing.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};
use tracing::{error, info};

use super::{
    Files, Tls,
    pair::{Fingerprint, Pair, PairError, Text},
};
use crate::clock::Clock;

/// How often the files are read: two small files, and a renewal may take a while to be noticed.
const INTERVAL: Duration = Duration::from_secs(2);

/// Follows the files for as long as it is polled.
pub(in crate::server) async fn renew(tls: Tls, clock: Clock) -> Infallible {
    let mut last = Seen::Nothing;
    loop {
        let files = Arc::clone(&tls.files);
        let text = spawn_blocking(move || Text::read(&files)).await;
        let seen = match text {
            Ok(text) => look(&tls, &clock, text, &last),
            Err(_panicked_or_ended) => last,
        };
        last = seen;
        sleep(INTERVAL).await;
    }
}

/// What was found the last time.
#[derive(Clone, PartialEq)]
enum Seen {
    Nothing,
    InUse(Fingerprint),
    /// The one file may have been written and the other not yet, so it is told when it stays that way.
    Unusable(Option<Fingerprint>, Told),
}

#[derive(Clone, Copy, PartialEq)]
enum Told {
    NotYet,
    Already,
}

fn look(tls: &Tls, clock: &Clock, text: Result<Text, PairError>, last: &Seen) -> Seen {
    let fingerprint = text.as_ref().ok().map(Text::fingerprint);
    if let (Seen::InUse(known), Some(found)) = (last, fingerprint)
        && *known == found
    {
        return last.clone();
    }
    let pair = text.and_then(|text| Pair::parse(&text, &tls.files)).and_then(|pair| pair.checked(clock.now()));
    match (pair, fingerprint) {
        (Ok(pair), Some(fingerprint)) => {
            take(tls, &tls.files, pair, last);
            Seen::InUse(fingerprint)
        }
        (Err(problem), fingerprint) => tell(&problem, fingerprint, last),
        (Ok(_), None) => last.clone(),
    }
}

fn take(tls: &Tls, files: &Files, pair: Pair, last: &Seen) {
    let expires = pair.expires;
    tls.certificate.replace(pair.key);
    // The first look finds what the server started with.
    if *last != Seen::Nothing {
        info!(certificate = %files.certificate.display(), %expires, "the certificate was renewed");
    }
}

fn tell(problem: &PairError, fingerprint: Option<Fingerprint>, last: &Seen) -> Seen {
    let told = match last {
        Seen::Unusable(before, told) if *before == fingerprint => *told,
        Seen::Nothing | Seen::InUse(_) | Seen::Unusable(..) => return Seen::Unusable(fingerprint, Told::NotYet),
    };
    if told == Told::NotYet {
        error!(error = %problem, "the new certificate cannot be used; the one before it goes on");
    }
    Seen::Unusable(fingerprint, Told::Already)
}
