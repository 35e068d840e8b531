//! A certificate authority of a test, and the certificates of servers that it signs, or should not have.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// Certificate of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// A valid one for `localhost`.
    Valid,
    Expired,
    NotYetValid,
    /// One for `other.example`.
    OtherName,
    /// One that the server signed itself.
    SelfSigned,
    /// Bytes that are no certificate.
    Nonsense,
}

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Certificate in PEM.
    pub pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("is made");
        let mut parameters = CertificateParams::new(Vec::new()).expect("has no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has a key of its own, and so a name of its own.
        let name = format!(
            "Authority {:x}",
            key.subject_public_key_info()
                .iter()
                .fold(0u64, |sum, byte| {
                    sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
                })
        );
        parameters.distinguished_name.push(DnType::CommonName, name);
        let pem = parameters.self_signed(&key).expect("is signed").pem();
        Self {
            issuer: Issuer::new(parameters, key),
            pem,
        }
    }

    /// Configuration of a server that offers these protocols by ALPN.
    pub(crate) fn server(&self, certificate: Certificate, protocols: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("is made");
        let name = match certificate {
            Certificate::OtherName => "other.example",
            _ => "localhost",
        };
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("is a name");
        match certificate {
            Certificate::Expired => {
                parameters.not_before = date_time_ymd(2001, 1, 1);
                parameters.not_after = date_time_ymd(2002, 1, 1);
            }
            Certificate::NotYetValid => parameters.not_before = date_time_ymd(3000, 1, 1),
            _ => {}
        }
        let signed = match certificate {
            Certificate::Nonsense => CertificateDer::from(b"no certificate".to_vec()),
            Certificate::SelfSigned => parameters
                .self_signed(&key)
                .expect("is signed")
                .der()
                .clone(),
            _ => parameters
                .signed_by(&key, &self.issuer)
                .expect("is signed")
                .der()
                .clone(),
        };
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let private = any_supported_type(&private).expect("is a key");
        let own = CertifiedKey::new(vec![signed], private);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("has versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }
}
