//! The root secret that a machine under development makes for itself.
//!
//! It is made once, on loopback only, and kept in the data directory for its owner alone. It never replaces one
//! that exists, and is not used where the settings hold another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::data_dir::{self, ANOTHER_DIRECTORY, DataDirError};
use super::{Config, RootSecrets};

/// Where the root secret came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RootSecretOrigin {
    /// The settings.
    Configured,
    /// This file in the data directory, which an earlier start made: to be warned about.
    Kept(PathBuf),
    /// This file in the data directory, just made: to be warned about.
    Made(PathBuf),
}

/// Returns the root secret: the one in the settings, or the one in the data directory, made where it is missing.
///
/// For a server whose [`Exposure`](super::Exposure) has been decided: off loopback there is always one in the settings.
///
/// # Errors
/// [`RootSecretError`] names the file and what to do.
pub fn obtain(config: &Config) -> Result<(RootSecrets, RootSecretOrigin), RootSecretError> {
    if let Some(secrets) = &config.service.secret_key {
        return Ok((secrets.clone(), RootSecretOrigin::Configured));
    }
    data_dir::create(&config.service.data_dir)?;
    let path = path(&config.service.data_dir);
    if let Some(secrets) = read(&path)? {
        return Ok((secrets, RootSecretOrigin::Kept(path)));
    }
    keep(&path, &generate()).map_err(|source| RootSecretError::Unwritable { path: path.clone(), source })?;
    // Read back rather than returned: another process may have been first.
    match read(&path)? {
        Some(secrets) => Ok((secrets, RootSecretOrigin::Made(path))),
        None => Err(RootSecretError::Unwritable { path, source: io::ErrorKind::NotFound.into() }),
    }
}

/// Returns the root secret of the settings, or the one that an earlier start made; makes none.
///
/// # Errors
/// [`RootSecretError`] names the file that cannot be read.
pub fn existing(config: &Config) -> Result<Option<RootSecrets>, RootSecretError> {
    match &config.service.secret_key {
        Some(secrets) => Ok(Some(secrets.clone())),
        None => read(&path(&config.service.data_dir)),
    }
}

/// Makes a root secret: 32 random bytes in base64url, which no shell or URL needs to quote.
#[must_use]
pub fn generate() -> Zeroizing<String> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes))
}

/// Why there is no root secret.
#[derive(Debug, thiserror::Error)]
pub enum RootSecretError {
    /// The file exists and cannot be read.
    #[error("cannot read the root secret {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The file system's reason.
        source: io::Error,
    },
    /// The file does not exist and cannot be made.
    #[error("cannot write the root secret {}: {source}; {ANOTHER_DIRECTORY}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The file system's reason.
        source: io::Error,
    },
    /// There is no directory for it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Others than its owner can read or change it.
    #[error("the root secret {path} is open to other users of this machine; if none has read it: chmod 600 {path}", path = .0.display())]
    Open(PathBuf),
    /// Its content is no root secret.
    #[error("the root secret {} {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The file of a data directory that holds the root secret, if the settings have none.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("secret_key")
}

fn read(path: &Path) -> Result<Option<RootSecrets>, RootSecretError> {
    let unreadable = |source| RootSecretError::Unreadable { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(RootSecretError::Open(path.to_owned()));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    let malformed = |reason| RootSecretError::Malformed { path: path.to_owned(), reason };
    RootSecrets::parse(&text).map(Some).map_err(malformed)
}

/// Writes the file whole or not at all: two servers that start together must agree on one secret, and a loss of
/// power must not leave half of one.
fn keep(path: &Path, secret: &str) -> io::Result<()> {
    let draft = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let written = write(&draft, secret).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    written?;
    removed?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

/// The permission bits of everyone but the owner.
const OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use super::*;

    fn on_loopback(data_dir: &Path) -> Config {
        let mut config = Config::default();
        data_dir.join("deep/data").clone_into(&mut config.service.data_dir);
        config
    }

    fn material(secrets: &RootSecrets) -> Vec<u8> {
        secrets.sealing().expose().to_vec()
    }

    #[test]
    fn a_missing_secret_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let config = on_loopback(directory.path());
        let path = config.service.data_dir.join("secret_key");

        let (first, made) = obtain(&config).unwrap();
        let (second, kept) = obtain(&config).unwrap();

        assert_eq!((made, kept), (RootSecretOrigin::Made(path.clone()), RootSecretOrigin::Kept(path.clone())));
        assert_eq!(material(&first), material(&second));
        assert_eq!(material(&first).len(), 32);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&config.service.data_dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&config.service.data_dir).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn servers_that_start_together_agree_on_one_secret() {
        let directory = tempfile::tempdir().unwrap();
        let config = on_loopback(directory.path());
        data_dir::create(&config.service.data_dir).unwrap();
        let path = config.service.data_dir.join("secret_key");

        keep(&path, &"first".repeat(8)).unwrap();
        keep(&path, &"second".repeat(8)).unwrap();

        assert_eq!(material(&obtain(&config).unwrap().0), "first".repeat(8).into_bytes());
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let config = on_loopback(directory.path());
        obtain(&config).unwrap();
        let path = config.service.data_dir.join("secret_key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();

        let refused = obtain(&config).unwrap_err();

        assert!(refused.to_string().contains(&format!("chmod 600 {}", path.display())), "{refused}");
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_told_in_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let config = on_loopback(directory.path());
        fs::write(directory.path().join("deep"), "").unwrap();

        let refused = obtain(&config).unwrap_err().to_string();

        assert!(refused.contains("COUNTERSIGN_DATA_DIR") && !refused.contains('\n'), "{refused}");
    }
}
