//! Hashing and checking passwords: the one way to do either.
//!
//! It cannot be asked in a way that tells by time whether an account exists: a check without a stored hash
//! costs what a wrong password costs. It knows no users, and counts no failures.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, thread};

use super::bcrypt_hash::{Bcrypt, NewHash};
use super::foreign::{Foreign, ForeignPool};
use super::hash_job::{Begun, Job};
use super::hash_pool::{HashPool, HashTally, Place};
use super::hash_queue::{HashingStats, Overloaded};
use super::password_hash::{Cost, Form, PasswordHash};
use super::random;
use crate::domain::Password;
use crate::traces::{self, Kind};

/// Hashes and checks passwords on threads of its own; clones share them.
///
/// # Time
/// A wrong password takes the same work whether the account is unknown, its hash is `$2b$` or `$bcrypt-sha256$`
/// (the HMAC before it is a microsecond to a quarter of a second), the password fits the scheme or not, or the
/// stored hash is of a lower cost than the present one (it is padded with further rounds). Only a stored hash of
/// a *higher* cost, after an operator has lowered it, takes longer until its owner sets a new password. A right
/// password of a lower cost takes the time to hash it anew on top; who sees that knew the password.
///
/// What another program has made is checked beside the work of a wrong password, not after it, so that an imported
/// account answers no sooner than an ordinary or an unknown one. It answers later if its hash takes longer than ours,
/// until its owner has signed in.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    pool: HashPool,
    foreign: ForeignPool,
    cost: Cost,
    /// What a password is checked against where there is nothing to check it against.
    decoy: Bcrypt,
}

/// How a [`Hasher`] works.
#[derive(Clone, Copy, Debug)]
pub struct HasherSettings {
    /// The work of a new hash. Default 12.
    pub cost: Cost,
    /// Hashing threads. Default one per core: each hashes four passwords at a time, and more would only take turns.
    pub threads: NonZeroU32,
    /// Who is not hashed within this time is refused; who would not be within two thirds of it is refused at once.
    /// Default 10 s, as the API promises.
    pub longest_wait: Duration,
}

impl Default for HasherSettings {
    fn default() -> Self {
        let cores = thread::available_parallelism().ok().and_then(|cores| cores.try_into().ok());
        Self { cost: Cost::DEFAULT, threads: cores.unwrap_or(NonZeroU32::MIN), longest_wait: Duration::from_secs(10) }
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Another password, or none is stored.
    Wrong,
    /// The password.
    Right,
    /// The password, and its hash should be made anew at the present cost.
    RightButOutdated,
}

impl Hasher {
    /// Starts the hashing threads.
    ///
    /// # Errors
    /// The operating system's, if it gives no thread.
    pub fn start(settings: HasherSettings) -> io::Result<Self> {
        let HasherSettings { cost, threads, longest_wait } = settings;
        // No password has this digest but by a chance of 2^-184, and then it still is not counted.
        let (plan, _) = NewHash::plan(&Password::presented(String::new()), cost, random::bytes());
        let (_, decoy) = Bcrypt::made(&plan, random::bytes());
        let pool = HashPool::start(threads.get(), longest_wait)?;
        let foreign = ForeignPool::start(threads.get(), longest_wait)?;
        Ok(Self(Arc::new(Inner { pool, foreign, cost, decoy })))
    }

    /// Takes a turn for one password, before anything is read or written for its sake: whom there is no time for costs
    /// nothing but this question.
    ///
    /// # Errors
    /// [`Overloaded`] if it could not be hashed in time: the caller changes nothing, the attempt does not count.
    pub fn turn(&self) -> Result<Turn, Overloaded> {
        Ok(Turn { place: self.0.pool.place(self.0.cost.of_bcrypt())?, inner: Arc::clone(&self.0) })
    }

    /// Hashes a password to be stored, with a turn that is taken now.
    ///
    /// # Errors
    /// Those of [`turn`](Self::turn) and of [`Turn::hash`].
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, Overloaded> {
        self.turn()?.hash(password).await
    }

