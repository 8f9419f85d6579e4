//! What was decided.
use super::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::exceptions;

/// Where an exception holds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// In every image.
    Everything,
    /// In the images of the registries of these ids.
    Registries(Vec<i64>),
    /// In the images of the repositories of these ids.
    Repositories(Vec<i64>),
    /// In the images that these tags point to: a repository's id and a name.
    Tags(Vec<(i64, String)>),
    /// In the image of this digest.
    Image(String),
}

/// What an exception is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// The risk is there, and somebody accepts it.
    Accepted,
    /// The risk is not there.
    FalsePositive,
    /// Not now: one for a single image ends with its next scan.
    IgnoredOnce,
    /// The risk was there, and is mended, whatever the version says.
    Fixed,
}

/// A rule by which findings are handled.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Exception {
    /// Its id.
    pub id: i64,
    /// The risk's name; empty: any.
    pub risk: String,
    /// The component's name, or a package URL whose missing parts may be anything; empty: any.
    pub package: String,
    /// The files of the component; empty: any.
    pub path: String,
    /// What says that a file is malicious: a rule if it is the only one that does, a threat, or `*` for anything that
    /// does; empty: it is not about malicious files alone.
    pub rule: String,
    /// Where it holds.
    pub place: Where,
    /// What it is.
    pub kind: ExceptionKind,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub person: String,
    /// When it ends by itself.
    pub until: Option<Time>,
    /// The VEX document that it comes from; empty: none.
    pub document: String,
    /// When it was made.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
}

impl From<exceptions::Place> for Where {
    fn from(it: exceptions::Place) -> Where {
        match it {
            exceptions::Place::Everything => Where::Everything,
            exceptions::Place::Registries(it) => Where::Registries(it),
            exceptions::Place::Repositories(it) => Where::Repositories(it),
            exceptions::Place::Tags(it) => Where::Tags(it),
            exceptions::Place::Image(it) => Where::Image(it),
        }
    }
}

impl From<Where> for exceptions::Place {
    fn from(it: Where) -> exceptions::Place {
        match it {
            Where::Everything => exceptions::Place::Everything,
            Where::Registries(it) => exceptions::Place::Registries(it),
            Where::Repositories(it) => exceptions::Place::Repositories(it),
            Where::Tags(it) => exceptions::Place::Tags(it),
            Where::Image(it) => exceptions::Place::Image(it),
        }
    }
}

impl From<exceptions::Kind> for ExceptionKind {
    fn from(it: exceptions::Kind) -> ExceptionKind {
        match it {
            exceptions::Kind::Accepted => ExceptionKind::Accepted,
            exceptions::Kind::FalsePositive => ExceptionKind::FalsePositive,
            exceptions::Kind::IgnoredOnce => ExceptionKind::IgnoredOnce,
            exceptions::Kind::Fixed => ExceptionKind::Fixed,
        }
    }
}

impl From<ExceptionKind> for exceptions::Kind {
    fn from(it: ExceptionKind) -> exceptions::Kind {
        match it {
            ExceptionKind::Accepted => exceptions::Kind::Accepted,
            ExceptionKind::FalsePositive => exceptions::Kind::FalsePositive,
            ExceptionKind::IgnoredOnce => exceptions::Kind::IgnoredOnce,
            ExceptionKind::Fixed => exceptions::Kind::Fixed,
        }
    }
}

impl From<exceptions::Exception> for Exception {
    fn from(it: exceptions::Exception) -> Exception {
        let exceptions::Exception { id, rule, created_at, ended_at } = it;
        Exception {
            id,
            risk: rule.risk,
            package: rule.package,
            path: rule.path,
            rule: rule.rule,
            place: rule.place.into(),
            kind: rule.kind.into(),
            reason: rule.reason,
            person: rule.person,
            until: rule.until.map(Time),
            document: rule.document,
            created_at: Time(created_at),
            ended_at: ended_at.map(Time),
        }
    }
}
