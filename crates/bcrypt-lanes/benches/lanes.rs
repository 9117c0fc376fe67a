//! One to four lanes against the crate `bcrypt`, on one core, in one run.
//!
//! `taskset -c 1 cargo bench -p bcrypt-lanes --bench lanes -- [COST] [REPEATS]`
//!
//! Absolute times on a shared machine are noise. So the clock counts only the time that this thread was on the core,
//! each repeat measures all contenders one after the other, and a contender's figure is the median of its ratios to
//! the crate `bcrypt` of the same repeat. From – to are the quartiles.

use std::{
    error::Error,
    hint::black_box,
    io::{self, Write},
    time::Duration,
};

use bcrypt_lanes::{Cost, Job, Key, Lanes};
use rustix::time::{ClockId, clock_gettime};

/// A slice of 32 rounds is what a server would take: about 2 ms.
const SLICE: u32 = 32;

type Contender = (&'static str, fn(Cost) -> Result<Duration, Box<dyn Error>>);

/// What is measured: the time of one hash.
const CONTENDERS: [Contender; 7] = [
    ("crate bcrypt", of_the_crate),
    ("bcrypt_lanes::bcrypt", alone),
    ("1 lane", together::<1>),
    ("2 lanes", together::<2>),
    ("3 lanes", together::<3>),
    ("4 lanes", together::<4>),
    ("4 lanes, staggered", staggered),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let cost = Cost::new(u8::try_from(numbers.next().unwrap_or(10))?)?;
    let repeats = numbers.next().unwrap_or(25).max(1);

    let mut times: [Vec<f64>; CONTENDERS.len()] = std::array::from_fn(|_| Vec::new());
    for repeat in 1..=repeats {
        eprint!("\rcost {}, repeat {repeat} of {repeats} ", cost.get());
        io::stderr().flush()?;
        for ((_, measure), times) in CONTENDERS.iter().zip(&mut times) {
            times.push(measure(cost)?.as_secs_f64());
        }
    }
    eprintln!();

    println!("| cost {} | hashes/s | times the crate | from – to |\n|---|---|---|---|", cost.get());
    let [theirs, ..] = &times;
    for ((name, _), own) in CONTENDERS.iter().zip(&times) {
        let [_, rate, _] = quartiles(own.iter().map(|seconds| 1.0 / seconds));
        let [low, ratio, high] = quartiles(theirs.iter().zip(own).map(|(theirs, ours)| theirs / ours));
        println!("| {name} | {rate:.1} | {ratio:.2} | {low:.2} – {high:.2} |");
    }
    Ok(())
}

fn of_the_crate(cost: Cost) -> Result<Duration, Box<dyn Error>> {
    let start = on_the_core()?;
    black_box(bcrypt::bcrypt(cost.get().into(), black_box([7; 16]), black_box(b"correct horse\0")));
    spent_since(start)
}

fn alone(cost: Cost) -> Result<Duration, Box<dyn Error>> {
    let start = on_the_core()?;
    black_box(bcrypt_lanes::bcrypt(cost, black_box(&[7; 16]), &key()?));
    spent_since(start)
}

/// `N` jobs that start together, from entry to exit of all.
fn together<const N: usize>(cost: Cost) -> Result<Duration, Box<dyn Error>> {
    let start = on_the_core()?;
    let mut lanes = Lanes::new();
    for _ in 0..N {
        insert(&mut lanes, cost)?;
    }
    while lanes.busy() > 0 {
        lanes.advance(SLICE, |(), digest| _ = black_box(digest));
    }
    Ok(spent_since(start)? / u32::try_from(N)?)
}

/// Four lanes kept busy with jobs that start a quarter of a hash apart, over the time of eight hashes.
fn staggered(cost: Cost) -> Result<Duration, Box<dyn Error>> {
    let mut lanes = Lanes::new();
    for _ in 0..4 {
        insert(&mut lanes, cost)?;
        for _ in 0..cost.rounds() / SLICE / 4 {
            lanes.advance(SLICE, |(), digest| _ = black_box(digest));
        }
    }

    let start = on_the_core()?;
    let mut finished = 0;
    while finished < 8 {
        if lanes.busy() < Lanes::<()>::WIDTH {
            insert(&mut lanes, cost)?;
        }
        lanes.advance(SLICE, |(), digest| {
            black_box(digest);
            finished += 1;
        });
    }
    Ok(spent_since(start)? / 8)
}

fn insert(lanes: &mut Lanes<()>, cost: Cost) -> Result<(), Box<dyn Error>> {
    let job = Job { cost, salt: black_box([7; 16]), key: &key()? };
    lanes.insert(job, ()).map_err(|()| "no free lane".into())
}

fn key() -> Result<Key, Box<dyn Error>> {
    Ok(Key::from_password(black_box(b"correct horse"))?)
}

fn spent_since(start: Duration) -> Result<Duration, Box<dyn Error>> {
    Ok(on_the_core()?.saturating_sub(start))
}

/// How long this thread has been running on a core.
fn on_the_core() -> Result<Duration, Box<dyn Error>> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}
