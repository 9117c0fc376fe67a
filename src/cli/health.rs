//! `countersign health`: asks a running server whether it is ready, for images that have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::{StatusCode, Uri};
use clap::Args;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::settings::SettingsArguments;
use crate::config;

#[derive(Args, Debug)]
#[command(after_help = "Exit code 0 if the server is ready, 1 if it is not or does not answer.

Examples:
  countersign health
  countersign health http://127.0.0.1:8000
  HEALTHCHECK CMD [\"countersign\", \"health\"]")]
pub(super) struct Arguments {
    /// The server [default: the address in the settings]
    url: Option<Uri>,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let url = match &arguments.url {
        Some(url) => question(url)?,
        None => question(&configured(settings)?)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(status(&url)) {
        Ok(StatusCode::OK) => super::answer(b"ready\n"),
        Ok(status) => Ok(not_ready(&format!("{url} answers {status}"))),
        Err(error) => Ok(not_ready(&format!("{error:#}"))),
    }
}

/// The server of the settings, as it is reached from its own machine.
fn configured(settings: &SettingsArguments) -> anyhow::Result<Uri> {
    let listen = config::load(&settings.sources())?.config.service.listen;
    if listen.port() == 0 {
        bail!("the settings leave the port open (0); say which server to ask: countersign health URL");
    }
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(format!("http://{}", SocketAddr::new(ip, listen.port())).parse()?)
}

/// The address of the readiness check of a server.
fn question(server: &Uri) -> anyhow::Result<Uri> {
    if server.scheme_str() != Some("http") {
        bail!("{server} does not begin with http://; ask the server itself, not its proxy");
    }
    let authority = server.authority().context("there is no host in the address")?;
    let base = server.path().trim_end_matches('/');
    let path = if base.ends_with(READY) { base.to_owned() } else { format!("{base}{READY}") };
    Ok(Uri::builder().scheme("http").authority(authority.clone()).path_and_query(path).build()?)
}

async fn status(url: &Uri) -> anyhow::Result<StatusCode> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = tokio::time::timeout(PATIENCE, client.get(url.clone())).await;
    let answer = answer.with_context(|| format!("{url} does not answer within {PATIENCE:?}"))?;
    Ok(answer.with_context(|| format!("{url} does not answer"))?.status())
}

fn not_ready(reason: &str) -> ExitCode {
    eprintln!("countersign: not ready: {reason}");
    ExitCode::FAILURE
}

const READY: &str = "/health/ready";

/// Shorter than the 30 s that container engines give a check by default, longer than a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
