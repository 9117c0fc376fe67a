//! Settings in seconds, as the durations that code reckons with.

use std::time::Duration;

use super::{Audit, Http, Keys, Limits, Mail, Tokens};

impl Tokens {
    /// How long an access token is accepted.
    #[must_use]
    pub fn access_ttl(&self) -> Duration {
        seconds(self.access_ttl_seconds)
    }

    /// How far clocks may differ.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        seconds(self.leeway_seconds)
    }

    /// How long a session lives without being refreshed.
    #[must_use]
    pub fn refresh_idle_ttl(&self) -> Duration {
        seconds(self.refresh_idle_ttl_seconds)
    }

    /// How long a session lives however often it is refreshed.
    #[must_use]
    pub fn refresh_absolute_ttl(&self) -> Duration {
        seconds(self.refresh_absolute_ttl_seconds)
    }
}

impl Audit {
    /// How long events are kept; `None` if for ever.
    #[must_use]
    pub fn keep(&self) -> Option<Duration> {
        Some(seconds(self.keep_days) * 86_400).filter(|keep| !keep.is_zero())
    }
}

impl Keys {
    /// How long a key signs before the next one takes over; `None` if only by hand.
    #[must_use]
    pub fn rotate_after(&self) -> Option<Duration> {
        Some(seconds(self.rotate_after_seconds)).filter(|interval| !interval.is_zero())
    }

    /// How long verifiers may keep the published key set.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        seconds(self.max_age_seconds)
    }
}

impl Mail {
    /// How long the connection to the mail server may take.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        seconds(self.connect_timeout_seconds)
    }

    /// How long one letter may take altogether.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        seconds(self.timeout_seconds)
    }

    /// How long to go on trying to send a letter.
    #[must_use]
    pub fn give_up_after(&self) -> Duration {
        seconds(self.give_up_after_seconds)
    }
}

impl Http {
    /// How long a client may take to send the head of a request.
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        seconds(self.header_timeout_seconds)
    }

    /// How long a connection may rest between two requests.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        seconds(self.idle_timeout_seconds)
    }

    /// How long a client may take to send the body of a request.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        seconds(self.body_timeout_seconds)
    }

    /// How long a request may take altogether.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        seconds(self.request_timeout_seconds)
    }

    /// How long a server that was told to end waits for requests in flight.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        seconds(self.shutdown_grace_seconds)
    }
}

impl Limits {
    /// The longest that one address waits for one account.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        seconds(self.longest_wait_seconds)
    }

    /// How long an address is remembered after a sign-in.
    #[must_use]
    pub fn known_address(&self) -> Duration {
        Duration::from_hours(24) * self.known_address_days
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}
