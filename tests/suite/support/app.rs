//! The product with an empty database, a hand-set clock and cheap passwords; everything else is as in production.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign::clock::{Clock, Hands};
use countersign::config::{Config, RootSecrets};
use countersign::crypto::{Cost, Hasher, HasherSettings};
use countersign::domain::Timestamp;
use countersign::server::{Parts, Server};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::engine::Storage;
use super::{Answer, Engine, Person};

/// 22 November 2026, 12:00 UTC: a moment like any other, the same in every run.
const START_UNIX_SECONDS: i64 = 1_795_348_800;

/// A running service.
pub(crate) struct TestApp {
    address: SocketAddr,
    client: Client,
    hands: Hands,
    serving: JoinHandle<()>,
    // Dropped last: the database goes when nobody uses it any more.
    _storage: Storage,
}

impl TestApp {
    /// Starts the service with the defaults.
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// Starts the service with settings that differ from the defaults.
    pub(crate) async fn with(engine: Engine, differ: impl FnOnce(&mut Config)) -> Self {
        let storage = Storage::empty(engine);
        let mut config = Config::default();
        config.service.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.database.url = Some(storage.url());
        differ(&mut config);

        let root_secrets =
            RootSecrets::parse("a root secret that is for tests and nothing else").expect("a root secret");
        let (clock, hands) = Clock::hand_set(Timestamp::from_unix_seconds(START_UNIX_SECONDS));
        // No setting leads below a cost of 12: only tests do.
        let cheap = HasherSettings { cost: Cost::for_tests(), ..HasherSettings::default() };
        let hasher = Hasher::start(cheap).expect("threads that hash");
        let parts = Parts { config, root_secrets, hasher, clock };
        let server = Box::pin(Server::start(parts)).await.expect("a server");
        let address = server.address();
        let serving = tokio::spawn(server.serve(std::future::pending()));
        Self { address, client: Client::new(), hands, serving, _storage: storage }
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
        self.hands.advance(step);
    }

    /// A request to this service, for tests whose subject is the request itself.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
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
