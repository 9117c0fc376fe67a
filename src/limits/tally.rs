//! How much of what an attacker can repeat at will is kept one by one, and how much is only counted.
//!
//! A failed sign-in costs its sender nothing; if each left a row, a disk could be filled from afar. So in a minute a
//! handful is kept for each network and a few dozen for all; the rest becomes one number. Memory is bounded as well.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::domain::Timestamp;

/// How many are kept of one network in a minute: more than somebody who has forgotten their password tries.
const OF_NETWORK: u32 = 10;

/// How many are kept in a minute at all: at 400 bytes a row and a row each half second, 70 MB a day at most.
const OF_ALL: u32 = 120;

/// Decides what is kept, minute by minute.
#[derive(Debug, Default)]
pub struct Tally(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    minute: i64,
    kept: u32,
    /// At most [`OF_ALL`] entries: only kept ones are entered.
    by_network: HashMap<IpAddr, u32>,
    omitted: u64,
}

impl Tally {
    /// Whether one more from this network is kept; otherwise it is counted.
    #[must_use]
    pub fn keeps(&self, network: IpAddr, now: Timestamp) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn_to(minute(now));
        let of_network = state.by_network.get(&network).copied().unwrap_or(0);
        if state.kept >= OF_ALL || of_network >= OF_NETWORK {
            state.omitted = state.omitted.saturating_add(1);
            return false;
        }
        state.kept += 1;
        state.by_network.insert(network, of_network + 1);
        true
    }

    /// How many were counted only, once their minute is over; they are counted anew from then on.
    #[must_use]
    pub fn settle(&self, now: Timestamp) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.minute == minute(now) || state.omitted == 0 {
            return None;
        }
        Some(std::mem::take(&mut state.omitted))
    }

    /// Counts these again, which could not be written down.
    pub fn put_back(&self, omitted: u64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.omitted = state.omitted.saturating_add(omitted);
    }
}

impl State {
    fn turn_to(&mut self, minute: i64) {
        if self.minute != minute {
            self.minute = minute;
            self.kept = 0;
            self.by_network.clear();
        }
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_unix_seconds().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    #[test]
    fn a_network_and_all_of_them_have_their_share_of_a_minute() {
        let (tally, now) = (Tally::default(), Timestamp::from_unix_seconds(600));

        let kept_of_one = (0..100).filter(|_| tally.keeps(network(1), now)).count();
        let kept_of_others = (2..200).filter(|number| tally.keeps(network(*number), now)).count();

        assert_eq!((kept_of_one, kept_of_others), (10, 110));
        assert!(tally.keeps(network(1), now + std::time::Duration::from_mins(1)));
    }

    #[test]
    fn what_was_omitted_is_told_once_its_minute_is_over() {
        let (tally, now) = (Tally::default(), Timestamp::from_unix_seconds(600));
        let kept = (0..25).filter(|_| tally.keeps(network(1), now)).count();
        let later = now + std::time::Duration::from_mins(1);

        assert_eq!((kept, tally.settle(now)), (10, None));
        assert_eq!((tally.settle(later), tally.settle(later)), (Some(15), None));
        tally.put_back(15);
        assert_eq!(tally.settle(later), Some(15));
    }
}
