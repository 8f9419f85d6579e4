//! The findings of an image, by category: what is open, and what was handled and why.
use super::{Around, Tab};
use crate::{
    Problem,
    call::Call,
    console::{
        Frame, Html,
        address::{Slice, altered},
        exception::{Choice, of_image},
        html, show,
    },
    receive::{Input, Query},
    routes::{exceptions, images},
    views::{Category, Exception, Finding, ImageDetail, ImageState, Level, Many, RiskState},
};
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Template)]
#[template(path = "image/findings.html")]
struct Page {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    asked: Which,
    category: &'static str,
    list: Slice<Finding>,
    rules: BTreeMap<i64, Exception>,
    /// How many of the category are in the other states, with the addresses that show them.
    others: Vec<(usize, &'static str, String)>,
    places: Vec<Choice>,
}

/// Which findings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    category: Option<Category>,
    #[serde(default)]
    level: Many<Level>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    fixable: bool,
    #[serde(default)]
    state: RiskState,
    page: Option<usize>,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let asked: Which = Query::take(call)?.0;
    let mut all = images::findings(call, Query(images::WhichFindings { gone: true }))?.0;
    // Where nobody says which, what is there is shown.
    let has = |category| all.iter().any(|it| it.category == category && it.gone_at.is_none());
    let all_of_them = [Category::Malware, Category::System, Category::Application];
    let usual = all_of_them.into_iter().find(|it| has(*it)).unwrap_or(Category::System);
    let category = asked.category.unwrap_or(usual);
    all.retain(|it| it.category == category);
    let (name, tab) = match category {
        Category::System => ("system", "?category=system"),
        Category::Application => ("application", "?category=application"),
        Category::Malware => ("malware", "?category=malware"),
    };
    let Around { frame, it, tabs } = Around::new(call, tab)?;
    let others = show::states(frame.w).into_iter().filter_map(|(state, value, name)| {
        let count = all.iter().filter(|it| state_of(it) == state).count();
        let address = altered(call, &[("state", value)]);
        (state != asked.state && count > 0).then_some((count, name, address))
    });
    let others = others.collect();
    all.retain(|it| asked.wants(it));
    let list = Slice::of(call, all, asked.page);
    let ids: BTreeSet<i64> = list.items.iter().filter_map(|it| it.handled_by).collect();
    let rules = exceptions::some(call, &ids.into_iter().collect::<Vec<_>>())?;
    let places = of_image(&it.image, frame.w);
    html(&Page { frame, it, tabs, asked, category: name, list, rules, others, places })
}

fn state_of(it: &Finding) -> RiskState {
    match (it.gone_at, it.handled_by) {
        (Some(_), _) => RiskState::Gone,
        (None, Some(_)) => RiskState::Handled,
        (None, None) => RiskState::Open,
    }
}

impl Which {
    fn wants(&self, it: &Finding) -> bool {
        let text = self.text.to_lowercase();
        let texts = [&it.name, &it.title, &it.package];
        (self.state == RiskState::Any || self.state == state_of(it))
            && (self.level.0.is_empty() || self.level.0.contains(&it.level))
            && (!self.fixable || it.fixed.is_some())
            && texts.iter().any(|it| it.to_lowercase().contains(&text))
    }
}
