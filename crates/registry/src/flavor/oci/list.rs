//! Repositories from the catalog, tags of a repository, what a tag is.
use crate::{
    Connection, SourceError,
    client::ACCEPT,
    flavor::{
        Artifact, Page, Repository, Tag,
        content::is_repository,
        paging::{count, foreign},
    },
    manifest::{DOCUMENT_BYTES, json},
};
use model::Digest;
use net::Response;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::thread;

/// How many names we ask for at a time.
const PAGE: usize = 100;

/// The most tags looked at for one page. Some servers send all names at once.
const SLICE: usize = 1000;

/// How many tags are looked at side by side; the client holds back where that is too many.
const ABREAST: usize = 8;

/// Most bytes of a list of names.
const NAMES_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

pub(crate) fn repositories(
    connection: &Connection,
    cursor: Option<&str>,
) -> Result<Page<Repository>, SourceError> {
    let told = &connection.access.repositories;
    let (names, next) = match told.is_empty() {
        false => (told.clone(), None),
        true => {
            let path = cursor.map_or_else(|| Ok(format!("/v2/_catalog?n={PAGE}")), own)?;
            let response = connection.session.get(&path, "", &[]).map_err(no_catalog)?;
            let next = next(&response)?;
            let it: Catalog = json("the catalog", &response.bounded(NAMES_BYTES)?)?;
            (it.repositories.unwrap_or_default(), next)
        }
    };
    let (items, bad): (Vec<_>, Vec<_>) = names.into_iter().partition(|it| is_repository(it));
    let skipped = bad.into_iter().map(|it| format!("`{it}` is no name of a repository"));
    let repository = |name| Repository { name, ..Repository::default() };
    let page = Page::whole(items.into_iter().map(repository).collect());
    let total = page.total.filter(|_| cursor.is_none() && next.is_none());
    Ok(Page { next, total, skipped: skipped.collect(), ..page })
}

/// A page of tags. They come in one order, so what is pushed or deleted meanwhile moves no others.
pub(crate) fn artifacts(
    connection: &Connection,
    repository: &Repository,
    cursor: Option<&str>,
) -> Result<Page<Artifact>, SourceError> {
    let name = &repository.name;
    let (skip, path) = match cursor.map(|it| it.split_once(' ').ok_or_else(|| foreign(it))) {
        None => (None, format!("/v2/{name}/tags/list?n={PAGE}")),
        Some(place) => {
            let (skip, path) = place?;
            (Some(skip), own(path)?)
        }
    };
    let response = connection.session.get(&path, name, &[])?;
    let next = next(&response)?;
    let tags: Tags = json("the list of tags", &response.bounded(NAMES_BYTES)?)?;
    let page = slice(connection, name, tags.tags.unwrap_or_default(), skip)?;
    let inner = page.next.map(|it| format!("{it} {path}"));
    Ok(Page { next: inner.or(next.map(|it| format!("0 {it}"))), total: None, ..page })
}

/// The part of `tags` that begins where the cursor says.
pub(crate) fn slice(
    connection: &Connection,
    repository: &str,
    tags: Vec<String>,
    cursor: Option<&str>,
) -> Result<Page<Artifact>, SourceError> {
    let from: usize = match cursor {
        None => 0,
        Some(it) => it.parse().map_err(|_| foreign(it))?,
    };
    let until = from.saturating_add(SLICE);
    let next = (until < tags.len()).then(|| until.to_string());
    let total = count(tags.len()).ok();
    let tags: Vec<String> = tags.into_iter().skip(from).take(SLICE).collect();
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    for (tag, it) in tags.iter().zip(look(connection, repository, &tags)?) {
        match it {
            Ok(it) => items.push(it),
            // Gone meanwhile: it is as if it had never been listed.
            Err(SourceError::NotFound(_)) => {}
            Err(error) => skipped.push(format!("{repository}:{tag}: {error}")),
        }
    }
    Ok(Page { items, next, total, steady: true, skipped })
}

/// What a tag is, if it is there and no policy closes it.
type Looked = Result<Artifact, SourceError>;

/// What these tags are, in their order.
fn look(
    connection: &Connection,
    repository: &str,
    tags: &[String],
) -> Result<Vec<Looked>, SourceError> {
    let one = |tag: &String| match artifact(connection, repository, tag) {
        it @ (Ok(_) | Err(SourceError::NotFound(_) | SourceError::Refused(_))) => Ok(it),
        Err(error) => Err(error),
    };
    let some = |part: &[String]| part.iter().map(one).collect::<Result<Vec<_>, _>>();
    let part = tags.len().div_ceil(ABREAST).max(1);
    thread::scope(|scope| {
        let running: Vec<_> = tags.chunks(part).map(|part| scope.spawn(|| some(part))).collect();
        let mut found = Vec::new();
        for it in running {
            let lost = || SourceError::Malformed("a thread ended early".to_owned());
            found.extend(it.join().unwrap_or_else(|_| Err(lost()))?);
        }
        Ok(found)
    })
}

/// What a tag or a digest is, as the registry itself says.
pub(crate) fn artifact(
    connection: &Connection,
    repository: &str,
    reference: &str,
) -> Result<Artifact, SourceError> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let accept = [("accept", ACCEPT.to_owned())];
    let response = connection.session.head(&path, repository, &accept)?;
    let said = response.header("docker-content-digest").and_then(Digest::parse);
    let media_type = response.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let digest = match said {
        Some(it) => it,
        // Not all say it, and the bytes always do.
        None => {
            let response = connection.session.get(&path, repository, &accept)?;
            Digest::sha256(&Sha256::digest(response.bounded(DOCUMENT_BYTES)?).into())
        }
    };
    let name = reference.to_owned();
    let tag = (!reference.contains(':')).then_some(Tag { name, pushed: None });
    Ok(Artifact::bare(digest, tag, &media_type))
}

/// Where the next part of a list is (OCI distribution specification, "Listing Tags"), as a path of
/// this same server.
fn next(response: &Response) -> Result<Option<String>, SourceError> {
    let Some(link) = response.headers("link").find(|it| it.contains("rel=\"next\"")) else {
        return Ok(None);
    };
    let strange = || SourceError::Malformed(format!("{}: a next page nowhere", response.url));
    let target = link.split_once('<').and_then(|it| it.1.split_once('>')).ok_or_else(strange)?.0;
    let url = response.url.join(target)?;
    if !url.same_origin(&response.url) {
        let text = format!("{} sends us to {url} for the rest of the list", response.url);
        return Err(SourceError::Malformed(text));
    }
    let full = url.full();
    Ok(full.strip_prefix(&url.origin()).map(str::to_owned))
}

/// A path that was kept as a place in a list.
fn own(path: &str) -> Result<String, SourceError> {
    match path.starts_with("/v2/") {
        true => Ok(path.to_owned()),
        false => Err(foreign(path)),
    }
}

fn no_catalog(error: SourceError) -> SourceError {
    let why = match error {
        SourceError::NotFound(it) | SourceError::Malformed(it) => it,
        other => return other,
    };
    let text = format!("it lists no repositories; name those to watch ({why})");
    SourceError::Unsupported(text)
}
