//! The server: bind, open what it needs, serve, drain.
//!
//! What can fail fails before the first request is taken, with one line that says what to do. A server that is told to
//! end says first that it is not ready, answers what is in flight, and goes.

mod connection;
mod door;
mod metrics;
mod patience;
pub mod service_manager;
mod start_error;
mod tls;

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use self::{
    connection::Connections, door::Door, metrics::MetricsDoor, patience::Patience, service_manager::Socket, tls::Tls,
};

pub use self::{
    start_error::StartError,
    tls::{PairError, TlsError, certificate_expiry},
};

use crate::{
    app::{App, Stopping},
    breaches::Breaches,
    clock::Clock,
    config::{Config, RootSecrets},
    crypto::{DigestKey, Hasher, seal::Sealer},
    database::Database,
    jobs,
    keys::{self, Keeper},
    limits::{Buckets, Tally},
    mail::Mailer,
    metrics::Metrics,
    middleware::Edge,
    router::router,
    traces::Traces,
};

/// How long the service says that it is not ready before it stops taking connections, so that a balancer that asks
/// every second has seen it.
const NOTICE: Duration = Duration::from_secs(1);

/// How long the first request of a connection may be under way, once the connection is there: until then a connection
/// that looks idle may be about to be used.
const UNDER_WAY: Duration = Duration::from_millis(200);

/// How long the spans of the last requests may take to reach their collector, when all else has ended.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// What a server is made of.
pub struct Parts {
    /// The settings, checked.
    pub config: Config,
    /// The secrets that the database is sealed under.
    pub root_secrets: RootSecrets,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Tells the time.
    pub clock: Clock,
}

/// A server that is bound and has all it needs.
pub struct Server {
    door: Door,
    tls: Option<Tls>,
    metrics: Option<MetricsDoor>,
    app: Arc<App>,
}

impl Server {
    /// Binds the address, opens the database, brings its schema up to date and loads the keys.
    ///
    /// # Errors
    /// [`StartError`] says in one line what keeps the server from starting.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let listen = parts.config.service.listen;
        let bind = |source| StartError::Bind { listen, source };
        let door = Door::open(listen).await.map_err(bind)?;
        Self::behind(door, parts).await
    }

    /// Does the same on a socket that is bound already. The settings must name its address as the one to listen on.
    ///
    /// # Errors
    /// [`StartError`] says in one line what keeps the server from starting.
    pub async fn start_on(socket: Socket, parts: Parts) -> Result<Self, StartError> {
        let listen = socket.address();
        let bind = |source| StartError::Bind { listen, source };
        Self::behind(Door::take(socket).map_err(bind)?, parts).await
    }

    async fn behind(door: Door, parts: Parts) -> Result<Self, StartError> {
        let tls = Tls::of(&parts.config.http, &parts.clock)?;
        let metrics = bind_metrics(&parts.config).await?;
        let app = open(parts, door.address()).await?;
        Ok(Self { door, tls, metrics, app: Arc::new(app) })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// The address that was bound for metrics, if there is one.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsDoor::address)
    }

    /// The handles that its operations share.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// Serves until `stop` comes to an end, then drains.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let router = router(Arc::clone(&self.app));
        let proof_of_life = service_manager::reassure(router.clone());
        let renewal = renewal(self.tls.clone(), Arc::clone(&self.app));
        tokio::select! {
            () = self.serve_and_drain(router, stop) => {}
            never = proof_of_life => match never {},
            never = renewal => match never {},
        }
    }

    async fn serve_and_drain(self, router: Router, stop: impl Future<Output = ()>) {
        let edge = Edge::around(router, Arc::clone(&self.app));
        let jobs = tokio::spawn(jobs::run(Arc::clone(&self.app)));
        // Until the last request is answered: a drain is worth watching.
        let metrics = self.metrics.map(|metrics| tokio::spawn(metrics.serve(Arc::clone(&self.app))));
        info!(address = %self.door.address(), public_url = self.app.public_url, "listening");
        service_manager::ready();

        let http = &self.app.config.http;
        let patience = Patience { head: http.header_timeout(), idle: http.idle_timeout() };
        let connections = Connections::new(edge, self.tls, patience);
        let enter = |stream, address| connections.enter(stream, address);
        let told_and_noticed = async {
            stop.await;
            self.app.stopping.begin();
            service_manager::stopping();
            info!("asked to end; not ready for more");
            sleep(NOTICE).await;
        };
        self.door.admit(enter, told_and_noticed).await;
        sleep(UNDER_WAY).await;

        jobs.abort();
        drain(connections, &self.app).await;
        self.app.traces.flush(LAST_SPANS).await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
    }
}

