//! The collector: where spans go, and what it is told of this service.

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::circuit_breaker;

/// Where spans are sent, and how many.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its address; `/v1/traces` comes after it.
    pub endpoint: String,
    /// What else it is told with each batch. Values that are secret are marked as sensitive.
    pub headers: HeaderMap,
    /// The name of this service (`service.name`).
    pub service_name: String,
    /// The share of traces that are kept, from 0 to 1.
    pub sample_ratio: f64,
    /// How long it may take for one batch.
    pub deadline: Duration,
    /// The circuit breaker before it.
    pub breaker: circuit_breaker::Settings,
}
