//! Harbor, 1.10 and 2.x, by its own API (api/v2.0/swagger.yaml; for 1.10 api/harbor/swagger.yaml).
//!
//! The client keeps no cookie: one with a session would have to pass the protection against forged
//! requests. Repositories have their slashes encoded twice. Projects are always meant by name, also
//! where that is all digits.
mod api;
mod check;
mod events;
mod hook;
mod list;

pub(crate) use api::Version;

use super::{Flavor, Page};

pub(crate) const FLAVOR: Flavor = Flavor {
    name: "harbor",
    title: "Harbor",
    check: check::check,
    repositories: list::repositories,
    artifacts: list::artifacts,
    artifact: list::artifact,
    by_account: false,
    instances: |_, _| Ok(Page::whole(Vec::new())),
    watch: hook::watch,
    unwatch: hook::unwatch,
    events: events::events,
};
