//! The same answers as the crate `bcrypt`, however the lanes are mixed.
//!
//! `BCRYPT_LANES_CASES=100000 cargo nextest run --release -p bcrypt-lanes --test oracle` runs as many random hashes; a
//! quick run has a few hundred.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bcrypt_lanes::{Cost, Digest, Job, Key, Lanes};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// A hash that some client wants, and what happens to it.
#[derive(Clone, Debug)]
struct Request {
    cost: u8,
    salt: [u8; 16],
    password: Vec<u8>,
    /// The rounds that go by before the next request may enter.
    pause: u32,
    /// The slice, counted from its entry, at which its client goes away.
    leaves_at: Option<u32>,
}

impl Request {
    fn expected(&self) -> Digest {
        let [digest @ .., _] = bcrypt::bcrypt(self.cost.into(), self.salt, &self.password);
        digest
    }
}

prop_compose! {
    fn request()(
        cost in 4_u8..=5,
        salt in any::<[u8; 16]>(),
        password in vec(any::<u8>(), 1..=72),
        pause in 0_u32..40,
        leaves_at in prop::option::weighted(0.1, 0_u32..8),
    ) -> Request {
        Request { cost, salt, password, pause, leaves_at }
    }
}

/// One busy client after another, as on a server: enter when there is room, move on, leave.
fn run_through_lanes(requests: &[Request], slice: u32) -> Vec<Option<Digest>> {
    let mut answers = vec![None; requests.len()];
    let mut lanes: Lanes<(usize, u32)> = Lanes::new();
    let mut arrivals = requests.iter().enumerate().peekable();
    let mut pause = 0_u32;
    let mut now = 0_u32;
    while lanes.busy() > 0 || arrivals.peek().is_some() {
        while pause == 0 && lanes.busy() < 4 {
            let Some((index, request)) = arrivals.next() else { break };
            let key = Key::from_bytes(&request.password).unwrap();
            let job = Job { cost: Cost::new(request.cost).unwrap(), salt: request.salt, key: &key };
            lanes.insert(job, (index, now)).unwrap();
            pause = request.pause;
        }
        let rounds = lanes.advance(slice, |(index, _), digest| answers[index] = Some(digest));
        pause = pause.saturating_sub(rounds.max(1));
        now += 1;
        lanes.retain(|(index, since)| requests[*index].leaves_at.is_none_or(|slices| now - since <= slices));
    }
    answers
}

#[test]
fn lanes_of_any_mix_agree_with_the_crate_bcrypt() {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of a product")]
    let hashes = std::env::var("BCRYPT_LANES_CASES").map_or(300, |number| number.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig { cases: hashes / 10 + 1, ..ProptestConfig::default() });

    runner
        .run(&(vec(request(), 1..=19), 1_u32..40), |(requests, slice)| {
            let answers = run_through_lanes(&requests, slice);

            for (request, answer) in requests.iter().zip(answers) {
                match answer {
                    Some(digest) => prop_assert_eq!(digest, request.expected()),
                    None => prop_assert!(request.leaves_at.is_some(), "lost: {:?}", request),
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn text_agrees_with_the_crate_bcrypt() {
    proptest!(ProptestConfig::with_cases(40), |(password in vec(1_u8.., 0..=72), salt in any::<[u8; 16]>())| {
        let theirs = bcrypt::hash_with_salt(&password, 4, salt).unwrap().to_string();

        let ours = bcrypt_lanes::hash(&password, Cost::MIN, salt).unwrap().to_string();

        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(bcrypt_lanes::verify(&password, &theirs), Ok(true));
        prop_assert!(bcrypt::verify(&password, &ours).unwrap());
    });
}

#[test]
fn no_text_makes_the_parser_panic_or_print_another_text() {
    proptest!(|(text in r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\PC{0,70}")| {
        if let Ok(hash) = text.parse::<bcrypt_lanes::Hash>() {
            prop_assert_eq!(hash.to_string(), text);
        }
    });
}
