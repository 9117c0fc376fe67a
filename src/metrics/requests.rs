//! Requests by route, method and status, and how long they took.
//!
//! A series is made when its first request has been answered. There are only as many as there are routes, methods and
//! statuses: a path that nobody serves and a method that nobody knows share one name each.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use super::instruments::{Counter, Distribution, Gauge, Histogram};

/// The name of all routes that there are not.
pub const UNMATCHED: &str = "unmatched";

/// The name of all methods but those of [`METHODS`].
const OTHER: &str = "other";

/// The methods that are told apart (RFC 9110 §9.3 and RFC 5789, less what no route has).
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Counts the requests of a server.
#[derive(Debug, Default)]
pub struct Requests {
    /// Those that are being answered.
    pub in_flight: Gauge,
    routes: RwLock<HashMap<Box<str>, Vec<Series>>>,
}

#[derive(Debug)]
struct Series {
    method: &'static str,
    status: u16,
    answered: Counter,
    /// Shared by all statuses of a route and method.
    durations: Arc<Histogram>,
}

impl Requests {
    /// Notes a request that has been answered. `route` is the template of the route that was found, if there was one.
    pub fn answered(&self, route: Option<&str>, (method, status): (&str, u16), took: Duration) {
        let route = route.unwrap_or(UNMATCHED);
        let method = METHODS.iter().find(|known| **known == method).copied().unwrap_or(OTHER);
        if !self.note(route, (method, status), took) {
            self.begin(route, (method, status));
            self.note(route, (method, status), took);
        }
    }

    /// Every count, by route, method and status.
    #[must_use]
    pub fn counts(&self) -> Vec<(String, &'static str, u16, u64)> {
        self.all(|route, series| Some((route.to_owned(), series.method, series.status, series.answered.get())))
    }

    /// How long requests took, by route and method.
    #[must_use]
    pub fn durations(&self) -> Vec<(String, &'static str, Distribution)> {
        let mut told: Vec<*const Histogram> = Vec::new();
        self.all(|route, series| {
            let durations = Arc::as_ptr(&series.durations);
            let is_told = told.contains(&durations);
            told.push(durations);
            (!is_told).then(|| (route.to_owned(), series.method, series.durations.read()))
        })
    }

    /// Counts in a series; false if there is none yet.
    fn note(&self, route: &str, (method, status): (&str, u16), took: Duration) -> bool {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |series: &&Series| series.status == status && series.method == method;
        let Some(series) = routes.get(route).and_then(|series| series.iter().find(is_it)) else { return false };
        series.answered.count();
        series.durations.record(took);
        true
    }

    fn begin(&self, route: &str, (method, status): (&'static str, u16)) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let all = routes.entry(route.into()).or_default();
        // Another thread may have been first.
        if all.iter().any(|series| series.method == method && series.status == status) {
            return;
        }
        let sibling = all.iter().find(|series| series.method == method);
        let durations =
            sibling.map_or_else(|| Arc::new(Histogram::of_latencies()), |series| Arc::clone(&series.durations));
        all.push(Series { method, status, answered: Counter::default(), durations });
    }

    /// What `tell` says of each series, in the order of their names.
    fn all<T>(&self, mut tell: impl FnMut(&str, &Series) -> Option<T>) -> Vec<T> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<(&str, &Series)> =
            routes.iter().flat_map(|(route, all)| all.iter().map(move |series| (&**route, series))).collect();
        all.sort_by_key(|(route, series)| (*route, series.method, series.status));
        all.into_iter().filter_map(|(route, series)| tell(route, series)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_share_a_series() {
        let requests = Requests::default();

        for method in ["BREW", "brew", "get", ""] {
            requests.answered(None, (method, 404), Duration::ZERO);
        }

        assert_eq!(requests.counts(), [(UNMATCHED.to_owned(), OTHER, 404, 4)]);
    }

    #[test]
    fn statuses_are_counted_apart_and_timed_together() {
        let requests = Requests::default();

        for (route, method, status) in [("/b", "GET", 200), ("/a", "GET", 503), ("/a", "GET", 200), ("/a", "POST", 200)]
        {
            requests.answered(Some(route), (method, status), Duration::from_millis(3));
        }

        let counts: Vec<_> =
            requests.counts().into_iter().map(|(route, method, status, _)| (route, method, status)).collect();
        let [a, b] = ["/a".to_owned(), "/b".to_owned()];
        assert_eq!(
            counts,
            [(a.clone(), "GET", 200), (a.clone(), "GET", 503), (a.clone(), "POST", 200), (b.clone(), "GET", 200)]
        );
        let timed: Vec<_> = requests
            .durations()
            .into_iter()
            .map(|(route, method, durations)| (route, method, durations.count))
            .collect();
        assert_eq!(timed, [(a.clone(), "GET", 2), (a, "POST", 1), (b, "GET", 1)]);
    }
}
