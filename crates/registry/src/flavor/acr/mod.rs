//! Alibaba Cloud Container Registry, Enterprise Edition: accounts, their instances, and what is in
//! these, by the OpenAPI of product `cr`, version 2018-12-01.
//!
//! The registry itself has no catalog. Images are pulled with user and password that the API gives
//! out for a time.
mod call;
mod check;
mod events;
mod instances;
mod list;
mod role;
mod sign;
mod token;
mod trigger;

pub use instances::Instance;

pub(crate) use call::{Api, polite};
pub(crate) use token::keys;

use super::Flavor;

pub(crate) const FLAVOR: Flavor = Flavor {
    name: "acr",
    title: "Alibaba Cloud Container Registry",
    check: check::check,
    repositories: list::repositories,
    artifacts: list::artifacts,
    artifact: list::artifact,
    by_account: true,
    instances: instances::instances,
    watch: trigger::watch,
    unwatch: trigger::unwatch,
    events: events::events,
};
