//! What lies between us and others: the mail server, our certificate, and the way that clients come.

use std::time::Duration;

use reqwest::Client;
use reqwest::header::{DATE, STRICT_TRANSPORT_SECURITY};

use super::finding::Finding;
use super::storage::apart_by;
use crate::clock::Clock;
use crate::config::{Config, PublicUrl};
use crate::mail::Mailer;
use crate::server;

/// Greets the mail server and signs in there; sends nothing.
pub(super) async fn mail(config: &Config) -> Finding {
    const CHECK: &str = "mail";
    let Some(url) = &config.mail.smtp_url else {
        let says = "no mail server is configured";
        let advice = "letters wait in the database (or, in development, under /dev/mail) until \
                      COUNTERSIGN_MAIL__SMTP_URL is set";
        return if config.registration.require_verified_email {
            Finding::bad(CHECK, format!("{says}, and nobody can sign in without a confirmed address"), advice)
        } else {
            Finding::notice(CHECK, says, advice)
        };
    };
    let public_url = config.public_url(config.service.listen);
    let reached = match Mailer::open(config, public_url.as_str(), &Clock::system()) {
        Ok(mailer) => mailer.greet().await.map_err(|error| error.in_full().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match reached {
        Ok(()) => Finding::good(CHECK, format!("{url} answers; `countersign mail test ADDRESS` sends a letter")),
        Err(error) => Finding::bad(
            CHECK,
            format!("{url}: {error}"),
            "correct COUNTERSIGN_MAIL__SMTP_URL, or ask who runs that server; letters wait meanwhile",
        ),
    }
}

/// Whether our own certificate can be shown, and for how long.
pub(super) fn certificate(config: &Config) -> Option<Finding> {
    const CHECK: &str = "tls";
    let now = Clock::system().now();
    let advice = "renew it; the server takes the new files within seconds, without a restart";
    Some(match server::certificate_expiry(&config.http, now)? {
        Err(error) => {
            Finding::bad(CHECK, error.to_string(), "correct the files, or COUNTERSIGN_HTTP__TLS_CERT and _KEY")
        }
        Ok(expires) => {
            let days = expires.since(now).as_secs() / 86_400;
            let says = format!("the certificate is valid until {expires} ({days} days)");
            if days < RENEWAL_DAYS { Finding::notice(CHECK, says, advice) } else { Finding::good(CHECK, says) }
        }
    })
}

/// Automatic renewals happen with thirty days to go, or a third of a shorter life; by then something is wrong.
const RENEWAL_DAYS: u64 = 7;

/// Asks a running server through the address that clients use.
pub(super) async fn public(config: &Config, url: &PublicUrl) -> Vec<Finding> {
    const CHECK: &str = "public";
    let question = format!("{}/health/live", url.as_str().trim_end_matches('/'));
    let asked = async { Client::builder().timeout(PATIENCE).no_proxy().build()?.get(&question).send().await };
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(error) => {
            let advice = "see that name, port, certificate and proxy are right, and that the server runs";
            return vec![Finding::bad(CHECK, chain(&error), advice)];
        }
    };
    let mut findings = Vec::new();
    let status = answer.status();
    let is_ours = status.is_success() && answer.headers().contains_key("x-request-id");
    findings.push(if is_ours {
        let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        Finding::good(
            CHECK,
            format!("{url} leads to the server; its log tells as client_ip of {id} whom it saw", url = url.as_str()),
        )
    } else {
        let advice = "let the proxy pass everything below this address to the server, with its headers";
        Finding::bad(CHECK, format!("{question} answers {status} and not as the server does"), advice)
    });
    if is_ours && url.is_https() {
        findings.push(proxy(config, answer.headers().contains_key(STRICT_TRANSPORT_SECURITY)));
    }
    findings.extend(answer.headers().get(DATE).and_then(|date| clock(date.to_str().ok()?)));
    findings
}

/// The server says so over HTTPS alone, and believes `X-Forwarded-Proto` from trusted proxies alone.
fn proxy(config: &Config, knows_https: bool) -> Finding {
    const CHECK: &str = "proxy";
    if knows_https {
        return Finding::good(CHECK, "the server knows that clients come over HTTPS");
    }
    let trusted: Vec<String> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    let trusted = if trusted.is_empty() { "nobody".to_owned() } else { trusted.join(", ") };
    Finding::bad(
        CHECK,
        format!("the server takes the proxy for a client that comes without TLS; it trusts {trusted}"),
        "put the proxy's address into COUNTERSIGN_HTTP__TRUSTED_PROXIES, and let it set X-Forwarded-For and \
         X-Forwarded-Proto",
    )
}

fn clock(date: &str) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_millisecond();
    let apart = Clock::system().now().as_unix_millis().abs_diff(theirs);
    Some(apart_by("the public address", Duration::from_millis(apart)))
}

/// An error with its causes, which say what a person can do.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

const PATIENCE: Duration = Duration::from_secs(10);
