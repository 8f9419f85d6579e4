//! Any other server of the OCI distribution API: catalog, tags, manifests
//! (OCI distribution specification, "Content Discovery"; for the catalog CNCF distribution,
//! "HTTP API V2").
mod check;
mod events;
mod list;

pub(crate) use list::{artifact, slice};

use super::{Connection, Flavor, Hook, Page, Repository};
use crate::SourceError;

pub(crate) const FLAVOR: Flavor = Flavor {
    name: "oci",
    title: "OCI registry",
    check: check::check,
    repositories: list::repositories,
    artifacts: list::artifacts,
    artifact: list::artifact,
    by_account: false,
    instances: |_, _| Ok(Page::whole(Vec::new())),
    watch,
    unwatch: |_, _, _| Ok(()),
    events: events::events,
};

/// There is no API for it.
fn watch(connection: &Connection, _: &Repository, _: &Hook) -> Result<(), SourceError> {
    let text = format!(
        "{} cannot be told by us to send notifications; add our address to `notifications: endpoints:` in its configuration",
        connection.name()
    );
    Err(SourceError::Unsupported(text))
}
