//! Namespaces, repositories, tags.
use super::{
    call::{Api, Count, Place},
    token::here,
};
use crate::{
    Connection, SourceError,
    flavor::{
        Artifact, Page, Repository, Tag,
        check::{Problem, Trouble},
        content::is_repository,
        oci,
        paging::{Numbered, find, grouped, numbered},
    },
};
use jiff::Timestamp;
use model::Digest;
use serde::{Deserialize, de::DeserializeOwned};

/// How many we ask for at a time: what the documents show.
const PAGE: u64 = 30;

/// A page of any of the lists.
#[derive(Deserialize)]
struct Listed<T> {
    #[serde(alias = "Namespaces", alias = "Repositories", alias = "Images", alias = "Instances")]
    items: Option<Vec<T>>,
    #[serde(rename = "TotalCount")]
    total: Option<Count>,
    #[serde(rename = "PageSize")]
    size: Option<Count>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Namespace {
    namespace_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRepository {
    repo_id: String,
    repo_name: String,
    repo_namespace_name: String,
    modified_time: Option<Count>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawImage {
    tag: String,
    digest: Option<String>,
    image_size: Option<Count>,
    image_update: Option<Count>,
    status: Option<String>,
}

/// A page of a list of the API.
pub(crate) fn list<T: DeserializeOwned>(
    api: &Api,
    region: &str,
    action: &str,
    parameters: &[(&str, &str)],
    page: u64,
) -> Result<Numbered<T>, Problem> {
    let (number, size) = (page.to_string(), PAGE.to_string());
    let paging = [("PageNo", number.as_str()), ("PageSize", size.as_str())];
    let (listed, _): (Listed<T>, _) = api.call(region, action, &[parameters, &paging].concat())?;
    let items = listed.items.unwrap_or_default();
    let known = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let total = listed.total.map_or(known, |it| it.0);
    let size = listed.size.map_or(PAGE, |it| it.0.max(1));
    Ok(Numbered { items, total, size })
}

pub(crate) fn repositories(
    connection: &Connection,
    cursor: Option<&str>,
) -> Result<Page<Repository>, SourceError> {
    let (api, Place { region, instance }) = here(connection)?;
    let namespaces = |page| {
        Ok(list::<Namespace>(api, region, "ListNamespace", &[("InstanceId", instance)], page)?)
    };
    let members = |it: &Namespace, page| {
        let of = [
            ("InstanceId", instance.as_str()),
            ("RepoNamespaceName", &it.namespace_name),
            ("RepoStatus", "NORMAL"),
        ];
        Ok(list(api, region, "ListRepository", &of, page)?.map(repository))
    };
    let mut page = grouped(cursor, namespaces, |it| it.namespace_name.clone(), members)?;
    for it in page.items.extract_if(.., |it| !is_repository(&it.name)) {
        page.skipped.push(format!("`{}` is no name of a repository", it.name));
    }
    Ok(page)
}

fn repository(raw: RawRepository) -> Repository {
    Repository {
        name: format!("{}/{}", raw.repo_namespace_name, raw.repo_name),
        id: raw.repo_id,
        marker: raw.modified_time.map(|it| it.0.to_string()),
    }
}

pub(crate) fn artifacts(
    connection: &Connection,
    repository: &Repository,
    cursor: Option<&str>,
) -> Result<Page<Artifact>, SourceError> {
    let (api, Place { region, instance }) = here(connection)?;
    let id = id(connection, repository)?;
    let of = [("InstanceId", instance.as_str()), ("RepoId", id.as_str())];
    let page =
        numbered(cursor, |page| Ok(list::<RawImage>(api, region, "ListRepoTag", &of, page)?))?;
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    // What is being deleted is as good as gone.
    for it in page.items.into_iter().filter(|it| it.status.as_deref() != Some("DELETING")) {
        match artifact_of(it) {
            Ok(it) => items.push(it),
            Err(why) => skipped.push(format!("{}: {why}", repository.name)),
        }
    }
    Ok(Page { items, next: page.next, total: page.total, steady: page.steady, skipped })
}

/// What the API says of a tag leaves out the kind: the registry is asked.
pub(crate) fn artifact(
    connection: &Connection,
    repository: &str,
    reference: &str,
) -> Result<Artifact, SourceError> {
    here(connection)?;
    oci::artifact(connection, repository, reference)
}

/// What the API calls a repository.
pub(crate) fn id(connection: &Connection, repository: &Repository) -> Result<String, SourceError> {
    if !repository.id.is_empty() {
        return Ok(repository.id.clone());
    }
    let (api, Place { region, instance }) = here(connection)?;
    let missing = || Problem::new(Trouble::Gone, format!("repository `{}`", repository.name));
    let (namespace, name) = repository.name.split_once('/').ok_or_else(missing)?;
    let of = [
        ("InstanceId", instance.as_str()),
        ("RepoNamespaceName", namespace),
        ("RepoName", name),
        ("RepoStatus", "NORMAL"),
    ];
    let read = |page| Ok(list::<RawRepository>(api, region, "ListRepository", &of, page)?);
    // The API looks for the name as a part of names.
    let found = find(read, |it| it.repo_name == name)?;
    Ok(found.ok_or_else(missing)?.repo_id)
}

fn artifact_of(raw: RawImage) -> Result<Artifact, String> {
    let text = raw.digest.unwrap_or_default();
    // Without the algorithm, which can only be this one.
    let whole = if text.contains(':') { text.clone() } else { format!("sha256:{text}") };
    let no_digest = || format!("tag `{}` with `{text}` for a digest", raw.tag);
    let digest = Digest::parse(&whole).ok_or_else(no_digest)?;
    let pushed = raw.image_update.and_then(|it| i64::try_from(it.0).ok());
    let pushed = pushed.and_then(|it| Timestamp::from_millisecond(it).ok());
    let tag = Tag { name: raw.tag, pushed };
    let size = raw.image_size.map(|it| it.0);
    Ok(Artifact { size, pushed, ..Artifact::bare(digest, Some(tag), "") })
}
