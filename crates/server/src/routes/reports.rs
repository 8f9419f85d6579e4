//! What others are given of an image: bills of materials, and what to do.
use crate::{
    Problem,
    call::Call,
    receive::{Json, Query},
    reply::Download,
    report,
};
use catalog::sbom::{self, Bill};
use jiff::Timestamp;
use model::fix::FixPlan;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which bill of materials.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichBill {
    /// In which format; `CycloneDX` where nothing is said.
    #[serde(default)]
    format: BillFormat,
}

/// A format of bills of materials.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum BillFormat {
    /// `CycloneDX` 1.6, with vulnerabilities.
    #[default]
    CycloneDx,
    /// SPDX 2.3.
    Spdx,
}

pub(super) fn bill(call: &Call, Query(asked): Query<WhichBill>) -> Result<Download, Problem> {
    let digest = call.param("digest")?;
    let image = report::of(call, digest)?;
    let created = Timestamp::from_second(call.now.div_euclid(1000)).unwrap_or_default().to_string();
    let (kind, media_type) = match asked.format {
        BillFormat::CycloneDx => ("cdx", "application/vnd.cyclonedx+json; version=1.6"),
        BillFormat::Spdx => ("spdx", "application/spdx+json"),
    };
    let name = format!("{}.{kind}.json", digest.replace(':', "-"));
    Ok(Download::new(name, media_type, move |out| {
        let version = env!("CARGO_PKG_VERSION");
        let bill = Bill { image: &image, version, created: &created };
        match asked.format {
            BillFormat::CycloneDx => sbom::write_cyclonedx(&bill, out),
            BillFormat::Spdx => sbom::write_spdx(&bill, out),
        }
    }))
}

pub(super) fn fix_plan(call: &Call, (): ()) -> Result<Json<FixPlan>, Problem> {
    report::of(call, call.param("digest")?).map(|it| Json(it.fix_plan))
}
