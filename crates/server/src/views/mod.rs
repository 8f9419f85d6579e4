//! What the API shows: plain structures, which the console renders too.
mod advisories;
mod channels;
mod exceptions;
mod images;
mod people;
mod registries;
mod rules;
mod vex;
mod words;
mod work;

pub use crate::notify::Language;
pub use advisories::{Advisories, Database, Feed, Imported, Update};
pub use channels::{Channel, Delivery, Mail};
pub use exceptions::{Exception, ExceptionKind, Where};
pub use images::{
    Affected, Age, Comparison, Component, ComponentName, Counts, CoverageDetail, Day, Exploitation,
    Figures, Finding, FindingDetail, Happened, Image, ImageCount, ImageDetail, ImagePart, Layer,
    Likelihood, Place, Risk, Tally, TimelineEvent,
};
pub use people::{AuditEntry, Person, Session, Token};
pub use registries::{Account, Check, Namespace, Registry, Repository, Trouble};
pub use rules::{
    BuiltInRules, Bundle, Custom, CustomKind, CustomText, RuleCheck, RuleProblem, RuleSet, Rules,
    TrustedKey,
};
pub use vex::{VexImport, VexOutcome, VexStatement};
pub use words::{Category, Coverage, ImageState, Level, Many, Named, RiskState};
pub use work::{Item, Items, LedgerEntry, Progress, Quota, Task};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// A point in time, in milliseconds since 1970; written as RFC 3339 has it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time(pub i64);

impl Time {
    /// A time that the store keeps as 0 when there is none.
    pub(crate) fn known(ms: i64) -> Option<Time> {
        (ms != 0).then_some(Time(ms))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_millisecond(self.0) {
            Ok(it) => to.collect_str(&it),
            Err(err) => Err(serde::ser::Error::custom(err)),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let time: Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Time(time.as_millisecond()))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
