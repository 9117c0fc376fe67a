//! Settings that are fine by themselves and do not go together.

use countersign_token::Algorithm;

use super::Config;
use super::reader::Reader;

/// Reports every contradiction in the settings.
pub(super) fn report(config: &Config, reader: &mut Reader) {
    shared_secret(config, reader);
    session_lifetimes(config, reader);
    request_deadlines(config, reader);
    tls(config, reader);
    open_times(config, reader);
    metrics_address(config, reader);
    failures(config, reader);
    traces(config, reader);
}

fn shared_secret(config: &Config, reader: &mut Reader) {
    if config.tokens.algorithm == Algorithm::Hs256 && config.tokens.jwt_secret.is_none() {
        reader.contradiction(
            "tokens.algorithm",
            &["tokens.jwt_secret"],
            "is HS256, which needs JWT_SECRET: 32 bytes or more (make one: countersign generate secret)",
        );
    }
}

fn session_lifetimes(config: &Config, reader: &mut Reader) {
    let (idle, absolute) = (config.tokens.refresh_idle_ttl_seconds, config.tokens.refresh_absolute_ttl_seconds);
    if idle > absolute {
        reader.contradiction(
            "tokens.refresh_idle_ttl_seconds",
            &["tokens.refresh_absolute_ttl_seconds"],
            &format!("is {idle}, which is longer than tokens.refresh_absolute_ttl_seconds ({absolute})"),
        );
    }
}

fn request_deadlines(config: &Config, reader: &mut Reader) {
    let (body, whole) = (config.http.body_timeout_seconds, config.http.request_timeout_seconds);
    if body > whole {
        reader.contradiction(
            "http.body_timeout_seconds",
            &["http.request_timeout_seconds"],
            &format!("is {body}, which is longer than http.request_timeout_seconds ({whole})"),
        );
    }
}

fn tls(config: &Config, reader: &mut Reader) {
    let http = &config.http;
    if http.tls_cert.is_some() && http.tls_key.is_none() {
        reader.contradiction("http.tls_cert", &["http.tls_key"], "needs the key of the certificate: set http.tls_key");
    }
    if http.tls_key.is_some() && http.tls_cert.is_none() {
        reader.contradiction("http.tls_key", &["http.tls_cert"], "needs the certificate: set http.tls_cert");
    }
    let is_in_the_clear = config.service.public_url.as_ref().is_some_and(|url| !url.is_https());
    if http.speaks_tls() && is_in_the_clear {
        reader.contradiction(
            "public_url",
            &["http.tls_cert"],
            "begins with http://, but the server speaks TLS (http.tls_cert): it has to begin with https://",
        );
    }
}

fn open_times(config: &Config, reader: &mut Reader) {
    let Config { database_breaker: database, mail_breaker: mail, breach_check_breaker: breaches, .. } = config;
    let traces = &config.traces_breaker;
    for (section, first, longest) in [
        ("database_breaker", database.open_milliseconds, database.longest_open_milliseconds),
        ("mail_breaker", mail.open_milliseconds, mail.longest_open_milliseconds),
        ("breach_check_breaker", breaches.open_milliseconds, breaches.longest_open_milliseconds),
        ("traces_breaker", traces.open_milliseconds, traces.longest_open_milliseconds),
    ] {
        if first > longest {
            let longest_name = format!("{section}.longest_open_milliseconds");
            reader.contradiction(
                &format!("{section}.open_milliseconds"),
                &[&longest_name],
                &format!("is {first}, which is longer than {longest_name} ({longest})"),
            );
        }
    }
}

fn metrics_address(config: &Config, reader: &mut Reader) {
    // Of port 0 each gets one of its own.
    if let Some(listen) = config.metrics.listen.filter(|listen| *listen == config.service.listen && listen.port() != 0)
    {
        reader.contradiction(
            "metrics.listen",
            &["listen"],
            &format!("is {listen}, where the service itself listens: metrics need an address of their own"),
        );
    }
}

fn failures(config: &Config, reader: &mut Reader) {
    let (wait, known) = (config.limits.failures_before_wait, config.limits.failures_before_known_addresses);
    if known != 0 && wait > known {
        reader.contradiction(
            "limits.failures_before_wait",
            &["limits.failures_before_known_addresses"],
            &format!("is {wait}, which limits.failures_before_known_addresses ({known}) never lets anyone reach"),
        );
    }
}

fn traces(config: &Config, reader: &mut Reader) {
    let Some(endpoint) = &config.traces.endpoint else { return };
    if !cfg!(feature = "otlp") {
        reader.contradiction(
            "traces.endpoint",
            &[],
            "is set, but this program was built without traces: unset it, or build with the feature otlp",
        );
    }
    if config.traces.headers.is_some() && !endpoint.is_https() && !endpoint.is_loopback() {
        reader.contradiction(
            "traces.headers",
            &["traces.endpoint"],
            "would travel in the clear: let traces.endpoint begin with https://, or name a collector on this machine",
        );
    }
}
