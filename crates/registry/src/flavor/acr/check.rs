//! What an account, or one of its instances, lets us do, found out by doing it.
use super::{
    instances::instances,
    list::{artifacts, list, repositories},
    token::{here, password},
};
use crate::{
    Connection, SourceError,
    flavor::{
        Check,
        check::{Problem, Trouble},
        oci,
    },
};
use serde::de::IgnoredAny;

pub(crate) fn check(connection: &Connection) -> Check {
    let product = Some("Alibaba Cloud Container Registry, Enterprise Edition".to_owned());
    let mut check = Check { product, ..Check::default() };
    let outcome = match connection.access.address.is_empty() {
        true => account(connection, &mut check),
        false => instance(connection, &mut check),
    };
    match outcome {
        Ok(()) => check,
        Err(problem) if problem.trouble == Trouble::OtherKind => Check::default().failed(problem),
        Err(problem) => check.failed(problem),
    }
}

/// All regions are asked: a key may be good in some of them only.
fn account(connection: &Connection, check: &mut Check) -> Result<(), Problem> {
    let missing = |words: &str| Problem::new(Trouble::Settings, words);
    let api = connection.acr.as_deref().ok_or_else(|| missing("an account is missing"))?;
    for region in &api.cloud.regions {
        list::<IgnoredAny>(api, region, "ListInstance", &[], 1)?;
    }
    instances(connection, None)?;
    check.lists = true;
    Ok(())
}

fn instance(connection: &Connection, check: &mut Check) -> Result<(), Problem> {
    let (api, place) = here(connection)?;
    check.version = Some(format!("{} in {}", place.instance, place.region));
    let of = [("InstanceId", place.instance.as_str())];
    list::<IgnoredAny>(api, &place.region, "ListNamespace", &of, 1)?;
    let page = repositories(connection, None)?;
    if let (true, Some(why)) = (page.items.is_empty(), page.skipped.first()) {
        return Err(Problem::new(Trouble::Rights, why.clone()));
    }
    check.lists = true;
    password(api, connection.origin())?;
    let Some(first) = page.items.first() else { return Ok(()) };
    let page = artifacts(connection, first, None)?;
    let Some(it) = page.items.first() else { return Ok(()) };
    match oci::artifact(connection, &first.name, it.digest.as_str()) {
        Ok(_) | Err(SourceError::NotFound(_) | SourceError::Refused(_)) => Ok(()),
        Err(error) => Err(Problem::missing(error, "cr:PullRepository")),
    }
}
