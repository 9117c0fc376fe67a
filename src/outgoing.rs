//! HTTP clients for what the service asks of others.
//!
//! They go where a setting tells them to and nowhere else: by no redirect, and through no proxy that a variable of the
//! environment names (`HTTP_PROXY`), which would see in the clear what is only meant for this machine.

use std::time::Duration;

use reqwest::{ClientBuilder, redirect};

/// A client that waits no longer than this for an answer and its body together.
pub(crate) fn client(deadline: Duration) -> ClientBuilder {
    ClientBuilder::new()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .timeout(deadline)
        .redirect(redirect::Policy::none())
        .no_proxy()
}
