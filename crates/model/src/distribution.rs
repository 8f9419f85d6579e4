//! The distributions that we recognise, and all that differs between them: one row each.
use crate::{Ecosystem, Namespace, Release};
use jiff::civil::Date;

/// A distribution: a row of [`DISTRIBUTIONS`].
#[derive(Debug)]
pub struct Distribution {
    /// The `ID`s it goes by in os-release(5), compared without regard to case.
    pub ids: &'static [&'static str],
    /// What people call it.
    pub name: &'static str,
    /// What its packages are.
    pub ecosystem: Ecosystem,
    /// Its name in OSV records, before the colon. For those that OSV does not know, a name of ours.
    pub osv: &'static str,
    /// The release as its advisories write it after the colon, from what the image says:
    /// `12`, `v3.20`, `22.04:LTS`. Empty for rolling distributions.
    pub release: fn(&Release) -> String,
    /// The last day on which the public gets fixes for a release, by the release as in `release`.
    pub end_of_life: &'static [(&'static str, Date)],
}

/// Every distribution, alphabetically.
pub const DISTRIBUTIONS: &[Distribution] = &[];

impl Distribution {
    /// The distribution that a release file names.
    pub fn of(release: &Release) -> Option<&'static Distribution> {
        let is = |id: &&str| id.eq_ignore_ascii_case(&release.id);
        DISTRIBUTIONS.iter().find(|it| it.ids.iter().any(is))
    }

    /// The distribution that OSV records call `name`.
    pub fn from_osv(name: &str) -> Option<&'static Distribution> {
        DISTRIBUTIONS.iter().find(|it| it.osv == name)
    }

    /// Where advisories for this release are found.
    pub fn namespace(&self, release: &Release) -> Namespace {
        match (self.release)(release).as_str() {
            "" => Namespace::new(self.osv),
            it => Namespace::new(&format!("{}:{it}", self.osv)),
        }
    }

    /// The last day with fixes for everybody; `None` when the release has no such day, or none
    /// that we know.
    pub fn end_of_life(&self, release: &Release) -> Option<Date> {
        let release = (self.release)(release);
        self.end_of_life.iter().find(|it| it.0 == release).map(|it| it.1)
    }
}
