//! VEX documents as exceptions.
use crate::{
    Problem,
    call::{Call, Failure, NOTHING},
    receive::{Document, Json},
    views::{VexImport, VexOutcome, VexStatement},
};
use assess::vex::{self, Claim, Rule, Vex};
use model::Digest;
use serde::Serialize;
use store::{
    Tx,
    exceptions::{self, Kind, Place},
    images, registries, repositories,
    vex::Became,
};

/// The most bytes of a document.
pub(super) const BYTES: usize = 32 << 20;
/// The most rules that a document may be.
const RULES: usize = 20_000;

/// What the audit log keeps of an import.
#[derive(Serialize)]
struct Noted<'a> {
    version: &'a str,
    made: Vec<i64>,
    superseded: &'a [i64],
}

pub(crate) fn import(call: &Call, Document(bytes): Document) -> Result<Json<VexImport>, Problem> {
    let vex = vex::parse(&bytes).map_err(|err| Problem::invalid(format!("the document: {err}")))?;
    let (claims, document) = (vex.claims(), document(call, &vex, &bytes)?);
    call.change(|tx| {
        let (mut statements, mut rules) = (Vec::new(), Vec::new());
        for claim in &claims {
            let (statement, some) = resolve(tx, claim, &document)?;
            statements.push((statement, some.len()));
            rules.extend(some);
        }
        if rules.len() > RULES {
            let text =
                format!("the document would be {} exceptions, more than {RULES}", rules.len());
            return Err(Problem::invalid(text).into());
        }
        let done = store::vex::import(tx, &document, &rules, call.now)?;
        let mut became = done.rules.into_iter();
        let mut all = Vec::new();
        for (mut statement, count) in statements {
            became.by_ref().take(count).for_each(|it| statement.add(it));
            statement.reason = call.say(&statement.reason);
            all.push(statement);
        }
        let made = |it: &&VexStatement| it.outcome == VexOutcome::Made;
        let mut made: Vec<i64> =
            all.iter().filter(made).flat_map(|it| it.exceptions.clone()).collect();
        made.sort_unstable();
        made.dedup();
        let noted = Noted { version: &document.version, made, superseded: &done.superseded };
        call.audit(tx, &format!("vex/{}", document.id), NOTHING, Some(&noted))?;
        Ok(Json(VexImport {
            document: document.id.clone(),
            version: document.version.clone(),
            author: vex.author().to_owned(),
            statements: all,
            superseded: done.superseded,
            problems: vex.problems.iter().map(|it| call.say(it)).collect(),
        }))
    })
}

/// A document that is not called anything is known by its content.
fn document(call: &Call, vex: &Vex, bytes: &[u8]) -> Result<store::vex::Document, Problem> {
    let id = match vex.id() {
        "" => {
            let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
            let hash: Option<&[u8; 32]> = hash.as_ref().try_into().ok();
            hash.map(|it| Digest::sha256(it).to_string()).unwrap_or_default()
        }
        id => id.to_owned(),
    };
    Ok(store::vex::Document {
        id,
        version: vex.version().to_owned(),
        dated: vex.dated().map(|it| it.as_millisecond()),
        person: call.who()?.name.clone(),
    })
}

/// The exceptions that a claim would be, and why there are none.
fn resolve(
    tx: &mut Tx<'_>,
    claim: &Claim,
    document: &store::vex::Document,
) -> Result<(VexStatement, Vec<exceptions::New>), Failure> {
    let mut statement = VexStatement {
        vulnerability: claim.vulnerability.clone(),
        product: claim.product.clone(),
        status: claim.status.clone(),
        outcome: VexOutcome::Nothing,
        reason: String::new(),
        exceptions: Vec::new(),
    };
    let places = match &claim.rule {
        Ok(rule) => places(tx, &rule.place)?.map(|it| (rule, it)),
        Err(why) => Err(why.clone()),
    };
    let (rule, places) = match places {
        Ok(it) => it,
        Err(why) => {
            statement.reason = why;
            return Ok((statement, Vec::new()));
        }
    };
    let one = |place| exceptions::New {
        risk: name(&claim.vulnerability),
        package: rule.package.as_ref().map(ToString::to_string).unwrap_or_default(),
        path: String::new(),
        rule: String::new(),
        place,
        kind: kind(rule),
        reason: rule.reason.clone(),
        person: document.person.clone(),
        until: None,
        document: document.id.clone(),
    };
    Ok((statement, places.into_iter().map(one).collect()))
}

/// A vulnerability as advisories spell it, with CVEs in capitals.
fn name(text: &str) -> String {
    match text.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("cve-")) {
        true => text.to_uppercase(),
        false => text.to_owned(),
    }
}

fn kind(rule: &Rule) -> Kind {
    if rule.fixed { Kind::Fixed } else { Kind::FalsePositive }
}

/// The places that are meant; else why there are none.
fn places(tx: &mut Tx<'_>, place: &vex::Place) -> Result<Result<Vec<Place>, String>, Failure> {
    match place {
        vex::Place::Everywhere => Ok(Ok(vec![Place::Everything])),
        vex::Place::Image(digest) => {
            // What is said of an index is said of the images that it leads to.
            let parts = images::one(tx, digest.as_str())?.map(|it| it.parts).unwrap_or_default();
            let mut all: Vec<Place> = parts.into_iter().map(|it| Place::Image(it.1)).collect();
            if all.is_empty() {
                all.push(Place::Image(digest.to_string()));
            }
            Ok(Ok(all))
        }
        vex::Place::Repository { repository, tag } => {
            let known = known(tx, repository)?;
            if known.is_empty() {
                return Ok(Err(format!("no registry here has the repository {repository}")));
            }
            Ok(Ok(vec![match tag {
                None => Place::Repositories(known),
                Some(tag) => Place::Tags(known.into_iter().map(|it| (it, tag.clone())).collect()),
            }]))
        }
    }
}

/// The repositories that go by this name, of all registries with this address.
fn known(tx: &mut Tx<'_>, repository: &str) -> Result<Vec<i64>, Failure> {
    let Some((host, path)) = repository.split_once('/') else { return Ok(Vec::new()) };
    let mut known = Vec::new();
    for it in registries::all(tx)? {
        let address = it.address.split_once("://").map_or(it.address.as_str(), |it| it.1);
        if address.trim_end_matches('/').eq_ignore_ascii_case(host) {
            known.extend(repositories::named(tx, it.id, path)?);
        }
    }
    Ok(known)
}

impl VexStatement {
    /// Notes what became of one of its exceptions; what is new counts most.
    fn add(&mut self, it: Became) {
        let (outcome, id, reason) = match it {
            Became::Made(id) => (VexOutcome::Made, id, ""),
            Became::Kept(id) => (VexOutcome::Kept, id, "it was imported before"),
            Became::Ended(id) => (VexOutcome::Ended, id, "somebody has ended its exception"),
        };
        self.exceptions.push(id);
        if self.outcome != VexOutcome::Made {
            self.outcome = outcome;
            reason.clone_into(&mut self.reason);
        }
    }
}