    /// Checks a password against what is stored, if anything is, with a turn that is taken now.
    ///
    /// # Errors
    /// Those of [`turn`](Self::turn) and of [`Turn::verify`].
    pub async fn verify(&self, password: &Password, stored: Option<&PasswordHash>) -> Result<Verdict, Overloaded> {
        self.turn()?.verify(password, stored).await
    }

    /// Ends every hash and check that is under way, and all that begin later, with [`Overloaded`]: for a process that is
    /// about to end, and owes those an answer who wait.
    pub fn give_up(&self) {
        // No check is without one of our own hashes beside it.
        self.0.pool.give_up();
    }

    /// All hashes since the start.
    #[must_use]
    pub fn tally(&self) -> &HashTally {
        self.0.pool.tally()
    }

    /// How busy the threads are, and how long a password would wait that came now.
    #[must_use]
    pub fn stats(&self) -> HashingStats {
        self.0.pool.stats(self.0.cost.of_bcrypt())
    }
}

/// A place in the queue of the hashing threads, for one password. Dropped, it goes to the next.
#[must_use = "a turn that is not used goes to the next"]
pub struct Turn {
    place: Place,
    inner: Arc<Inner>,
}

impl Turn {
    /// Tells when a lane works on the password: what is dropped before that has cost nothing.
    #[must_use]
    pub fn begun(&self) -> Begun {
        self.place.begun()
    }

    /// Hashes a password to be stored.
    ///
    /// # Errors
    /// [`Overloaded`] if it took too long after all: the caller changes nothing.
    pub async fn hash(self, password: &Password) -> Result<PasswordHash, Overloaded> {
        let (plan, key) = NewHash::plan(password, self.inner.cost, random::bytes());
        let job = Job { key, salt: plan.salt, cost: plan.cost.of_bcrypt(), as_long_as: plan.cost.of_bcrypt() };
        let digest = self.place.hash(job).await?;
        Ok(PasswordHash::made(&plan, digest))
    }

    /// Checks a password against what is stored, if anything is.
    ///
    /// # Errors
    /// [`Overloaded`] if it took too long after all: the attempt does not count.
    pub async fn verify(self, password: &Password, stored: Option<&PasswordHash>) -> Result<Verdict, Overloaded> {
        let is_outdated = stored.is_some_and(|stored| stored.is_outdated(self.inner.cost));
        let is_right = match stored.map(PasswordHash::form) {
            Some(Form::Bcrypt(bcrypt)) => self.check(password, &bcrypt).await?,
            Some(Form::Foreign(foreign)) => self.check_there(password, &foreign).await?,
            Some(Form::Nothing) | None => self.work_in_vain(password).await?,
        };
        Ok(match (is_right, is_outdated) {
            (false, _) => Verdict::Wrong,
            (true, false) => Verdict::Right,
            (true, true) => Verdict::RightButOutdated,
        })
    }

    async fn check(self, password: &Password, stored: &Bcrypt) -> Result<bool, Overloaded> {
        let (key, counts) = stored.key(password);
        let job = Job { key, salt: stored.salt(), cost: stored.cost(), as_long_as: self.inner.cost.of_bcrypt() };
        let digest = self.place.hash(job).await?;
        Ok(stored.has_digest(&digest) & counts)
    }

    async fn check_there(self, password: &Password, stored: &Foreign) -> Result<bool, Overloaded> {
        let inner = Arc::clone(&self.inner);
        let check = async {
            let _span = traces::child("check a hash of another program", Kind::Internal);
            inner.foreign.check(stored, password).await
        };
        let (is_right, _) = tokio::try_join!(check, self.work_in_vain(password))?;
        Ok(is_right)
    }

