//! What Harbor lets us do, found out by doing it.
use super::{
    api::{SystemInfo, base, deed, is_old, parsed, send},
    list::{artifacts, projects},
};
use crate::{
    Connection, Credential, Login, SourceError,
    flavor::{
        Artifact, Check, Repository,
        check::{Problem, Trouble},
        oci,
    },
    token::basic,
};
use net::{Method, Request};

pub(crate) fn check(connection: &Connection) -> Check {
    let mut check = Check { product: Some("Harbor".to_owned()), ..Check::default() };
    let old = match is_old(connection) {
        Ok(it) => it,
        Err(problem) => return Check::default().failed(problem),
    };
    if let Err(problem) =
        known(connection, &mut check).and_then(|()| about(connection, old, &mut check))
    {
        return check.failed(problem);
    }
    match rights(connection, &mut check) {
        Ok(()) => check,
        Err(problem) => check.failed(problem),
    }
}

/// As `docker login` does it: Harbor's API shows strangers what is public, and says nothing.
fn known(connection: &Connection, check: &mut Check) -> Result<(), Problem> {
    let Login::Registry(Credential::Basic { user, password }) = &connection.access.login else {
        return Ok(());
    };
    let url = connection.url("/service/token?service=harbor-registry")?;
    let request = Request::get(url).authorization(Some(basic(user, password))).hurried(true);
    let response = connection.client.send(&request)?;
    check.clock(&response);
    if response.status == 401 {
        let name = connection.name();
        let words = format!(
            "{name} does not know `{user}` with this password; a robot is written with its prefix, as `robot$name`, and a person who logs in by OIDC has a CLI secret instead of the password"
        );
        return Err(Problem::new(Trouble::Credentials, words));
    }
    response.bounded(1 << 20)?;
    Ok(())
}

fn about(connection: &Connection, old: bool, check: &mut Check) -> Result<(), Problem> {
    let path = format!("{}/systeminfo", base(old));
    let deed = deed("read what it says of itself", "");
    let info: SystemInfo = parsed(send(connection, Method::Get, &path, None, &deed)?)?;
    check.version = info.harbor_version;
    if info.read_only == Some(true) {
        let words = format!(
            "{} is in read-only mode: it can be read, but no webhook can be made",
            connection.name()
        );
        check.problems.push(Problem::new(Trouble::ReadOnly, words));
    }
    Ok(())
}

/// Goes down to the first image that there is.
fn rights(connection: &Connection, check: &mut Check) -> Result<(), Problem> {
    let listed = projects(connection, 1).map_err(|it| Problem::missing(it, "project: list"))?;
    if listed.total == 0 {
        let words = format!(
            "{} shows us no project: there is none, or the right `project: list` is missing, or we are in none",
            connection.name()
        );
        return Err(Problem::new(Trouble::Rights, words));
    }
    check.lists = true;
    let Some(repository) = first_repository(connection)? else { return Ok(()) };
    let page = artifacts(connection, &repository, None)
        .map_err(|it| Problem::missing(it, "artifact: list"))?;
    match page.items.first() {
        Some(it) => pull(connection, &repository, it),
        None => Ok(()),
    }
}

fn first_repository(connection: &Connection) -> Result<Option<Repository>, Problem> {
    let page = super::list::repositories(connection, None)?;
    match (page.items.into_iter().next(), page.skipped.into_iter().next()) {
        (None, Some(why)) => {
            let words = format!("the right `repository: list` is missing: {why}");
            Err(Problem::new(Trouble::Rights, words))
        }
        (it, _) => Ok(it),
    }
}

fn pull(connection: &Connection, repository: &Repository, it: &Artifact) -> Result<(), Problem> {
    match oci::artifact(connection, &repository.name, it.digest.as_str()) {
        // A policy for this one image, or it went meanwhile: neither is for want of a right.
        Ok(_) | Err(SourceError::Refused(_) | SourceError::NotFound(_)) => Ok(()),
        Err(error) => Err(Problem::missing(error, "repository: pull")),
    }
}
