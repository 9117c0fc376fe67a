//! `countersign health`: asks a running server whether it is ready, for images that have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::{Request, StatusCode, Uri, header, uri::Scheme};
use clap::Args;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::any_certificate;
use super::settings::SettingsArguments;
use crate::config;

#[derive(Args, Debug)]
#[command(after_help = "Exit code 0 if the server is ready, 1 if it is not or does not answer.
The certificate of an https server is not checked: nothing is told to it, and it is asked by the address it listens on.

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
    let config = config::load(&settings.sources())?.config;
    let listen = config.service.listen;
    if listen.port() == 0 {
        bail!("the settings leave the port open (0); say which server to ask: countersign health URL");
    }
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if config.http.speaks_tls() { "https" } else { "http" };
    Ok(format!("{scheme}://{}", SocketAddr::new(ip, listen.port())).parse()?)
}

/// The address of the readiness check of a server.
fn question(server: &Uri) -> anyhow::Result<Uri> {
    let scheme = server.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS);
    let scheme = scheme.with_context(|| format!("{server} does not begin with http:// or https://"))?;
    let authority = server.authority().context("there is no host in the address")?;
    let base = server.path().trim_end_matches('/');
    let path = if base.ends_with(READY) { base.to_owned() } else { format!("{base}{READY}") };
    Ok(Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query(path).build()?)
}

async fn status(url: &Uri) -> anyhow::Result<StatusCode> {
    let answer = tokio::time::timeout(PATIENCE, connect_and_ask(url)).await;
    let answer = answer.with_context(|| format!("{url} does not answer within {PATIENCE:?}"))?;
    answer.with_context(|| format!("{url} does not answer"))
}

async fn connect_and_ask(url: &Uri) -> anyhow::Result<StatusCode> {
    let speaks_tls = url.scheme() == Some(&Scheme::HTTPS);
    let host = url.host().context("there is no host in the address")?.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(if speaks_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    if !speaks_tls {
        return ask(stream, url).await;
    }
    let connector = TlsConnector::from(Arc::new(any_certificate::client()?));
    ask(connector.connect(ServerName::try_from(host.to_owned())?, stream).await?, url).await
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, url: &Uri) -> anyhow::Result<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let host = url.authority().context("there is no host in the address")?.as_str();
    let request = Request::get(url.path()).header(header::HOST, host).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}

fn not_ready(reason: &str) -> ExitCode {
    eprintln!("countersign: not ready: {reason}");
    ExitCode::FAILURE
}

const READY: &str = "/health/ready";

/// Shorter than the 30 s that container engines give a check by default, longer than a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
