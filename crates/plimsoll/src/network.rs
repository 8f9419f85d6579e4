//! How registries are reached: from the arguments, the environment and Docker's configuration.
use crate::args::{Network, Patience};
use net::{Client, Host, Identity, Limits, Proxies, Retries, Secret, Settings, Timeouts};
use registry::{Credential, Keychain, PlatformChoice, Reference, RegistrySource, run_helper};
use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The image of this name in a registry, or in its mirrors.
pub(crate) fn image(
    image: &str,
    platform: PlatformChoice,
    mirrors: &[String],
    network: &Network,
) -> Result<RegistrySource, String> {
    let (reference, keys, client) = reach(image, mirrors, network)?;
    RegistrySource::mirrored(reference, platform, mirrors, keys, client)
        .map_err(|err| format!("{image}: {err}"))
}

/// What `name` names in a registry, and how that and its mirrors are reached.
pub(crate) fn reach(
    name: &str,
    mirrors: &[String],
    network: &Network,
) -> Result<(Reference, Arc<Keychain>, Client), String> {
    let reference = Reference::parse(name).map_err(|err| format!("{name}: {err}"))?;
    let mut settings = settings(&network.patience);
    let mirrors = mirrors.iter().map(|it| it.split('/').next().unwrap_or(it));
    for host in mirrors.chain([reference.host()]) {
        settings.hosts.insert(host.to_ascii_lowercase(), self::host(network)?);
    }
    let client = Client::new(settings).map_err(|err| err.to_string())?;
    let keys = Arc::new(keychain(&reference, network)?);
    Ok((reference, keys, client))
}

/// What holds for every host: a registry sends us to others for tokens and layers.
pub(crate) fn settings(patience: &Patience) -> Settings {
    let variable = |name: &str| {
        let lower = env::var(name.to_ascii_lowercase());
        lower.or_else(|_| env::var(name)).ok().filter(|it| !it.is_empty())
    };
    let except = variable("NO_PROXY").unwrap_or_default();
    let proxies = Proxies {
        // In upper case it could come from a web server's request (httpoxy, CVE-2016-5385).
        http: env::var("http_proxy").ok().filter(|it| !it.is_empty()).map(Secret::new),
        https: variable("HTTPS_PROXY").map(Secret::new),
        except: except.split(',').map(|it| it.trim().to_owned()).collect(),
    };
    Settings {
        proxies,
        timeouts: Timeouts::of(Duration::from_secs(patience.timeout)),
        retries: Retries { tries: patience.tries, ..Retries::default() },
        ..Settings::default()
    }
}

fn host(network: &Network) -> Result<Host, String> {
    let read = |path: &PathBuf| fs::read(path).map_err(|err| format!("{}: {err}", path.display()));
    let identity = match (&network.cert, &network.key) {
        (Some(cert), Some(key)) => {
            let key = String::from_utf8(read(key)?)
                .map_err(|_| format!("{}: not a PEM file", key.display()))?;
            Some(Identity { certificates: read(cert)?, key: Secret::new(key) })
        }
        _ => None,
    };
    Ok(Host {
        plain: network.plain_http.then_some(true),
        authorities: network.ca.as_ref().map(read).transpose()?.unwrap_or_default(),
        identity,
        insecure: network.insecure,
        limits: network.rate.map(|per_second| Limits { per_second, ..Limits::default() }),
        ..Host::default()
    })
}

fn keychain(reference: &Reference, network: &Network) -> Result<Keychain, String> {
    let mut keychain = Keychain::new();
    if let Some(path) = docker_config().filter(|it| it.exists()) {
        let name = path.display();
        let bytes = fs::read(&path).map_err(|err| format!("{name}: {err}"))?;
        keychain = keychain
            .with_config(&bytes, Some(Box::new(run_helper)))
            .map_err(|err| format!("{name}: {err}"))?;
    }
    let Some(user) = &network.username else { return Ok(keychain) };
    let password = if network.password_stdin {
        let mut text = String::new();
        io::stdin().take(64 << 10).read_to_string(&mut text).map_err(|err| err.to_string())?;
        text.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        env::var("PLIMSOLL_PASSWORD").map_err(|_| {
            "--username needs a password: --password-stdin, or PLIMSOLL_PASSWORD in the environment"
                .to_owned()
        })?
    };
    let credential = Credential::Basic { user: user.clone(), password: Secret::new(password) };
    Ok(keychain.with(reference.registry(), credential))
}

/// Where Docker keeps what `docker login` was told.
fn docker_config() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let home = || Some(Path::new(&env::var_os("HOME")?).join(".docker"));
    Some(directory.or_else(home)?.join("config.json"))
}
