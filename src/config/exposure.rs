//! Who can reach the server, and whether that is safe.

use super::Config;
use super::reader::Reader;
use super::root_secret;

/// Who can reach the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposure {
    /// This machine only: the development mode.
    Loopback,
    /// Others, over TLS with this server itself.
    Tls,
    /// Others, through a proxy that speaks TLS with them.
    BehindProxy,
    /// Others, without TLS, because the operator insisted; to be warned about at every start.
    InsecureHttp,
}

/// Tells who can reach the server.
///
/// # Errors
/// Where that would not be safe: what is missing, and how to make it. What is there but faulty is not missing.
pub(super) fn of(config: &Config, reader: &Reader) -> Result<Exposure, String> {
    if config.is_loopback() {
        return Ok(Exposure::Loopback);
    }
    let missing = [missing_secret(config, reader), missing_tls(config, reader)];
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    if !missing.is_empty() {
        let address = config.service.listen;
        return Err(format!("{address} is no loopback address: to listen there, {}", missing.join("; and ")));
    }
    Ok(match config.insecure_http {
        _ if config.http.speaks_tls() => Exposure::Tls,
        true => Exposure::InsecureHttp,
        false => Exposure::BehindProxy,
    })
}

fn missing_secret(config: &Config, reader: &Reader) -> Option<String> {
    if config.service.secret_key.is_some() || reader.is_faulty("secret_key") {
        return None;
    }
    let made = root_secret::path(&config.service.data_dir);
    Some(if made.exists() {
        format!(
            "set COUNTERSIGN_SECRET_KEY, or COUNTERSIGN_SECRET_KEY_FILE={} to keep the secret made on loopback",
            made.display()
        )
    } else {
        "set COUNTERSIGN_SECRET_KEY (make one: countersign generate secret)".to_owned()
    })
}

fn missing_tls(config: &Config, reader: &Reader) -> Option<String> {
    if config.http.speaks_tls() || reader.is_faulty("http.tls_cert") {
        return None;
    }
    let https = config.service.public_url.as_ref().is_some_and(super::PublicUrl::is_https);
    let proxied = !config.http.trusted_proxies.is_empty();
    let settled = (https || reader.is_faulty("public_url")) && (proxied || reader.is_faulty("http.trusted_proxies"));
    if settled || config.insecure_http {
        return None;
    }
    let wanted = [
        (!https).then_some("COUNTERSIGN_PUBLIC_URL to an address that begins with https://"),
        (!proxied).then_some(
            "COUNTERSIGN_HTTP__TRUSTED_PROXIES to the network of the proxy that speaks TLS for it, such as 10.0.0.0/8",
        ),
    ];
    let wanted: Vec<&str> = wanted.into_iter().flatten().collect();
    Some(format!(
        "set COUNTERSIGN_HTTP__TLS_CERT and COUNTERSIGN_HTTP__TLS_KEY to the files of a certificate, or set {} (or pass \
         --insecure-http, which sends passwords in the clear)",
        wanted.join(" and ")
    ))
}
