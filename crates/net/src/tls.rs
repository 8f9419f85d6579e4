//! Whom to trust, and who we are.
use crate::{Error, Host, Identity};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// The system's certificate authorities; none where the system has none.
pub(crate) fn system_roots() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().map(|it| Certificate::from_der(it).to_owned()).collect()
}

/// The TLS settings of `host`.
pub(crate) fn config(host: &Host, system: &[Certificate<'static>]) -> Result<TlsConfig, Error> {
    let mut roots = certificates(&host.authorities, "the certificate authorities")?;
    roots.extend(system.iter().cloned());
    if roots.is_empty() && !host.insecure {
        let text =
            "no certificate authorities on this system; install ca-certificates, or name some";
        return Err(Error::Settings(text.to_owned()));
    }
    let provider = Arc::new(ring::default_provider());
    let identity =
        host.identity.as_ref().map(|it| client_certificate(it, &provider)).transpose()?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .client_cert(identity)
        .disable_verification(host.insecure)
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// The same for connections that are not HTTP.
pub(crate) fn plain_config(
    host: &Host,
    system: &[Certificate<'static>],
) -> Result<Arc<ClientConfig>, Error> {
    if host.insecure {
        let text = "mail is only sent to servers with a certificate that can be verified; name its authority";
        return Err(Error::Settings(text.to_owned()));
    }
    let mut roots = RootCertStore::empty();
    let named = certificates(&host.authorities, "the certificate authorities")?;
    for it in named.iter().chain(system) {
        // One of the system's that cannot be used is as good as none.
        drop(roots.add(CertificateDer::from(it.der().to_vec())));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|err| Error::Settings(err.to_string()))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Checked here because the connection would panic on a key that is not the certificate's.
fn client_certificate(it: &Identity, provider: &CryptoProvider) -> Result<ClientCert, Error> {
    let chain = certificates(&it.certificates, "the client certificate")?;
    let der = chain.iter().map(|it| CertificateDer::from(it.der().to_vec())).collect();
    let pem = it.key.reveal().as_bytes();
    let bad = |why: &dyn std::fmt::Display| Error::Settings(format!("the client key: {why}"));
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|it| bad(&it))?;
    CertifiedKey::from_der(der, key, provider).map_err(|it| bad(&it))?;
    let key = PrivateKey::from_pem(pem).map_err(|it| bad(&it))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<Certificate<'static>>, Error> {
    let mut out = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(it)) => out.push(it),
            Ok(_) => {}
            Err(error) => return Err(Error::Settings(format!("{what}: {error}"))),
        }
    }
    if out.is_empty() && !pem.is_empty() {
        return Err(Error::Settings(format!("{what}: no PEM certificate in it")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn unusable_settings_are_refused_with_a_reason() {
        let check = |host: Host, word: &str| {
            let error = config(&host, &[]).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        check(Host::default(), "ca-certificates");
        check(Host { authorities: b"none".to_vec(), ..Host::default() }, "no PEM certificate");
        let identity = Identity { certificates: b"none".to_vec(), key: Secret::new("none") };
        let host = Host { insecure: true, identity: Some(identity), ..Host::default() };
        check(host, "client certificate");
    }
}