/// Waits for the answers to what is in flight, as long as the settings say.
async fn drain(connections: Connections, app: &App) {
    let grace = app.config.http.shutdown_grace();
    // A machine that is too busy to hash in time still has the time to say so.
    let last_word = async {
        sleep(grace * 9 / 10).await;
        app.hasher.give_up();
        pending::<Infallible>().await
    };
    let ended = tokio::select! {
        ended = timeout(grace, connections.end()) => ended,
        never = last_word => match never {},
    };
    match ended {
        Ok(()) => info!("all requests are answered"),
        Err(_elapsed) => warn!(grace_seconds = grace.as_secs(), "requests in flight were cut off"),
    }
}

/// Follows the files of the certificate, if there is one.
async fn renewal(tls: Option<Tls>, app: Arc<App>) -> Infallible {
    match tls {
        Some(tls) => tls::renew(tls, app.clock.clone()).await,
        None => pending().await,
    }
}

/// Binds the address for metrics, if there is to be one.
async fn bind_metrics(config: &Config) -> Result<Option<MetricsDoor>, StartError> {
    let Some(listen) = config.metrics.listen else { return Ok(None) };
    let bind = |source| StartError::BindMetrics { listen, source };
    MetricsDoor::open(listen).await.map(Some).map_err(bind)
}

/// Opens everything that operations need.
async fn open(parts: Parts, address: SocketAddr) -> Result<App, StartError> {
    let Parts { config, root_secrets, hasher, clock } = parts;
    let sealer = Sealer::under(&root_secrets)?;
    let public_url = config.public_url(address).as_str().to_owned();
    let audience = config.audience(address);
    let unopened = |source| StartError::Database { url: config.database_url().to_string(), source };
    let database = Database::connect(&(&config).into()).await.map_err(unopened)?;
    for migration in database.migrate().await? {
        info!(migration = migration.name, "the schema was brought up to date");
    }
    let mailer = Mailer::open(&config, &public_url, &clock)?;
    mailer.introduce();
    let keeper = Keeper {
        database: &database,
        sealer: &sealer,
        config: &config,
        issuer: &public_url,
        audience: &audience,
        now: clock.now(),
    };
    let keys::Opened { ring, refresh_tokens, trail, cursors } = keys::open(keeper).await?;
    Ok(App {
        public_url,
        audience,
        hasher,
        keys: ring,
        digests: DigestKey::derived_from(&refresh_tokens),
        buckets: Buckets::new(|policy| config.limits.quota(policy)),
        refresh_tokens,
        trail,
        cursors,
        failures: Tally::default(),
        mailer,
        metrics: Metrics::default(),
        traces: Traces::open(config.collector().as_ref(), &clock).map_err(StartError::Traces)?,
        breaches: breaches(&config, &clock)?,
        petitioned: Notify::new(),
        stopping: Stopping::default(),
        config,
        clock,
        database,
        sealer,
    })
}

/// Opens the way to the list of breached passwords, if there is one.
fn breaches(config: &Config, clock: &Clock) -> Result<Breaches, StartError> {
    let patience = (&config.breach_check_breaker).into();
    Breaches::at(config.passwords.breach_check_url.as_ref(), patience, clock).map_err(StartError::Breaches)
}
