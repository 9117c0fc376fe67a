//! The server: bind, open what it needs, serve, drain.
//!
//! What can fail fails before the first request is taken, with one line that says what to do. A server that is told to
//! end says first that it is not ready, answers what is in flight, and goes.

mod door;
mod metrics;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use self::{door::Door, metrics::MetricsDoor};

use crate::{
    app::{App, Stopping},
    clock::Clock,
    config::{Config, RootSecrets},
    crypto::{
        DigestKey, Hasher,
        seal::{SealError, Sealer},
    },
    database::{Database, DatabaseError, Fault, MigrateError},
    jobs,
    keys::{self, Keeper, KeysError},
    limits::{Buckets, Tally},
    mail::{MailError, Mailer},
    metrics::Metrics,
    middleware::Edge,
    router::router,
};

/// How long the service says that it is not ready before it stops taking connections, so that a balancer that asks
/// every second has seen it.
const NOTICE: Duration = Duration::from_secs(1);

/// How long the first request of a connection may be under way, once the connection is there: until then a connection
/// that looks idle may be about to be used.
const UNDER_WAY: Duration = Duration::from_millis(200);

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
        let metrics = bind_metrics(&parts.config).await?;
        let app = open(parts, door.address()).await?;
        Ok(Self { door, metrics, app: Arc::new(app) })
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
        let edge = Edge::around(router(Arc::clone(&self.app)), Arc::clone(&self.app));
        let jobs = tokio::spawn(jobs::run(Arc::clone(&self.app)));
        // Until the last request is answered: a drain is worth watching.
        let metrics = self.metrics.map(|metrics| tokio::spawn(metrics.serve(Arc::clone(&self.app))));
        info!(address = %self.door.address(), public_url = self.app.public_url, "listening");

        let connections = GracefulShutdown::new();
        let enter = |stream, peer: SocketAddr| {
            serve_connection(stream, peer.ip().to_canonical(), edge.clone(), &connections);
        };
        let told_and_noticed = async {
            stop.await;
            self.app.stopping.begin();
            info!("asked to end; not ready for more");
            sleep(NOTICE).await;
        };
        self.door.admit(enter, told_and_noticed).await;
        sleep(UNDER_WAY).await;

        jobs.abort();
        let grace = self.app.config.http.shutdown_grace();
        match timeout(grace, connections.shutdown()).await {
            Ok(()) => info!("all requests are answered"),
            Err(_elapsed) => warn!(grace_seconds = grace.as_secs(), "requests in flight were cut off"),
        }
        if let Some(metrics) = metrics {
            metrics.abort();
        }
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
        stopping: Stopping::default(),
        config,
        clock,
        database,
        sealer,
    })
}

/// Answers the requests of one connection, in a task of its own.
fn serve_connection(stream: TcpStream, peer: IpAddr, edge: Edge, connections: &GracefulShutdown) {
    // Small answers must not wait for more to send with them.
    let _ = stream.set_nodelay(true);
    let header_timeout = edge.header_timeout();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let edge = edge.clone();
        async move { Ok::<_, std::convert::Infallible>(edge.answer(Request::from(request.map(Body::new)), peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection broke off");
        }
    });
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}. Choose another address with COUNTERSIGN_LISTEN or --listen")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address for metrics cannot be listened on.
    #[error("cannot listen for metrics on {listen}: {source}. Choose another address with COUNTERSIGN_METRICS__LISTEN")]
    BindMetrics {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The root secrets make no key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database cannot be opened.
    #[error("the database {url} cannot be opened: {source}. {}", remedy(source))]
    Database {
        /// The database, without credentials.
        url: String,
        /// Why not.
        source: DatabaseError,
    },
    /// The schema does not fit.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// Mail cannot be set up.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// What to do about a database that cannot be opened.
fn remedy(error: &DatabaseError) -> &'static str {
    match error {
        DatabaseError::Corrupt(_) => "Restore a backup, or name another database with DATABASE_URL",
        DatabaseError::Unavailable { fault: Fault::Connection | Fault::Server | Fault::Conflict, .. }
        | DatabaseError::Timeout(_) => "Start it, or name another one with DATABASE_URL",
        DatabaseError::Unavailable { fault: Fault::Locked, .. } => "End the process that holds it",
        DatabaseError::Unavailable { fault: Fault::DiskFull, .. } => "Make room on the disk",
        DatabaseError::Unavailable { fault: Fault::ReadOnly | Fault::Io, .. } => {
            "Let this user write to it and to its directory, or name another one with DATABASE_URL"
        }
        DatabaseError::Unique { .. }
        | DatabaseError::ForeignKey
        | DatabaseError::NoRow
        | DatabaseError::Refused { .. }
        | DatabaseError::CommitUnknown(_)
        | DatabaseError::Failed
        | DatabaseError::Other(_) => "Check DATABASE_URL",
    }
}
