//! What a command works on: the database of the settings, with everything in it readable.
//!
//! A command that looks at something, or changes what is there, makes nothing: in the wrong directory it would find an
//! empty database of its own making, and say that there are no users.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use super::settings::SettingsArguments;
use crate::{
    admin::users::Desk,
    audit::{self, Scribe},
    clock::Clock,
    config::{self, Config, DatabaseUrl, RootSecrets, data_dir, root_secret},
    crypto::{Cost, DigestKey, Hasher, HasherSettings, mac::MacKey, seal::Sealer},
    database::{Database, DatabaseSettings, Migration, Paging},
    domain::Timestamp,
    keys::{self, Keeper},
    models::sealed_secret::SealedSecret,
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
    /// Opens what is there; refuses where no server has begun.
    pub(super) async fn open(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::there(settings, Paging::Mapped).await
    }

    /// The same, for a command that goes through the whole database.
    pub(super) async fn open_for_all(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::there(settings, Paging::Copied).await
    }

    /// Opens what is there, or makes it as the first start of a server would.
    pub(super) async fn begin(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::made(settings, Paging::Mapped).await
    }

    /// The same, for a command that goes through the whole database.
    pub(super) async fn begin_for_all(settings: &SettingsArguments) -> anyhow::Result<Self> {
        Self::made(settings, Paging::Copied).await
    }

    /// For what leaves no trace: opens what is there, or else an empty database that ends with the command.
    pub(super) async fn rehearse(settings: &SettingsArguments) -> anyhow::Result<Self> {
        let config = config::load(&settings.sources())?.config;
        match config.database_url() {
            DatabaseUrl::Sqlite(path) if !is_there(&path)? => Self::in_memory(config).await,
            DatabaseUrl::Sqlite(_) | DatabaseUrl::SqliteInMemory | DatabaseUrl::Postgres(_) => {
                Self::there(settings, Paging::Copied).await
            }
        }
    }

    async fn in_memory(config: Config) -> anyhow::Result<Self> {
        let url = DatabaseUrl::SqliteInMemory.into();
        let database = Database::connect(&DatabaseSettings { url, ..(&config).into() }).await?;
        database.migrate().await?;
        let secrets = RootSecrets::parse(&root_secret::generate()).map_err(anyhow::Error::msg)?;
        Self::under(&secrets, config, database)
    }

    async fn there(settings: &SettingsArguments, paging: Paging) -> anyhow::Result<Self> {
        let config = config::load(&settings.sources())?.config;
        if let DatabaseUrl::Sqlite(path) = config.database_url() {
            must_exist(&path)?;
        }
        let database = Database::connect(&DatabaseSettings { paging, ..(&config).into() }).await?;
        must_be_whole(&database.migrations().await?)?;
        let secrets = root_secret::existing(&config)?.context(NO_SECRET)?;
        Self::under(&secrets, config, database)
    }

    async fn made(settings: &SettingsArguments, paging: Paging) -> anyhow::Result<Self> {
        let config = config::load(&settings.sources())?.config;
        data_dir::create_if_used(&config)?;
        let database = Database::connect(&DatabaseSettings { paging, ..(&config).into() }).await?;
        let migrations = database.migrations().await?;
        if migrations.iter().all(is_missing) {
            database.migrate().await?;
        } else {
            must_be_whole(&migrations)?;
        }
        let secrets = match root_secret::existing(&config)? {
            Some(secrets) => secrets,
            // One that is made here opens nothing that is sealed already.
            None if SealedSecret::find(&database, audit::SEED).await?.is_some() => bail!(NO_SECRET),
            None => root_secret::obtain(&config)?.0,
        };
        Self::under(&secrets, config, database)
    }

    fn under(secrets: &RootSecrets, config: Config, database: Database) -> anyhow::Result<Self> {
        Ok(Self { config, database, sealer: Sealer::under(secrets)?, clock: Clock::system() })
    }

    /// The key of the audit log.
    pub(super) async fn trail(&self) -> anyhow::Result<MacKey> {
        Ok(keys::secrets::trail_key(self.keeper()).await?)
    }

    /// What writes events down.
    pub(super) fn scribe<'a>(&self, trail: &'a MacKey) -> Scribe<'a> {
        Scribe { key: trail, now: self.now() }
    }

    /// The keys that administration needs.
    pub(super) async fn desk_keys(&self) -> anyhow::Result<DeskKeys> {
        let digests = DigestKey::derived_from(&keys::secrets::refresh_token_key(self.keeper()).await?);
        Ok(DeskKeys { trail: self.trail().await?, digests })
    }

    /// What administration is done with.
    pub(super) fn desk<'a>(&'a self, DeskKeys { trail, digests }: &'a DeskKeys) -> Desk<'a> {
        Desk { database: &self.database, scribe: self.scribe(trail), digests, metrics: None }
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

/// The keys of the audit log, and of what is counted.
pub(super) struct DeskKeys {
    trail: MacKey,
    digests: DigestKey,
}

/// Refuses a schema of an older release: servers of that release may be running on it.
fn must_be_whole(migrations: &[Migration]) -> anyhow::Result<()> {
    match migrations.iter().find(|migration| is_missing(migration)) {
        Some(Migration { name, .. }) => {
            bail!("the schema lacks {name}; countersign migrate brings it up to date, or a server's start")
        }
        None => Ok(()),
    }
}

fn is_missing(migration: &Migration) -> bool {
    migration.applied_at.is_none()
}

/// Refuses a file of a database that is not there.
pub(super) fn must_exist(path: &Path) -> anyhow::Result<()> {
    if is_there(path)? {
        return Ok(());
    }
    bail!("there is no database at {}; {AS_THE_SERVER}", in_full(path).display())
}

/// Whether there is a file. Refuses to tell where whoever asks may not look.
pub(super) fn is_there(path: &Path) -> anyhow::Result<bool> {
    path.try_exists().map_err(|error| anyhow!("cannot look at {}: {error}; {AS_ITS_USER}", in_full(path).display()))
}

/// So that whoever stands in the wrong directory sees it.
fn in_full(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

const AS_THE_SERVER: &str =
    "give the settings that the server has: its directory, its environment, --config or --data-dir";

const AS_ITS_USER: &str = "run this as the user that the server runs as";

const NO_SECRET: &str = "there is no root secret here: give COUNTERSIGN_SECRET_KEY the one that the server has";
