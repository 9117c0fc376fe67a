//! Keys that change as fast as they may, under load, and nobody who notices.
//!
//! The machine's clock rules here: what is proved is that nodes and verifiers, each at its own pace, never disagree.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use countersign_token::{KeySet, Verifier};
use futures_util::future::join_all;

use super::rotation::signer;
use crate::support::{Answer, Engine, TestApp};

const TOKEN_LIFE: Duration = Duration::from_secs(4);
/// How many keys take over while everybody watches.
const ROTATIONS: usize = 4;
/// A rotation takes 3 s here; on a busy machine longer.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_refused_while_keys_change() {
    let app = TestApp::in_real_time(Engine::Postgres, |config| {
        config.limits.logins_per_minute = 0;
        config.limits.failures_before_wait = 0;
        config.keys.max_age_seconds = 1;
        config.keys.rotate_after_seconds = 1;
        config.tokens.leeway_seconds = 1;
        config.tokens.access_ttl_seconds = TOKEN_LIFE.as_secs().try_into().expect("a few seconds");
    })
    .await;
    let nodes = [&app, &app.another_node().await, &app.another_node().await];
    app.registered("ada").await;

    let until = Instant::now() + PATIENCE;
    let services = (0..6).map(|place| watch([nodes[place % 3], nodes[(place + 1) % 3], nodes[(place + 2) % 3]], until));
    let seen = join_all(services).await;

    for keys in seen {
        assert!(keys.len() > ROTATIONS, "no more than {} keys signed in {PATIENCE:?}", keys.len());
    }
}

/// Signs in at one node, checks each token as a service that reads keys from the second, and shows it to the third; says
/// which keys had signed.
async fn watch([signs, publishes, recognises]: [&TestApp; 3], until: Instant) -> BTreeSet<String> {
    let mut service = Service { node: publishes, keys: None };
    let mut living = VecDeque::new();
    let mut keys = BTreeSet::new();
    let mut pair = signs.somebody("ada").log_in().await;
    while keys.len() <= ROTATIONS && Instant::now() < until {
        keys.insert(signer(&pair));
        living.push_back((Instant::now(), pair.access_token()));
        recognises.somebody("ada").me(&pair.access_token()).await.assert_status(200);
        // A token lives for whole seconds, and was made a moment before it was noted.
        while living.front().is_some_and(|(since, _)| since.elapsed() + Duration::from_secs(1) > TOKEN_LIFE) {
            living.pop_front();
        }
        for (_, token) in living.iter().rev().take(1).chain(living.front()) {
            service.check(token).await;
        }
        pair = signs.somebody("ada").refresh(&pair.refresh_token()).await;
        pair.assert_status(200);
    }
    keys
}

/// A service that keeps the key set for just as long as it may, and never asks for an unknown key.
struct Service<'a> {
    node: &'a TestApp,
    keys: Option<(Instant, Verifier)>,
}

impl Service<'_> {
    async fn check(&mut self, token: &str) {
        if self.keys.as_ref().is_none_or(|(old_at, _)| Instant::now() >= *old_at) {
            self.keys = Some(self.read().await);
        }
        let (_, verifier) = self.keys.as_ref().expect("keys");
        if let Err(error) = verifier.verify_now(token) {
            panic!("{error}: {token}");
        }
    }

    async fn read(&self) -> (Instant, Verifier) {
        let answer: Answer = self.node.get("/.well-known/jwks.json").await;
        let max_age = answer.header("cache-control").strip_prefix("public, max-age=").expect("an age");
        let old_at = Instant::now() + Duration::from_secs(max_age.parse().expect("seconds"));
        let keys = KeySet::from_jwks(&answer.text).expect("a key set");
        (old_at, Verifier::new(self.node.public_url(), self.node.public_url(), keys))
    }
}
