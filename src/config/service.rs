//! Where the service lives: the settings at the top of the file, outside any section.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::public_url::PublicUrl;
use super::secret::RootSecrets;
use super::section::section;

section! {
    /// Where the service listens, what it is called from outside, and where it keeps its files.
    pub struct Service in "" {
        /// The address to listen on.
        ///
        /// A loopback address is the development mode: plain HTTP is fine and a missing root secret is made. On any
        /// other address the server asks for `secret_key`, and for TLS: its own (`http.tls_cert`, `http.tls_key`), or a
        /// `public_url` that begins with `https://` together with `http.trusted_proxies`. Port 0 picks a free one, which
        /// is logged. A socket that the service manager hands over takes the place of this address.
        pub listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8000));

        /// The address that clients use: the issuer of every token and the base of every link in a mail.
        ///
        /// Default: `http://`, or `https://` with TLS of its own, and the address that was bound. Changing it ends the validity of all access tokens.
        pub public_url: Option<PublicUrl> = None;

        /// The directory for whatever the service keeps in files; created with mode 0700.
        pub data_dir: PathBuf = PathBuf::from("./countersign-data");

        /// The root secret, under which signing keys and other secrets in the database are sealed.
        ///
        /// At least 32 bytes in base64 or hex, or 32 characters; `countersign generate secret` makes one. A list
        /// separated by commas rotates it: the first seals, all open. On loopback a missing one is made once and
        /// kept in the data directory. Without it the sealed part of a database is lost: keep a copy.
        pub secret_key: Option<RootSecrets> = None;
    }
}
