//! Certificates for tests: an authority that signs what it is asked to, also what is no good.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd,
};

/// The name that the certificates are for.
pub(crate) const NAME: &str = "auth.example.com";

/// The beginning of a year, in seconds since 1970.
pub(crate) const YEAR_2020: u64 = 1_577_836_800;
pub(crate) const YEAR_2021: u64 = 1_609_459_200;
pub(crate) const YEAR_2099: u64 = 4_070_908_800;
pub(crate) const YEAR_2100: u64 = 4_102_444_800;

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = called("Test authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What clients have to trust, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate that is valid from one second since 1970 to another, and its key, in PEM.
    pub(crate) fn issue(&self, from: u64, until: u64) -> (String, String) {
        let instant = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = called("Test server");
        params.not_before = instant(from);
        params.not_after = instant(until);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem() + &self.pem(), key.serialize_pem())
    }

    /// Writes a good certificate and its key into these files; answers the certificate's DER.
    pub(crate) fn renew(&self, certificate: &Path, key: &Path) -> Vec<u8> {
        let (certificate_pem, key_pem) = self.issue(YEAR_2020, YEAR_2100);
        // As what renews certificates does it: each file whole, one after the other.
        for (path, text) in [(certificate, &certificate_pem), (key, &key_pem)] {
            let draft = path.with_extension("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(draft, path).unwrap();
        }
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(certificate_pem.as_bytes());
        let der: rustls::pki_types::CertificateDer<'static> = der.unwrap();
        der.to_vec()
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
