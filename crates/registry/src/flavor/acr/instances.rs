//! The instances of an account: every one that is there, in every region that is to be looked in.
use super::{
    call::{Api, Place},
    list::list,
};
use crate::{
    Access, Cloud, Connection, SourceError,
    flavor::{
        Page,
        check::{Problem, Trouble},
        paging::numbers,
    },
};
use serde::Deserialize;

/// A registry of an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instance {
    /// `cri-...`.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Whether it runs, in the words of the cloud: `RUNNING`, `STARTING`...
    pub status: String,
    /// Its host in the internet; `None` where it is not reached from there.
    pub public: Option<String>,
    /// Its host in its owner's network; `None` likewise.
    pub vpc: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInstance {
    instance_id: String,
    instance_name: Option<String>,
    instance_status: Option<String>,
    region_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoints {
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    endpoint_type: Option<String>,
    enable: Option<bool>,
    #[serde(default)]
    domains: Vec<Domain>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Domain {
    domain: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

impl Instance {
    /// Access to it, for the account that it belongs to, at one of its hosts.
    pub fn access(&self, account: &Access, host: &str) -> Access {
        let regions = vec![self.region.clone()];
        let instance = Some(self.id.clone());
        let cloud = Cloud { regions, instance, ..account.cloud.clone() };
        Access { address: host.to_owned(), cloud, ..account.clone() }
    }
}

pub(crate) fn instances(
    connection: &Connection,
    cursor: Option<&str>,
) -> Result<Page<Instance>, SourceError> {
    let [at, page] = numbers(cursor)?.unwrap_or([0, 1]);
    let missing = |words: &str| Problem::new(Trouble::Settings, words);
    let api = connection.acr.as_deref().ok_or_else(|| missing("an account is missing"))?;
    let regions = &api.cloud.regions;
    let region = usize::try_from(at).ok().and_then(|it| regions.get(it));
    let region = region.ok_or_else(|| missing("name at least one region to look in"))?;
    let listed = list::<RawInstance>(api, region, "ListInstance", &[], page)?;
    let after = at.saturating_add(1);
    let next = match listed.more(page) {
        true => Some(format!("{at}/{}", page.saturating_add(1))),
        false => {
            usize::try_from(after).is_ok_and(|it| it < regions.len()).then(|| format!("{after}/1"))
        }
    };
    // A region may tell of the instances of others, which come when it is their turn.
    let own = listed.items.into_iter();
    let own = own.filter(|it| it.region_id.as_ref().is_none_or(|it| it == region));
    let items = own.map(|it| instance(api, region, it)).collect::<Result<_, _>>()?;
    Ok(Page { items, next, total: None, steady: true, skipped: Vec::new() })
}

fn instance(api: &Api, region: &str, raw: RawInstance) -> Result<Instance, Problem> {
    let place = Place { region: region.to_owned(), instance: raw.instance_id };
    let of = [("InstanceId", place.instance.as_str()), ("ModuleName", "Registry")];
    let (said, _): (Endpoints, _) = api.call(region, "ListInstanceEndpoint", &of)?;
    let host = |kind: &str| {
        let fits = |it: &&Endpoint| {
            it.endpoint_type.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(kind))
        };
        let open = said.endpoints.iter().filter(fits).find(|it| it.enable != Some(false))?;
        let system = open.domains.iter().find(|it| it.kind.as_deref() == Some("SYSTEM"));
        system.or(open.domains.first()).map(|it| it.domain.clone())
    };
    Ok(Instance {
        name: raw.instance_name.unwrap_or_default(),
        status: raw.instance_status.unwrap_or_default(),
        public: host("internet"),
        vpc: host("vpc"),
        region: place.region,
        id: place.instance,
    })
}
