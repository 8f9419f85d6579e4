//! Our own certificate, for those who have no proxy in front. Renewed files are taken without a restart.
use crate::Tls;
use std::{
    fs, io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificate in use.
pub(crate) struct Certificate {
    files: Tls,
    state: Mutex<State>,
}

struct State {
    acceptor: TlsAcceptor,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Certificate {
    pub(crate) fn load(files: Tls) -> io::Result<Certificate> {
        let changed = changed(&files);
        let state = State { acceptor: load(&files)?, changed, looked: Instant::now() };
        Ok(Certificate { files, state: Mutex::new(state) })
    }

    /// What new connections are to use. When newer files cannot be used, the reason comes with the old ones.
    pub(crate) fn acceptor(&self) -> (TlsAcceptor, Option<io::Error>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() < LOOK {
            return (state.acceptor.clone(), None);
        }
        state.looked = Instant::now();
        let now = changed(&self.files);
        if now == state.changed {
            return (state.acceptor.clone(), None);
        }
        state.changed = now;
        match load(&self.files) {
            Ok(it) => {
                state.acceptor = it;
                (state.acceptor.clone(), None)
            }
            Err(err) => (state.acceptor.clone(), Some(err)),
        }
    }
}

fn changed(files: &Tls) -> Option<SystemTime> {
    let time = |it| fs::metadata(it).and_then(|it| it.modified()).ok();
    time(&files.certificates).max(time(&files.key))
}

fn load(files: &Tls) -> io::Result<TlsAcceptor> {
    let pem = |path: &std::path::Path| {
        fs::read(path)
            .map_err(|err| io::Error::new(err.kind(), format!("{}: {err}", path.display())))
    };
    let bad = |path: &std::path::Path, why: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
    };
    let chain = CertificateDer::pem_slice_iter(&pem(&files.certificates)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|err| bad(&files.certificates, &err))?;
    let key =
        PrivateKeyDer::from_pem_slice(&pem(&files.key)?).map_err(|err| bad(&files.key, &err))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|err| bad(&files.key, &err))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|err| bad(&files.certificates, &err))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
