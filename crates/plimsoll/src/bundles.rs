//! `plimsoll db malware`: bundles of rules and lists against malicious files; and the rules that one scan is given.
use crate::{
    args::{
        BuildArguments, Format, MalwareCommand, OutArguments, Patience, PublishedArguments, Target,
        TrustArguments,
    },
    network, places,
    scan::print,
};
use jiff::Timestamp;
use malware::{
    Packages,
    bundle::{Kind, MOST_BYTES},
};
use net::{Client, Request, Url};
use scan::bundles::{
    Bundles, Content, Fetched, InUse, Named, SigningKey, Trust, key_id, pack, public_key,
};
use serde_json::json;
use std::{fs, io::Write as _, path::Path, process::ExitCode, sync::Arc};
use tempfile::NamedTempFile;

pub(crate) fn run(command: &MalwareCommand) -> Result<ExitCode, String> {
    let bundles = Bundles::new(&places::data());
    let text = match command {
        MalwareCommand::Status { format } => status(&bundles, *format)?,
        MalwareCommand::Import { file, trust } => {
            let taken = bundles.import(file, trusted(trust)?);
            taken.map(|it| describe(&it)).map_err(|err| err.to_string())?
        }
        MalwareCommand::Update { url, trust, patience } => update(&bundles, url, trust, patience)?,
        MalwareCommand::Rollback { packages } => {
            let bundles = if *packages { bundles.of_packages() } else { bundles };
            let now = bundles.rollback().map_err(|err| err.to_string())?;
            format!("{} is in use again.\n", title(&now))
        }
        MalwareCommand::Build(it) => build(it)?,
        MalwareCommand::Published(it) => published(it)?,
        MalwareCommand::Keygen { file } => {
            let key = SigningKey::generate(file).map_err(|err| err.to_string())?;
            let (id, file) = (key_id(&key.public()), file.display());
            format!("The key {id} is in {file}, its public key in {file}.pub.\n")
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The bundle that layers are inspected with, if there is one, and what is known of packages.
pub(crate) fn in_use(data: &Path) -> Result<(Vec<Named>, Arc<Packages>), String> {
    let bundles = Bundles::new(data);
    let current = bundles.current().map_err(|err| err.to_string())?;
    let packages = bundles.packages().map_err(|err| err.to_string())?;
    Ok((current.into_iter().map(|it| it.named).collect(), Arc::new(packages)))
}

/// Rules and lists that are for one scan, as a bundle that is gone afterwards.
pub(crate) struct Own {
    pub(crate) named: Named,
    _file: NamedTempFile,
}

/// What a scan is given of its own, once it has been checked.
pub(crate) fn own(target: &Target) -> Result<Option<Own>, String> {
    if target.rules.is_empty() && target.hashes.is_empty() && target.keys.is_empty() {
        return Ok(None);
    }
    // The same rules make the same bundle, so that a layer is not inspected again.
    let mut content = Content::default();
    for (number, it) in target.rules.iter().enumerate() {
        let place = format!("rules/{number}/");
        content.add_rules(it, &place, &[]).map_err(|err| err.to_string())?;
    }
    let lists =
        [(&target.hashes, "hashes/bad", Kind::BadHashes), (&target.keys, "keys", Kind::Keys)];
    for (files, folder, kind) in lists {
        for (number, it) in files.iter().enumerate() {
            let place = format!("{folder}/{number}/");
            content.add_file(it, &place, kind, &[]).map_err(|err| err.to_string())?;
        }
    }
    tell(&content);
    let bytes = pack(&content, None).map_err(|err| err.to_string())?;
    let unwritten = |err: std::io::Error| format!("a temporary file: {err}");
    let mut file = NamedTempFile::new().map_err(unwritten)?;
    file.write_all(&bytes).map_err(unwritten)?;
    let named = Named::new(file.path(), &bytes);
    Ok(Some(Own { named, _file: file }))
}

fn status(bundles: &Bundles, format: Format) -> Result<String, String> {
    let in_use = |it: &Bundles| it.current().map_err(|err| err.to_string());
    let packages = bundles.of_packages();
    let (rules, published) = (in_use(bundles)?, in_use(&packages)?);
    if let Format::Json = format {
        let text = serde_json::to_string_pretty(&json!({
            "bundle": rules.as_ref().map(facts), "kept": bundles.epochs(),
            "packages": published.as_ref().map(facts), "packages_kept": packages.epochs(),
        }));
        return text.map(|it| it + "\n").map_err(|err| err.to_string());
    }
    let none = "No bundle of rules is in use: only the rules that are built in. `plimsoll db malware import` brings one in.\n";
    let mut text = rules.map_or(none.to_owned(), |it| kept(&it, bundles));
    if let Some(it) = published {
        text += &kept(&it, &packages);
    }
    Ok(text)
}

fn facts(it: &InUse) -> serde_json::Value {
    let manifest = &it.bundle.manifest;
    json!({
        "epoch": manifest.epoch, "created": manifest.created, "publisher": manifest.publisher,
        "sha256": it.named.sha256, "path": it.named.path, "replaces": manifest.replaces,
        "rules": it.bundle.count(Kind::Rules), "bad_hashes": it.bundle.count(Kind::BadHashes),
        "good_hashes": it.bundle.count(Kind::GoodHashes), "bad_packages": it.bundle.count(Kind::BadPackages),
        "published_packages": it.bundle.count(Kind::Published), "signing_keys": it.bundle.count(Kind::Keys),
        "key": it.bundle.signer.as_ref().map(key_id), "verified": it.is_known,
    })
}

/// A bundle in use, and those that are kept besides.
fn kept(it: &InUse, bundles: &Bundles) -> String {
    let others = bundles.epochs().into_iter().filter(|epoch| *epoch != it.bundle.manifest.epoch);
    let others: Vec<String> = others.map(|it| it.to_string()).collect();
    match others.is_empty() {
        true => describe(it),
        false => format!("{}Kept besides: {}\n", describe(it), others.join(", ")),
    }
}

fn trusted(trust: &TrustArguments) -> Result<Trust, String> {
    match &trust.key {
        Some(key) => public_key(key).map(Trust::Also).map_err(|err| err.to_string()),
        None if trust.unverified => Ok(Trust::Anybody),
        None => Ok(Trust::Known),
    }
}

fn update(
    bundles: &Bundles,
    url: &str,
    trust: &TrustArguments,
    patience: &Patience,
) -> Result<String, String> {
    let failed = |err: net::Error| format!("{url}: {err}");
    let client = Client::new(network::settings(patience)).map_err(failed)?;
    let mut request = Request::get(Url::parse(url).map_err(failed)?);
    let before = bundles.fetched(url);
    if let Some(etag) = before.as_ref().and_then(|it| it.etag.as_ref()) {
        request = request.header("if-none-match", etag);
    }
    if let Some(day) = before.as_ref().and_then(|it| it.last_modified.as_ref()) {
        request = request.header("if-modified-since", day);
    }
    let response = client.send(&request).map_err(failed)?;
    if response.status == 304 && before.is_some() {
        return Ok("The bundle in use is still the one that is there.\n".to_owned());
    }
    if response.status != 200 {
        return Err(format!("{url}: HTTP status {}; the bundle in use stays", response.status));
    }
    let header = |name| response.header(name).map(str::to_owned);
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    let bytes = response.bounded(MOST_BYTES).map_err(failed)?;
    let taken = bundles.take(&bytes, trusted(trust)?).map_err(|err| format!("{url}: {err}"))?;
    let fetched = Fetched { sha256: taken.named.sha256.clone(), etag, last_modified };
    // Without the note the next one is only fetched for nothing.
    drop(bundles.keep_fetched(url, &fetched));
    Ok(describe(&taken))
}

fn build(arguments: &BuildArguments) -> Result<String, String> {
    let mut content = Content { replaces: arguments.replaces.clone(), ..Content::default() };
    content.add_folder(&arguments.from).map_err(|err| err.to_string())?;
    out(content, &arguments.out)
}

fn published(arguments: &PublishedArguments) -> Result<String, String> {
    let mut content = Content::default();
    for (distribution, folder) in &arguments.from {
        let added = content.add_published(distribution, folder, arguments.files);
        added.map_err(|err| err.to_string())?;
    }
    out(content, &arguments.out)
}

/// Signs and writes a bundle.
fn out(content: Content, arguments: &OutArguments) -> Result<String, String> {
    let said = |err: scan::bundles::BundleError| err.to_string();
    let now = Timestamp::now();
    let epoch = arguments.epoch.or_else(|| u64::try_from(now.as_second()).ok());
    let content = Content {
        epoch: epoch.unwrap_or_default(),
        created: Timestamp::from_second(now.as_second()).unwrap_or(now),
        publisher: arguments.publisher.clone(),
        ..content
    };
    tell(&content);
    let key = SigningKey::read(&arguments.sign).map_err(said)?;
    let bytes = pack(&content, Some(&key)).map_err(said)?;
    let out = arguments.out.display();
    fs::write(&arguments.out, &bytes).map_err(|err| format!("{out}: {err}"))?;
    let (id, length) = (key_id(&key.public()), bytes.len());
    Ok(format!(
        "The bundle of epoch {}, {length} bytes signed with the key {id}, is in {out}.\n",
        content.epoch
    ))
}

/// Says what is wanting in rules that are used all the same.
fn tell(content: &Content) {
    content.remarks.iter().for_each(|it| eprintln!("plimsoll: {it}"));
}

fn title(it: &InUse) -> String {
    let manifest = &it.bundle.manifest;
    let by = match manifest.publisher.as_str() {
        "" => String::new(),
        name => format!(" by {}", crate::table::clean(name)),
    };
    format!("The bundle of epoch {}{by}", manifest.epoch)
}

fn describe(it: &InUse) -> String {
    let manifest = &it.bundle.manifest;
    let age = Timestamp::now().duration_since(manifest.created).as_hours() / 24;
    let count = |kind| it.bundle.count(kind);
    let signed = match &it.bundle.signer {
        None => "not signed: whoever could change the file decides what is found".to_owned(),
        Some(key) if it.is_known => {
            format!("signed with the key {}, which is believed", key_id(key))
        }
        Some(key) => format!("signed with the key {}, which is not known here", key_id(key)),
    };
    let replaces = match manifest.replaces.is_empty() {
        true => "besides the rules that are built in".to_owned(),
        false => format!("instead of the built-in rules {}", manifest.replaces.join(", ")),
    };
    let holds = match it.bundle.is_of_packages() {
        true => format!("What is published of {} packages", count(Kind::Published)),
        false => format!(
            "{} rules, {} digests of malicious files, {} of harmless ones; {replaces}",
            count(Kind::Rules),
            count(Kind::BadHashes),
            count(Kind::GoodHashes)
        ),
    };
    let besides = [
        (Kind::BadPackages, "malicious packages"),
        (Kind::Keys, "keys of those who sign packages"),
    ];
    let besides = besides.map(|(kind, what)| match count(kind) {
        0 => String::new(),
        some => format!("; {some} {what}"),
    });
    let besides = besides.concat();
    format!(
        "{} is in use ({}).\nMade on {}, {age} days ago; {signed}.\n{holds}{besides}.\n",
        title(it),
        it.named.path.display(),
        manifest.created.strftime("%Y-%m-%d"),
    )
}
