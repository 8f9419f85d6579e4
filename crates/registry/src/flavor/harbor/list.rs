//! Projects, repositories, artifacts.
use super::api::{Deed, base, deed, list, parsed, send, version};
use crate::{
    Connection, SourceError,
    flavor::{
        Artifact, Child, Kind, Page, Repository, Tag,
        content::is_repository,
        oci,
        paging::{Numbered, grouped, numbered},
    },
};
use jiff::Timestamp;
use model::{Digest, Platform};
use net::Method;
use serde::Deserialize;

/// From here on a repository's `update_time` moves when anything in it is pushed, tagged or deleted.
/// Before, it moved when somebody pulled, and a marker made of it would hide every push.
const TOUCHES: [u64; 3] = [2, 15, 2];

#[derive(Deserialize)]
pub(crate) struct Project {
    pub(crate) project_id: u64,
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct RawRepository {
    name: String,
    artifact_count: Option<u64>,
    update_time: Option<String>,
}

#[derive(Deserialize)]
struct RawArtifact {
    digest: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    manifest_media_type: Option<String>,
    size: Option<u64>,
    push_time: Option<Timestamp>,
    tags: Option<Vec<RawTag>>,
    extra_attrs: Option<RawPlatform>,
    references: Option<Vec<RawReference>>,
    accessories: Option<Vec<RawAccessory>>,
}

#[derive(Deserialize)]
struct RawTag {
    name: String,
    push_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RawReference {
    child_digest: String,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct RawAccessory {
    digest: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The name of a tag of 1.10.
#[derive(Deserialize)]
struct OldTag {
    name: String,
}

/// The projects that we see.
pub(crate) fn projects(
    connection: &Connection,
    page: u64,
) -> Result<Numbered<Project>, SourceError> {
    let path = format!("{}/projects?with_detail=false", base(version(connection)?.old));
    list(connection, &path, page, &deed("list projects", "project: list"))
}

/// One project after the other, which every version can, instead of all repositories at once.
pub(crate) fn repositories(
    connection: &Connection,
    cursor: Option<&str>,
) -> Result<Page<Repository>, SourceError> {
    let version = version(connection)?;
    let marks = !version.old && version.since(TOUCHES) == Some(true);
    let read = |project: &Project, page| {
        let deed = deed(format!("list repositories of `{}`", project.name), "repository: list");
        let path = match version.old {
            true => format!("/api/repositories?project_id={}", project.project_id),
            false => format!("/api/v2.0/projects/{}/repositories", net::encode(&project.name)),
        };
        let listed = list(connection, &path, page, &deed)?;
        Ok(listed.map(|it: RawRepository| repository(it, marks)))
    };
    let mut page = grouped(cursor, |page| projects(connection, page), |it| it.name.clone(), read)?;
    for it in page.items.extract_if(.., |it| !is_repository(&it.name)) {
        page.skipped.push(format!("`{}` is no name of a repository", it.name));
    }
    Ok(page)
}

fn repository(raw: RawRepository, marks: bool) -> Repository {
    let count = raw.artifact_count.unwrap_or_default();
    let marker = raw.update_time.filter(|_| marks).map(|it| format!("{it} {count}"));
    Repository { name: raw.name, id: String::new(), marker }
}

pub(crate) fn artifacts(
    connection: &Connection,
    repository: &Repository,
    cursor: Option<&str>,
) -> Result<Page<Artifact>, SourceError> {
    if version(connection)?.old {
        return old_tags(connection, &repository.name, cursor);
    }
    let path = format!("{}?{WITH}", artifacts_path(&repository.name)?);
    let deed = may_list(&repository.name);
    let mut skipped = Vec::new();
    let page = numbered(cursor, |page| list::<RawArtifact>(connection, &path, page, &deed))?;
    let items = page.items.into_iter().filter_map(|it| match artifact_of(it) {
        Ok(it) => Some(it),
        Err(why) => {
            skipped.push(format!("{}: {why}", repository.name));
            None
        }
    });
    let items = items.collect();
    Ok(Page { items, next: page.next, total: page.total, steady: page.steady, skipped })
}

/// What we want to know of artifacts, and nothing that takes Harbor time.
const WITH: &str = "with_tag=true&with_label=false&with_accessory=true&with_scan_overview=false";

pub(crate) fn artifact(
    connection: &Connection,
    repository: &str,
    reference: &str,
) -> Result<Artifact, SourceError> {
    if version(connection)?.old {
        return oci::artifact(connection, repository, reference);
    }
    let path = artifacts_path(repository)?;
    let path = format!("{path}/{}?{WITH}", net::encode(reference));
    let response = send(connection, Method::Get, &path, None, &may_list(repository))?;
    artifact_of(parsed(response)?).map_err(SourceError::Malformed)
}

fn may_list(repository: &str) -> Deed<'static> {
    deed(format!("list artifacts of `{repository}`"), "artifact: list")
}

/// Project and repository are two parts of the path, and the slashes of the latter are encoded twice.
fn artifacts_path(repository: &str) -> Result<String, SourceError> {
    let no_project = || {
        let text = format!("a repository `{repository}` outside of all projects");
        SourceError::NotFound(text)
    };
    let (project, rest) = repository.split_once('/').ok_or_else(no_project)?;
    let rest = net::encode(&net::encode(rest));
    Ok(format!("/api/v2.0/projects/{}/repositories/{rest}/artifacts", net::encode(project)))
}

/// 1.10 lists tags all at once, and what it says of them is wrong for images of several platforms:
/// the registry behind it is asked for the digests.
fn old_tags(
    connection: &Connection,
    repository: &str,
    cursor: Option<&str>,
) -> Result<Page<Artifact>, SourceError> {
    let path = format!("/api/repositories/{repository}/tags?detail=false");
    let deed = deed(format!("list tags of `{repository}`"), "repository-tag: list");
    let tags: Option<Vec<OldTag>> = parsed(send(connection, Method::Get, &path, None, &deed)?)?;
    let names = tags.unwrap_or_default().into_iter().map(|it| it.name).collect();
    oci::slice(connection, repository, names, cursor)
}

fn artifact_of(raw: RawArtifact) -> Result<Artifact, String> {
    let media_type = raw.manifest_media_type.unwrap_or_default();
    let tags: Vec<Tag> = raw.tags.unwrap_or_default().into_iter().map(tag).collect();
    let first = tags.first().map_or("", |it| &it.name);
    let kind = match raw.kind.as_deref().unwrap_or_default() {
        "IMAGE" | "UNKNOWN" | "" => Kind::of(first, &media_type),
        "CHART" => Kind::Chart,
        other => Kind::Other(other.to_ascii_lowercase()),
    };
    let children = raw.references.unwrap_or_default().into_iter().map(reference);
    let attached = raw.accessories.unwrap_or_default().into_iter().map(accessory);
    Ok(Artifact {
        digest: digest(&raw.digest)?,
        kind,
        media_type,
        size: raw.size,
        pushed: raw.push_time,
        platform: raw.extra_attrs.and_then(platform),
        children: children.collect::<Result<_, _>>()?,
        attached: attached.collect::<Result<_, _>>()?,
        tags,
    })
}

fn tag(raw: RawTag) -> Tag {
    Tag { name: raw.name, pushed: raw.push_time }
}

fn reference(raw: RawReference) -> Result<Child, String> {
    let platform = raw.platform.and_then(platform);
    let unknown = platform.as_ref().is_some_and(|it| it.os == "unknown");
    let kind = if unknown { Kind::Attestation } else { Kind::Image };
    Ok(Child { digest: digest(&raw.child_digest)?, kind, platform })
}

fn accessory(raw: RawAccessory) -> Result<Child, String> {
    let word = raw.kind.unwrap_or_default();
    let kind = match word.split('.').next().unwrap_or_default() {
        "signature" => Kind::Signature,
        "sbom" => Kind::Sbom,
        "attestation" => Kind::Attestation,
        _ => Kind::Other(word),
    };
    Ok(Child { digest: digest(&raw.digest)?, kind, platform: None })
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| format!("`{text}` is not a digest"))
}

fn platform(raw: RawPlatform) -> Option<Platform> {
    let (os, architecture) = raw.os.zip(raw.architecture)?;
    let variant = raw.variant.unwrap_or_default();
    Some(Platform { os, architecture, variant }).filter(|it| !it.os.is_empty())
}
