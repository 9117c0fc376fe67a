//! Every metric, declared once: the scrape, the documentation, the alerts and the dashboard are held to this table.
//!
//! Names follow Prometheus: a unit at the end (`_seconds`, `_bytes`), `_total` for what only grows. A label has few
//! values that are known beforehand: never a path, an address, or anybody's name.

/// A metric as operators and dashboards know it.
#[derive(Debug, Eq, PartialEq)]
pub struct Metric {
    /// The name, which ends in the unit.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it says, in one line.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It only grows, from the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size, with their sum.
    Histogram,
}

impl Kind {
    /// Its name in the exposition format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Declares metrics, and [`ALL`] of them in the order of a scrape.
macro_rules! catalogue {
    ($($NAME:ident: $Kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub static $NAME: Metric = Metric { name: $name, kind: Kind::$Kind, help: $help, labels: &[$($label),*] };
        )+

        /// Every metric, in the order of a scrape.
        pub static ALL: &[&Metric] = &[$(&$NAME),+];
    };
}

catalogue! {
    BUILD: Gauge "countersign_build_info" ["version", "commit", "engine"]
        "Always 1; the labels tell what runs";
    STOPPING: Gauge "countersign_stopping" []
        "1 once the service has been told to end";
    LOG_LINES_DROPPED: Counter "countersign_log_lines_dropped_total" []
        "Log lines that were given up because standard output does not drain";

    HTTP_REQUESTS: Counter "countersign_http_requests_total" ["route", "method", "status"]
        "Requests answered; status 499 is a client that left before";
    HTTP_DURATION: Histogram "countersign_http_request_duration_seconds" ["route", "method"]
        "From the head of a request to its answer";
    HTTP_IN_FLIGHT: Gauge "countersign_http_requests_in_flight" []
        "Requests that are being answered";

    LOGINS: Counter "countersign_logins_total" ["outcome"]
        "Logins by outcome";
    LIMITED: Counter "countersign_limited_total" ["policy"]
        "Requests that a limit refused, by its policy";
    REGISTRATIONS: Counter "countersign_registrations_total" ["outcome"]
        "Registrations by outcome";
    REFRESHES: Counter "countersign_refreshes_total" ["outcome"]
        "Refreshes by outcome; reused is a refresh token that was presented twice";
    SESSIONS_OPENED: Counter "countersign_sessions_opened_total" ["by"]
        "Sessions opened, by what opened them";
    SESSIONS_ENDED: Counter "countersign_sessions_ended_total" ["by"]
        "Sessions ended before their time, by what ended them";
    SESSIONS_PURGED: Counter "countersign_sessions_purged_total" []
        "Sessions that were over and whose rows were deleted";
    LETTERS: Counter "countersign_letters_total" ["outcome"]
        "Attempts to deliver a letter, by outcome";

    HASHES: Counter "countersign_hashes_total" ["outcome"]
        "Passwords hashed or not, by outcome";
    HASHING_WAIT: Histogram "countersign_hashing_wait_seconds" []
        "How long passwords waited for a lane";
    HASHING_QUEUE: Gauge "countersign_hashing_queue_length" []
        "Passwords that wait for a lane, or have a place and still wait for the database";
    HASHING_EXPECTED_WAIT: Gauge "countersign_hashing_expected_wait_seconds" []
        "How long a password would wait that came now";
    HASHING_LANES: Gauge "countersign_hashing_lanes" []
        "Passwords that can be hashed at a time: four for each thread";
    HASHING_LANES_BUSY: Gauge "countersign_hashing_lanes_busy" []
        "Passwords that are being hashed";
    HASHING_RATE: Gauge "countersign_hashing_rate_per_second" []
        "Passwords that all lanes together can hash in a second, as measured lately";

    DATABASE_CALLS: Counter "countersign_database_calls_total" ["outcome"]
        "Calls to the database, by what the caller was told";
    DATABASE_CONNECTIONS: Gauge "countersign_database_connections" []
        "Open connections to the database";
    DATABASE_IDLE: Gauge "countersign_database_connections_idle" []
        "Those of them that wait for work";
    DATABASE_WAITING: Gauge "countersign_database_waiting" []
        "Tasks that wait for a connection, or for their turn to write";
    DATABASE_COMMITS: Counter "countersign_database_commits_total" []
        "Transactions and single statements that were committed";
    DATABASE_GROUPS: Counter "countersign_database_commit_groups_total" []
        "Groups that SQLite wrote to the disk as one; 0 on PostgreSQL";
    DATABASE_REVOKED: Counter "countersign_database_revoked_total" []
        "Transactions that were rolled back because they lasted too long";

    DEPENDENCY_CALLS: Counter "countersign_dependency_calls_total" ["dependency", "outcome"]
        "Calls to a dependency, as its circuit breaker counts them";
    DEPENDENCY_SLOW: Counter "countersign_dependency_slow_calls_total" ["dependency"]
        "Calls that the circuit breaker counts as slow, whatever their outcome";
    DEPENDENCY_DURATION: Histogram "countersign_dependency_call_duration_seconds" ["dependency"]
        "How long calls to a dependency took that came to an end";
    BREAKER_STATE: Gauge "countersign_breaker_state" ["dependency", "state"]
        "1 for the state that the circuit breaker is in, 0 for the others";
    BREAKER_TRANSITIONS: Counter "countersign_breaker_transitions_total" ["dependency", "to"]
        "How often the circuit breaker changed its state";

    SPANS: Counter "countersign_spans_total" ["outcome"]
        "Spans of traces, by what became of them; absent while traces are off";

    SIGNING_KEY_SINCE: Gauge "countersign_signing_key_activated_timestamp_seconds" []
        "When the key that signs began to; absent under a shared secret";
    JOB_RUNS: Counter "countersign_job_runs_total" ["name", "outcome"]
        "Turns of the jobs that go on beside the requests";
    JOB_SUCCESS: Gauge "countersign_job_last_success_timestamp_seconds" ["name"]
        "When a job last succeeded; absent until it has";

    PROCESS_START: Gauge "process_start_time_seconds" []
        "When the process began";
    PROCESS_CPU: Counter "process_cpu_seconds_total" []
        "Time on the cores, for us and for the kernel";
    PROCESS_MEMORY: Gauge "process_resident_memory_bytes" []
        "Memory in use";
    PROCESS_FDS: Gauge "process_open_fds" []
        "Files and sockets that are open";
    PROCESS_MAX_FDS: Gauge "process_max_fds" []
        "How many of them may be open";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_custom() {
        for (number, metric) in ALL.iter().enumerate() {
            let Metric { name, kind, help, labels } = metric;
            assert!(ALL.iter().skip(number + 1).all(|other| other.name != *name), "{name} is declared twice");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(!help.contains(['\n', '\\', '|']) && !help.ends_with('.'), "{name}");
            let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_word(name) && labels.iter().all(|label| is_word(label) && *label != "le"), "{name}");
        }
    }
}
