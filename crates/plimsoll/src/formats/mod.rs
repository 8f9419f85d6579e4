//! What `--format` writes.
mod gitlab;
mod html;
mod junit;
mod markdown;
mod sarif;
mod xml;

use crate::{
    args::ReportFormat,
    table::{self, Paint},
};
use catalog::sbom::{self, Bill};
use model::report::{ImageReport, Report};
use std::io::{self, Write};

/// Writes the report.
pub(crate) fn write(
    report: &Report,
    format: ReportFormat,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Table => out.write_all(table::show(report, paint).as_bytes()),
        ReportFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
        ReportFormat::Sarif => sarif::write(report, out),
        ReportFormat::Junit => junit::write(report, out),
        ReportFormat::Gitlab => gitlab::write(report, out),
        ReportFormat::Markdown => markdown::write(report, out),
        ReportFormat::Html => html::write(report, out),
        ReportFormat::CycloneDx => each(report, |bill| sbom::write_cyclonedx(bill, out)),
        ReportFormat::Spdx => each(report, |bill| sbom::write_spdx(bill, out)),
    }
}

/// What a format makes of one image, where it has no place for several.
pub(crate) fn only_one(format: ReportFormat) -> Option<&'static str> {
    matches!(format, ReportFormat::CycloneDx | ReportFormat::Spdx).then_some("a bill of materials")
}

fn each(report: &Report, mut write: impl FnMut(&Bill<'_>) -> io::Result<()>) -> io::Result<()> {
    let bill = |image: &ImageReport| {
        write(&Bill { image, version: env!("CARGO_PKG_VERSION"), created: &report.created })
    };
    report.images.iter().try_for_each(bill)
}
