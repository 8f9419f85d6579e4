//! Findings that look like those of real packages, for measuring the store.
use crate::bench_store::{RISKS, chance};
use model::{
    Component, Ecosystem, Finding, Kind, Level, Namespace, Priority, Rating, Statement, Status, Why,
};

/// Packages of a distribution have three vulnerabilities on average, most of them old; one library in six has one
/// or two.
pub(crate) fn of_component(it: &Component, at: usize, turn: usize) -> Vec<Finding> {
    let text = format!("{} {}", it.name, it.version);
    let seed = chance(&text.bytes().map(usize::from).collect::<Vec<_>>());
    let count = if it.name.starts_with("quiet") || it.name.starts_with("@team") {
        0
    } else if it.ecosystem == Ecosystem::Deb {
        [0, 0, 1, 2, 3, 4, 5, 9][seed % 8]
    } else {
        [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2][seed % 12]
    };
    let name = chance(&it.name.bytes().map(usize::from).collect::<Vec<_>>());
    let risk = |n: usize| {
        let turned = if n == 0 { turn } else { 0 };
        let risk = name % RISKS + n * 7 + seed % 3 + turned * 13;
        // Three of eight are medium.
        let risk = if it.name.starts_with("calm") { risk / 8 * 8 + 3 + n % 3 } else { risk };
        finding(it, at, risk % RISKS)
    };
    let mut all: Vec<Finding> = (0..count).map(risk).collect();
    all.dedup_by(|a, b| a.id == b.id);
    all
}

fn finding(it: &Component, at: usize, risk: usize) -> Finding {
    let id = format!("CVE-{}-{risk}", 2010 + risk % 16);
    let level = [
        Level::Critical,
        Level::High,
        Level::High,
        Level::Medium,
        Level::Medium,
        Level::Medium,
        Level::Low,
        Level::Negligible,
    ][risk % 8];
    let rating = Rating {
        level,
        by: "nvd".to_owned(),
        score: Some(7.5),
        value: format!(
            "CVSS:3.1/AV:{}/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
            if risk.is_multiple_of(4) { 'L' } else { 'N' }
        ),
    };
    let fixed = !risk.is_multiple_of(3);
    let says = |feed: &str| Statement {
        feed: feed.to_owned(),
        title: "Security tracker of the distribution".to_owned(),
        advisory: id.clone(),
        status: if fixed { Status::Fixed } else { Status::Affected },
        affects: true,
        comparison: format!("{} < {}.9 (dpkg)", it.version, it.version),
    };
    Finding {
        component: at,
        aliases: vec![format!("GHSA-{risk:04}-aaaa-bbbb")],
        errata: vec![format!("DSA-{risk}-1")],
        kind: Kind::Vulnerability,
        status: if fixed { Status::Fixed } else { Status::Affected },
        certain: true,
        fixed: fixed.then(|| format!("{}.9", it.version)),
        subscription: None,
        severity: rating.clone(),
        ratings: vec![rating.clone(), rating],
        title: format!(
            "A flaw was found in the parser of part {risk}: a crafted message may read out of bounds"
        ),
        cwes: vec!["CWE-125".to_owned()],
        references: (0..4)
            .map(|n| format!("https://security.example/advisories/{risk}/{n}"))
            .collect(),
        published: None,
        exploited: risk.is_multiple_of(200).then_some(model::Exploited {
            added: None,
            due: None,
            ransomware: false,
        }),
        epss: Some(model::Epss { day: None, score: (risk % 100) as f32 / 100.0, percentile: 0.5 }),
        exploits: (risk.is_multiple_of(50))
            .then(|| format!("https://exploits.example/{risk}"))
            .into_iter()
            .collect(),
        restart: at.is_multiple_of(20).then_some(model::Restart::Containers),
        priority: Priority::default(),
        why: Why {
            namespace: Namespace::new("distribution:12"),
            package: it.name.clone(),
            by_source: true,
            version: it.version.clone(),
            scheme: "dpkg".to_owned(),
            feed: "tracker".to_owned(),
            advisory: id.clone(),
            range: "every version before the fix".to_owned(),
            comparison: format!("{} < {}.9 (dpkg)", it.version, it.version),
        },
        sample: None,
        sources: vec![says("tracker"), says("osv")],
        id,
    }
}
