//! What a command works on: the database of the settings, with everything in it readable.

use std::num::NonZeroU32;

use super::settings::SettingsArguments;
use crate::{
    admin::users::Desk,
    audit::Scribe,
    clock::Clock,
    config::{self, Config, data_dir, root_secret},
    crypto::{Cost, Hasher, HasherSettings, mac::MacKey, seal::Sealer},
    database::{Database, DatabaseSettings, Paging},
    domain::Timestamp,
    keys::{self, Keeper},
};

/// A database that a command has opened, beside servers that may be running on it.
pub(super) struct Opened {
    /// The settings.
    pub(super) config: Config,
    /// The database.
    pub(super) database: Database,
    sealer: Sealer,
    clock: Clock,
}

impl Opened {
    pub(super) async fn open(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::open_by(settings, Paging::Mapped).await
    }

    /// For a command that goes through the whole database.
    pub(super) async fn open_for_all(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::open_by(settings, Paging::Copied).await
    }

    async fn open_by(settings: &SettingsArguments, paging: Paging) -> anyhow::Result<Self> {
        let config = config::load(&settings.sources())?.config;
        data_dir::create_if_used(&config)?;
        let (secrets, _) = root_secret::obtain(&config)?;
        let sealer = Sealer::under(&secrets)?;
        let database = Database::connect(&DatabaseSettings { paging, ..(&config).into() }).await?;
        database.migrate().await?;
        Ok(Self { config, database, sealer, clock: Clock::system() })
    }

    /// The key of the audit log.
    pub(super) async fn trail(&self) -> anyhow::Result<MacKey> {
        Ok(keys::secrets::trail_key(self.keeper()).await?)
    }

    /// What writes events down.
    pub(super) fn scribe<'a>(&self, trail: &'a MacKey) -> Scribe<'a> {
        Scribe { key: trail, now: self.now() }
    }

    /// What administration is done with.
    pub(super) fn desk<'a>(&'a self, trail: &'a MacKey) -> Desk<'a> {
        Desk { database: &self.database, scribe: self.scribe(trail), metrics: None }
    }

    /// What hashes a password as a server would.
    pub(super) fn hasher(&self) -> anyhow::Result<Hasher> {
        let cost = Cost::new(u8::try_from(self.config.passwords.bcrypt_cost)?)?;
        Ok(Hasher::start(HasherSettings { cost, threads: NonZeroU32::MIN, ..HasherSettings::default() })?)
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What keys are kept with. Issuer and audience do not matter to keys that sign nothing here.
    pub(super) fn keeper(&self) -> Keeper<'_> {
        Keeper {
            database: &self.database,
            sealer: &self.sealer,
            config: &self.config,
            issuer: "",
            audience: "",
            now: self.clock.now(),
        }
    }
}
