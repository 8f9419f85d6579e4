//! The day that an assessment is made for: today, or one in the past, of which it says what was known then.
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use model::{Enrichment, Finding};

/// When to make an assessment for.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The day that it is.
    Today(Date),
    /// A moment in the past. Left out is what had not been published by then, as far as the advisories say when they
    /// were: a database is of one day, and has fixes, states and ranges only as they are on that.
    AsOf(Timestamp),
}

impl From<Date> for When {
    fn from(it: Date) -> When {
        When::Today(it)
    }
}

impl When {
    /// The day, as UTC has it.
    pub fn day(self) -> Date {
        match self {
            When::Today(it) => it,
            When::AsOf(it) => it.to_zoned(TimeZone::UTC).date(),
        }
    }

    pub(crate) fn knows(self, finding: &Finding) -> bool {
        self.too_young(&finding.id, finding.published).is_none()
    }

    /// Before when a vulnerability was not known, where that is later. What has no date was not known before the year
    /// in its name: the CVE program gives it by when a vulnerability was made public or its number reserved.
    pub(crate) fn too_young(self, id: &str, published: Option<Timestamp>) -> Option<String> {
        let When::AsOf(moment) = self else { return None };
        match published {
            Some(it) if it > moment => Some(it.to_zoned(TimeZone::UTC).date().to_string()),
            Some(_) => None,
            None => {
                let year = id.strip_prefix("CVE-")?.split('-').next()?;
                let later = year.parse().is_ok_and(|it: i16| it > self.day().year());
                later.then(|| year.to_owned())
            }
        }
    }

    /// What was known of a vulnerability in general: of a score, only one of that day or before. Pages that show how it is
    /// exploited have no dates, and stay.
    pub(crate) fn limit(self, known: &mut Enrichment) {
        if let When::AsOf(_) = self {
            let day = self.day();
            known.epss = known.epss.filter(|it| it.day.is_some_and(|it| it <= day));
            known.exploited.take_if(|it| it.added.is_some_and(|it| it > day));
        }
    }
}
