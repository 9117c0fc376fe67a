//! Whatever clients do, the lanes answer as the crate `bcrypt` does, and the parser neither panics nor changes a text.
#![no_main]

use arbitrary::Arbitrary;
use bcrypt_lanes::{Cost, Digest, Hash, Job, Key, Lanes};
use libfuzzer_sys::fuzz_target;

/// What happens next to the set of lanes.
#[derive(Arbitrary, Debug)]
enum Event {
    Insert { five: bool, salt: [u8; 16], password: Vec<u8> },
    Advance { rounds: u8 },
    Cancel { which: u8 },
    Parse { text: String },
}

fuzz_target!(|events: Vec<Event>| {
    let mut lanes: Lanes<(u8, Digest)> = Lanes::new();
    // A hash takes milliseconds here: a long list of them would only be a slow one.
    for (number, event) in events.into_iter().take(24).enumerate() {
        match event {
            Event::Insert { five, salt, password } => {
                insert(&mut lanes, (number as u8, 4 + u8::from(five)), salt, &password)
            }
            Event::Advance { rounds } => check(&mut lanes, rounds.into()),
            Event::Cancel { which } => lanes.retain(|(number, _)| *number != which),
            Event::Parse { text } => {
                if let Ok(hash) = text.parse::<Hash>() {
                    assert_eq!(hash.to_string(), text);
                }
            }
        }
    }
    while lanes.busy() > 0 {
        check(&mut lanes, 64);
    }
});

fn insert(lanes: &mut Lanes<(u8, Digest)>, (number, cost): (u8, u8), salt: [u8; 16], password: &[u8]) {
    let Ok(key) = Key::from_bytes(password) else {
        assert!(password.is_empty() || password.len() > 72);
        return;
    };
    let [expected @ .., _] = bcrypt::bcrypt(cost.into(), salt, password);
    let full = lanes.busy() == 4;
    let refused = lanes.insert(Job { cost: Cost::new(cost).unwrap(), salt, key: &key }, (number, expected)).is_err();
    assert_eq!(refused, full);
}

fn check(lanes: &mut Lanes<(u8, Digest)>, rounds: u32) {
    lanes.advance(rounds, |(_, expected), digest| assert_eq!(digest, expected));
}
