//! `countersign serve`: the server, until it is told to end.

use std::{num::NonZeroU32, path::Path, pin::pin, process::ExitCode};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::settings::SettingsArguments;
use crate::{
    clock::Clock,
    config::{
        self, Config, DatabaseUrl, Exposure, Flag, RootSecrets, Sources, data_dir,
        root_secret::{self, RootSecretOrigin},
    },
    crypto::{Cost, Hasher, HasherSettings},
    server::{Parts, Server, StartError, service_manager::Socket},
    telemetry,
};

pub(super) fn run(settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let socket = Socket::handed_over()?;
    let (loaded, exposure) = config::load_to_serve(&sources(settings, socket.as_ref()))?;
    let config = loaded.config;
    let log = telemetry::start(&config.logs)?;
    warn_of(exposure);
    warn_of_clear(&config.database_url());
    data_dir::create_if_used(&config)?;
    let root_secrets = root_secrets(&config)?;

    let hasher = Hasher::start(hasher_settings(&config)?).context("the threads that hash passwords do not start")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to work on")?;
    runtime.block_on(async {
        let mut stop = pin!(stop_signal()?);
        // Whoever waits for a database that is not there must be able to give up.
        let server = tokio::select! {
            started = start(socket, Parts { config, root_secrets, hasher, clock: Clock::system() }) => started?,
            () = &mut stop => return Ok(()),
        };
        server.serve(stop).await;
        anyhow::Ok(())
    })?;
    // Connections that were cut off must not keep the process.
    runtime.shutdown_background();
    info!("ended");
    drop(log);
    Ok(ExitCode::SUCCESS)
}

/// Where settings are read from. A socket that was handed over is what the server listens on, whatever they say, and
/// its address decides what has to be safe.
fn sources(settings: &SettingsArguments, socket: Option<&Socket>) -> Sources {
    let mut sources = settings.sources();
    sources.was_handed_a_socket = socket.is_some();
    sources.flags.extend(socket.map(|socket| Flag {
        flag: "the socket of the service manager".to_owned(),
        setting: "listen".to_owned(),
        value: socket.address().to_string(),
    }));
    sources
}

async fn start(socket: Option<Socket>, parts: Parts) -> Result<Server, StartError> {
    match socket {
        Some(socket) => Server::start_on(socket, parts).await,
        None => Server::start(parts).await,
    }
}

fn hasher_settings(config: &Config) -> anyhow::Result<HasherSettings> {
    Ok(HasherSettings {
        cost: Cost::new(u8::try_from(config.passwords.bcrypt_cost)?)?,
        threads: NonZeroU32::try_from(config.hashing_threads())?,
        ..HasherSettings::default()
    })
}

fn root_secrets(config: &Config) -> anyhow::Result<RootSecrets> {
    let (secrets, origin) = root_secret::obtain(config)?;
    match origin {
        RootSecretOrigin::Configured => {}
        RootSecretOrigin::Kept(path) => warn_of_kept(&path, "kept"),
        RootSecretOrigin::Made(path) => warn_of_kept(&path, "made and kept"),
    }
    Ok(secrets)
}

fn warn_of_kept(path: &Path, verb: &str) {
    warn!(
        file = %path.display(),
        "the root secret is {verb} in the data directory, for development only; \
         give COUNTERSIGN_SECRET_KEY where it matters (countersign generate secret)"
    );
}

fn warn_of(exposure: Exposure) {
    if exposure == Exposure::InsecureHttp {
        warn!("--insecure-http: passwords and tokens travel in the clear, for anyone on the way to read");
    }
}

fn warn_of_clear(database: &DatabaseUrl) {
    if database.is_in_the_clear_unasked() {
        warn!(
            %database,
            "the database is on another machine and spoken with in the clear; end its URL with ?sslmode=verify-full, or \
             with ?sslmode=disable if that is meant"
        );
    }
}

/// Ends with the first SIGTERM or SIGINT. A second one ends the process at once.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let again = async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            (terminate, interrupt)
        };
        let (mut terminate, mut interrupt) = again.await;
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(130);
        });
    })
}
