//! Image Security: the figures, and the risks by category.
use super::{
    Frame, Html, accounts, address::altered, html, picture::Pictures, registries::RegistryForm,
    show,
};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::{
        advisories,
        images::{self, RiskSort},
        registries,
        work::{self, WhichTasks},
    },
    views::{Advisories, Category, Figures, ImageState, Level, Registry, Risk, RiskState},
};
use askama::Template;
use scan::center::Tls;

/// The types of images there are.
pub(super) static KINDS: [&str; 3] = ["acr", "harbor", "oci"];

/// The strip over the tabs.
pub(super) struct Strip {
    pub(super) high: i64,
    pub(super) medium: i64,
    pub(super) low: i64,
    pub(super) scanned: i64,
    pub(super) never: i64,
    pub(super) failed: i64,
    pub(super) unknown: i64,
    pub(super) figures: Figures,
    pub(super) advisories: Advisories,
    /// To scan only what is in one of them.
    pub(super) registries: Vec<Registry>,
}

#[derive(Template)]
#[template(path = "risks.html")]
struct Risks {
    frame: Frame,
    strip: Strip,
    tab: &'static str,
    list: List<Risk>,
    asked: images::WhichRisks,
    /// The orders: as the query calls them, their names, and which one it is.
    sorts: [(&'static str, &'static str, bool); 3],
    more: String,
    /// The address of the list as a file, but for the format's name at its end.
    file: String,
    /// What there is to do first; then there is nothing else to be seen.
    first: Option<First>,
    pictures: Pictures,
}

/// What there is to do as long as nothing has been scanned.
enum First {
    /// Add a registry.
    Registry(RegistryForm),
    /// Wait until the registries have been read.
    Reading,
    /// Scan so many images.
    Scan(i64),
    /// Wait for the first of so many.
    Running(i64),
}

pub(super) fn system(call: &Call, (): ()) -> Result<Html, Problem> {
    risks(call, Category::System, "/")
}

pub(super) fn application(call: &Call, (): ()) -> Result<Html, Problem> {
    risks(call, Category::Application, "/application")
}

pub(super) fn malware(call: &Call, (): ()) -> Result<Html, Problem> {
    risks(call, Category::Malware, "/malware")
}

fn risks(call: &Call, category: Category, tab: &'static str) -> Result<Html, Problem> {
    let ask = || {
        let asked: images::WhichRisks = Query::take(call)?.0;
        Ok::<_, Problem>(images::WhichRisks { category: Some(category), ..asked })
    };
    let list = images::risks(call, Query(ask()?))?.0;
    let more = following(call, list.next.as_deref());
    let file = altered(call, &[("category", category.name()), ("format", "")]);
    let file = format!("/api/v1/risks/export{file}&format=");
    let (frame, strip, asked) = (Frame::new(call, "/"), Strip::new(call)?, ask()?);
    let (w, by) = (frame.w, asked.sort.unwrap_or(RiskSort::Priority));
    let sorts = [
        ("priority", w.priority, by == RiskSort::Priority),
        ("images", w.affected_images, by == RiskSort::Images),
        ("seen", w.first_seen, by == RiskSort::Seen),
    ];
    let days = images::until_today(call, images::DAYS, &strip.figures)?;
    let pictures = Pictures::new(frame.w, days, (&strip.figures.ages, &strip.figures.images));
    let first = First::of(call, &strip)?;
    html(&Risks { frame, strip, tab, list, asked, sorts, more, file, first, pictures })
}

impl First {
    fn of(call: &Call, strip: &Strip) -> Result<Option<First>, Problem> {
        if strip.scanned.saturating_add(strip.failed) > 0 {
            return Ok(None);
        }
        let nowhere =
            || Ok::<_, Problem>(strip.registries.is_empty() && accounts::all(call)?.is_empty());
        let running = || {
            let which = WhichTasks { ended: Some(false), limit: Some(1), ..WhichTasks::default() };
            Ok::<_, Problem>(!work::tasks(call, Query(which))?.0.items.is_empty())
        };
        Ok(Some(match strip.never {
            0 if nowhere()? => First::Registry(RegistryForm::empty()),
            0 => First::Reading,
            images if running()? => First::Running(images),
            images => First::Scan(images),
        }))
    }
}

/// The address of the page that follows: this one's, with another cursor.
pub(super) fn following(call: &Call, next: Option<&str>) -> String {
    next.map_or_else(String::new, |it| altered(call, &[("cursor", it)]))
}

impl Strip {
    pub(super) fn new(call: &Call) -> Result<Strip, Problem> {
        let figures = images::figures(call, ())?.0;
        let sum = |is: &dyn Fn(&crate::views::ImageCount) -> bool| {
            figures
                .images
                .iter()
                .filter(|it| is(it))
                .fold(0i64, |sum, it| sum.saturating_add(it.images))
        };
        let at = |level| sum(&move |it| it.level == level);
        let was = |state| sum(&move |it| it.state == state);
        let unknown = |it: &crate::views::ImageCount| {
            it.state == ImageState::Scanned && it.coverage == crate::views::Coverage::Unknown
        };
        Ok(Strip {
            high: at(Level::High),
            medium: at(Level::Medium),
            low: at(Level::Low),
            scanned: was(ImageState::Scanned),
            never: was(ImageState::New),
            failed: was(ImageState::Failed),
            unknown: sum(&unknown),
            advisories: advisories::show(call, ())?.0,
            registries: registries::list(call, ())?.0,
            figures,
        })
    }

    /// Open risks of a category.
    pub(super) fn open(&self, category: Category) -> i64 {
        let mine = self.figures.risks.iter().filter(|it| it.0 == category);
        mine.fold(0i64, |sum, it| sum.saturating_add(it.2))
    }
}