    /// Does the work of a check where there is nothing to check against: no password is right.
    async fn work_in_vain(self, password: &Password) -> Result<bool, Overloaded> {
        let inner = Arc::clone(&self.inner);
        self.check(password, &inner.decoy).await.map(|_| false)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.0.cost).field("stats", &self.stats()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(cost: Cost) -> Hasher {
        Hasher::start(HasherSettings { cost, ..HasherSettings::default() }).unwrap()
    }

    fn password(raw: &str) -> Password {
        Password::presented(raw.to_owned())
    }

    /// Made by passlib 1.7.4 with bcrypt 4.0.1 for Python (`passlib.hash.bcrypt` and `bcrypt_sha256`, 4 rounds).
    #[tokio::test]
    async fn hashes_of_passlib_are_checked_alike() {
        let hasher = hasher(Cost::for_tests());
        for (raw, stored) in [
            ("", "$2b$04$NaTAFq9JEvLzCBrG6onU4uN4.58UoiGPUr2QikoozFvnR3s6XnQSu"),
            ("a", "$2b$04$1yF4Z5Xrw4hPWsW2ea1YgOGteI/jAWHWMgW2K1VMoPUWUzzp6ez8."),
            ("a", "$2a$04$F6X7hRMXccXmY0yVQ.9pUehkXXz5zhpJHACdEgawhpa7UNBBvHHgy"),
            ("a", "$2y$04$jsjagRq6zCudXovvBae1VuQC6AewvQ8s0ngYI3jkzuQ5zb5zPmtIO"),
            ("correct horse battery staple", "$2b$04$jdMnaZxNgp72HMaC9RZ6fehje3W6DOrR.GMlvpdFIFy7N1XUHblD2"),
            ("пароль-для-ады", "$2b$04$UeQgsgrUm9Bi3xpj6eqyiOCc/MU.AQC2ve3BvZEYbaL3tZD20WHYe"),
            ("пароль-для-ады", "$2a$04$1rY4RjqVDJhTpIkQ9cIDmuBDeEwY0wIWL5yIvcfYgOTTDMrpQfgJm"),
            ("пароль-для-ады", "$2y$04$7ljrlFP/p/p1CYjuYDGWaeO.rcysoOjz0o5wTT/UuOrqtSbdbt6Ay"),
            (&"x".repeat(71), "$2b$04$.pR2PqatFjfRgr0Bk5NIy.zv1tjB3/M/64/PBzS.3w3Uhou99k9mq"),
            (&"x".repeat(72), "$2b$04$AHDLgNLzldTbe1d05yoUf.RtB0iWaTReChlsKXmkmak8knjKRmGfm"),
            ("", "$bcrypt-sha256$v=2,t=2b,r=4$kKamGGjbxiiwWE.YZt5ltu$6pFyQosu4Dxlhi8Q1O.EfBe.YlDzYVO"),
            (
                "correct horse battery staple",
                "$bcrypt-sha256$v=2,t=2b,r=4$5yGiCRghf5xZAvK.PCo/Ue$yIJm/.VHKu89RlbuuB8cYmY6vzc2x06",
            ),
            (&"x".repeat(73), "$bcrypt-sha256$v=2,t=2b,r=4$Wg2oUGe816RK.XorgVJcye$6tv0c/M51pJlkJhd7lI.dB1aiFp27vW"),
            (&"🐎".repeat(256), "$bcrypt-sha256$v=2,t=2b,r=4$WIP6dlUhY3fCVYWcP/tWM.$5IPTGvEUHsInz6urmGfqlgScgIr63bi"),
            ("nul\0nul", "$bcrypt-sha256$v=2,t=2b,r=4$9AYU0wDzS48BaydNeP96iu$phNcVtdspzUV1lRfEC1FQPyO5LMTm7O"),
            (&"é".repeat(40), "$bcrypt-sha256$v=2,t=2b,r=4$1DwUzwyM9aoK48oFD6r.2e$AK/u990QG1iaatKMLdTQOojjmtD4T6e"),
        ] {
            let stored = PasswordHash::parse(stored).unwrap();
            assert_eq!(hasher.verify(&password(raw), Some(&stored)).await, Ok(Verdict::Right), "{raw:?}");
            let longer = password(&format!("{raw}x"));
            assert_eq!(hasher.verify(&longer, Some(&stored)).await, Ok(Verdict::Wrong), "{raw:?} and an x");
        }
    }

    #[tokio::test]
    async fn what_bcrypt_takes_whole_is_plain_bcrypt_and_nothing_is_cut() {
        let hasher = hasher(Cost::for_tests());
        let long = "x".repeat(72);
        for (raw, prefix) in [
            ("", "$2b$04$"),
            (long.as_str(), "$2b$04$"),
            (&format!("{long}x"), "$bcrypt-sha256$v=2,t=2b,r=4$"),
            (&format!("{long}y"), "$bcrypt-sha256$v=2,t=2b,r=4$"),
            ("nul\0", "$bcrypt-sha256$v=2,t=2b,r=4$"),
            ("nul\0nul", "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ] {
            let hash = hasher.hash(&password(raw)).await.unwrap();

            assert!(hash.as_stored().starts_with(prefix), "{raw:?}");
            assert_eq!(hasher.verify(&password(raw), Some(&hash)).await, Ok(Verdict::Right), "{raw:?}");
            for other in ["x", &long, &format!("{long}x"), &format!("{long}z"), "nul", "nul\0nul\0"] {
                let expected = if raw == other { Verdict::Right } else { Verdict::Wrong };
                assert_eq!(hasher.verify(&password(other), Some(&hash)).await, Ok(expected), "{raw:?}, {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ_and_another_bcrypt_agrees() {
        let hasher = hasher(Cost::for_tests());
        let (first, second) =
            (hasher.hash(&password("a b c")).await.unwrap(), hasher.hash(&password("a b c")).await.unwrap());
        assert_ne!(first.as_stored(), second.as_stored());
        assert!(bcrypt::verify("a b c", first.as_stored()).unwrap());
        assert!(!bcrypt::verify("a b d", second.as_stored()).unwrap());
    }

    /// Made by the original libraries; `tests/fixtures/make_foreign_hashes.py` tells how.
    #[tokio::test]
    async fn hashes_of_other_programs_are_checked_and_to_be_renewed() {
        let hasher = hasher(Cost::for_tests());
        let made: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/foreign_hashes.json")).unwrap();
        for made in made.as_array().unwrap().iter().filter(|made| !made["scheme"].as_str().unwrap().contains("default"))
        {
            let [raw, stored] = ["password", "hash"].map(|key| made[key].as_str().unwrap());
            let hash = PasswordHash::parse(stored).unwrap();

            let right = hasher.verify(&password(raw), Some(&hash)).await;
            let wrong = hasher.verify(&password(&format!("{raw}x")), Some(&hash)).await;

            // passlib's bcrypt_sha256 is our own form.
            let is_ours = stored.starts_with("$bcrypt-sha256$");
            assert_eq!(right, Ok(if is_ours { Verdict::Right } else { Verdict::RightButOutdated }), "{stored}");
            assert_eq!(wrong, Ok(Verdict::Wrong), "{stored}");
        }
    }

    #[tokio::test]
    async fn where_no_password_is_right_every_one_is_wrong() {
        let hasher = hasher(Cost::for_tests());
        for raw in ["", "!", "correct horse battery staple"] {
            assert_eq!(hasher.verify(&password(raw), Some(&PasswordHash::nothing())).await, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn nobodys_password_is_wrong() {
        let hasher = hasher(Cost::for_tests());
        for raw in ["", "correct horse battery staple", "nul\0", &"x".repeat(100)] {
            assert_eq!(hasher.verify(&password(raw), None).await, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn a_hash_of_a_lower_cost_is_right_but_outdated() {
        let stored = hasher(Cost::for_tests()).hash(&password("correct horse")).await.unwrap();
        let hasher = hasher(Cost::ABOVE_FOR_TESTS);

        assert_eq!(hasher.verify(&password("correct horse"), Some(&stored)).await, Ok(Verdict::RightButOutdated));
        assert_eq!(hasher.verify(&password("correct house"), Some(&stored)).await, Ok(Verdict::Wrong));
        let anew = hasher.hash(&password("correct horse")).await.unwrap();
        assert!(anew.as_stored().starts_with("$2b$05$"));
        assert_eq!(hasher.verify(&password("correct horse"), Some(&anew)).await, Ok(Verdict::Right));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_threads_are_nice() {
        let hasher = hasher(Cost::for_tests());
        assert!(hasher.hash(&password("a")).await.is_ok());

        let nice = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
            let (name, fields) = stat.rsplit_once(") ")?;
            // proc(5): the 19th field; the first two are before the bracket.
            name.contains("(hash-").then(|| fields.split(' ').nth(16).map(str::to_owned))?
        });

        assert!(nice.into_iter().any(|nice| nice == "19"));
    }
}
