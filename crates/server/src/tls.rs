//! TLS: certificates from files or of our own making.

use fieldstone_engine::private_file;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Years that a certificate of our own making is good for.
const YEARS: i16 = 10;

/// Marks requests that came over TLS; links in their answers say `https`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads a chain of certificates and its key from PEM files. Errors name the file.
    pub fn read(cert: &Path, key: &Path) -> Result<Tls, String> {
        let wrong = |path: &Path, what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|e| wrong(cert, &format!("cannot read certificates: {e}")))?;
        if chain.is_empty() {
            return Err(wrong(cert, &"holds no certificate"));
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|e| wrong(key, &format!("cannot read a private key: {e}")))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| format!("TLS: {e}"))?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|e| wrong(cert, &format!("does not go with {}: {e}", key.display())))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The certificate that `folder` keeps, made for `names` (hosts and addresses) when there is none yet; and the file that
    /// clients must trust. Removing the folder makes a new one.
    pub fn self_signed(folder: &Path, names: &[String]) -> Result<(Tls, PathBuf), String> {
        let [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
        if ![&ca, &cert, &key].iter().all(|path| path.exists()) {
            make(&ca, &cert, &key, names)
                .map_err(|e| format!("cannot make a certificate in {}: {e}", folder.display()))?;
        }
        Ok((Tls::read(&cert, &key)?, ca))
    }
}

/// An authority whose key is forgotten at once, and the one certificate that it ever signs: a server's certificate that is its
/// own authority is refused by some clients, and one that is none by others.
fn make(ca: &Path, cert: &Path, key: &Path, names: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    };
    use rcgen::{KeyPair, KeyUsagePurpose};
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let day = |year: i16| rcgen::date_time_ymd(i32::from(year), today.month() as u8, 1);
    let params = |names: &[String], name: &str| -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = day(today.year());
        params.not_after = day(today.year() + YEARS);
        Ok(params)
    };
    let mut authority = params(&[], "fieldstone, for this server alone")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut server = params(names, "fieldstone")?;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let pair = KeyPair::generate()?;
    let made = server.signed_by(&pair, &authority)?;
    if let Some(folder) = key.parent() {
        std::fs::create_dir_all(folder)?;
    }
    private_file().truncate(true).open(key)?.write_all(pair.serialize_pem().as_bytes())?;
    std::fs::write(ca, authority.pem())?;
    std::fs::write(cert, made.pem())?;
    Ok(())
}
