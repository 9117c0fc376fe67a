//! Certificates for tests: an authority that signs what it is asked to, also what is no good.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd,
};

/// The name that the certificates are for.
pub(crate) const NAME: &str = "auth.example.com";

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

    /// A certificate that is valid from one year to another, and its key, in PEM.
    pub(crate) fn issue(&self, (from, until): (i32, i32)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = called("Test server");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem() + &self.pem(), key.serialize_pem())
    }

    /// Writes a good certificate and its key into these files; answers the certificate's DER.
    pub(crate) fn renew(&self, certificate: &Path, key: &Path) -> Vec<u8> {
        let (certificate_pem, key_pem) = self.issue((2020, 2100));
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
