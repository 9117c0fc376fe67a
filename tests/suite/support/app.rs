//! The product with an empty database, a hand-set clock and cheap passwords; everything else is as in production.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use countersign::app::App;
use countersign::clock::{Clock, Hands};
use countersign::config::{Config, PublicUrl, RootSecrets};
use countersign::crypto::{Cost, Hasher, HasherSettings};
use countersign::database::{Statement, Writes};
use countersign::domain::Timestamp;
use countersign::server::{Parts, Server, StartError};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::engine::Storage;
use super::{Answer, Engine, Person};

/// 22 November 2026, 12:00 UTC: a moment like any other, the same in every run.
const START_UNIX_SECONDS: i64 = 1_795_348_800;

/// What the service seals under, unless a test says otherwise.
pub(crate) const ROOT_SECRET: &str = "a root secret that is for tests and nothing else";

/// A running service.
pub(crate) struct TestApp {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    client: Client,
    serving: JoinHandle<()>,
    handles: Arc<App>,
    // Dropped last: the database goes when nobody uses it any more.
    site: Site,
}

impl TestApp {
    /// Starts the service with the defaults.
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// Starts the service with settings that differ from the defaults.
    pub(crate) async fn with(engine: Engine, differ: impl FnOnce(&mut Config)) -> Self {
        let (clock, hands) = Clock::hand_set(Timestamp::from_unix_seconds(START_UNIX_SECONDS));
        Site::empty(engine, differ, (clock, Some(hands))).open(ROOT_SECRET).await.expect("a server")
    }

    /// Starts the service by the machine's clock, for what happens by itself.
    pub(crate) async fn in_real_time(engine: Engine, differ: impl FnOnce(&mut Config)) -> Self {
        Site::empty(engine, differ, (Clock::system(), None)).open(ROOT_SECRET).await.expect("a server")
    }

    /// Starts another node on the same database, under the same public address and clock.
    pub(crate) async fn another_node(&self) -> Self {
        self.another_node_under(ROOT_SECRET).await.expect("another server")
    }

    /// Starts another node under these root secrets, unless it refuses.
    pub(crate) async fn another_node_under(&self, root_secrets: &str) -> Result<Self, StartError> {
        self.site.clone().open(root_secrets).await
    }

    /// Ends the service as a crash would, and starts it again with other settings.
    pub(crate) async fn restarted_with(self, differ: impl FnOnce(&mut Config)) -> Self {
        let mut site = self.site.clone();
        drop(self);
        differ(&mut site.config);
        site.open(ROOT_SECRET).await.expect("the server again")
    }

    /// Ends the service as a crash would, and starts it again on what it left, under these root secrets.
    pub(crate) async fn restarted(self, root_secrets: &str) -> Self {
        let site = self.site.clone();
        drop(self);
        site.open(root_secrets).await.expect("the server again")
    }

    /// What the service works with, for what no public interface gives: keys to forge with, an outage, a disabled user.
    pub(crate) fn handles(&self) -> &App {
        &self.handles
    }

    /// Somebody who has not registered.
    pub(crate) fn somebody(&self, name: &str) -> Person<'_> {
        Person::new(self, name)
    }

    /// Somebody who has registered.
    pub(crate) async fn registered(&self, name: &str) -> Person<'_> {
        let person = self.somebody(name);
        person.register().await.assert_status(201);
        person
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, step: Duration) {
        self.site.hands.as_ref().expect("a clock that is set by hand").advance(step);
    }

    /// Sets the wall clock ahead, as a mistake does; no time passes.
    pub(crate) fn set_ahead(&self, step: Duration) {
        let hands = self.site.hands.as_ref().expect("a clock that is set by hand");
        hands.set(self.handles().clock.now() + step);
    }

    /// Sets the wall clock back, as a correction does; no time passes.
    pub(crate) fn set_back(&self, step: Duration) {
        let hands = self.site.hands.as_ref().expect("a clock that is set by hand");
        hands.set(self.handles().clock.now() - step);
    }

    /// Changes the database behind the service's back.
    pub(crate) async fn tamper(&self, statement: &'static Statement) {
        self.handles.database.once().execute(statement, &[]).await.expect("a change of the database");
    }

    /// The address that tokens name as their issuer.
    pub(crate) fn public_url(&self) -> &str {
        &self.handles.public_url
    }

    /// Sends these bytes and reads until the service hangs up, for requests that no client makes.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// A request to this service, for tests whose subject is the request itself.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request to the listener for metrics.
    pub(crate) fn request_metrics(&self, method: Method, path: &str) -> RequestBuilder {
        let address = self.metrics.expect("metrics.listen is set");
        self.client.request(method, format!("http://{address}{path}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(body)).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What outlives a node: its database, its settings and the time.
#[derive(Clone)]
struct Site {
    config: Config,
    clock: Clock,
    hands: Option<Hands>,
    _storage: Arc<Storage>,
}

impl Site {
    fn empty(engine: Engine, differ: impl FnOnce(&mut Config), (clock, hands): (Clock, Option<Hands>)) -> Self {
        let storage = Arc::new(Storage::empty(engine));
        let mut config = Config::default();
        config.service.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.database.url = Some(storage.url());
        differ(&mut config);
        Self { config, clock, hands, _storage: storage }
    }

    async fn open(mut self, root_secrets: &str) -> Result<TestApp, StartError> {
        let root_secrets = RootSecrets::parse(root_secrets).expect("root secrets");
        // No setting leads below a cost of 12: only tests do.
        let cheap = HasherSettings { cost: Cost::for_tests(), ..HasherSettings::default() };
        let hasher = Hasher::start(cheap).expect("threads that hash");
        let parts = Parts { config: self.config.clone(), root_secrets, hasher, clock: self.clock.clone() };
        let server = Box::pin(Server::start(parts)).await?;
        let (address, metrics, handles) = (server.address(), server.metrics_address(), server.app());
        // The nodes of one service, and a node that starts again, are known by one address.
        self.config.service.public_url = PublicUrl::parse(&handles.public_url);
        let serving = tokio::spawn(server.serve(std::future::pending()));
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        Ok(TestApp { address, metrics, client, serving, handles, site: self })
    }
}
