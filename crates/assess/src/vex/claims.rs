//! What rules a document's statements would be: for whoever keeps rules and has no findings at hand.
use super::{Said, Verdict, Vex, product::Product};
use jiff::Timestamp;
use model::{Digest, Ecosystem, Fit, Purl};
use std::collections::BTreeMap;

/// What a document says of one vulnerability in one product.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The vulnerability, under one of its names.
    pub vulnerability: String,
    /// The product, as the document calls it.
    pub product: String,
    /// `not_affected`, `fixed`, `under_investigation` or `affected`.
    pub status: String,
    /// The rule that it would be; else why it is none.
    pub rule: Result<Rule, String>,
}

/// Which findings do not count, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Whether the vulnerability was mended, and not that it never did harm.
    pub fixed: bool,
    /// Why.
    pub reason: String,
    /// The package, if not any.
    pub package: Option<Purl>,
    /// Where it holds.
    pub place: Place,
}

/// Where a rule holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In every image.
    Everywhere,
    /// In the image of this digest, or those of the index of this digest.
    Image(Digest),
    /// In a repository.
    Repository {
        /// The server, and what the repository is called there: `registry.example:5000/team/app`.
        repository: String,
        /// The images of this tag alone.
        tag: Option<String>,
    },
}

/// A claim before others are asked, and what decides among them.
struct Draft {
    claim: Claim,
    at: Option<Timestamp>,
    verdict: Verdict,
    /// What it is about, if that can be told.
    about: Option<(Option<Purl>, Place)>,
}

impl Vex {
    /// What it says of each vulnerability in each product, under each name.
    pub fn claims(&self) -> Vec<Claim> {
        let mut drafts: Vec<Draft> =
            self.statements.iter().flat_map(|it| self.drafts(it)).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, it) in drafts.iter().enumerate() {
            by_name.entry(it.claim.vulnerability.to_lowercase()).or_default().push(i);
        }
        for same in by_name.values() {
            let overruled = |i: &&usize| {
                let (Some(this), others) = (drafts.get(**i), same.iter()) else { return false };
                let mut others = others.filter(|it| it != i).filter_map(|it| drafts.get(*it));
                this.claim.rule.is_ok() && others.any(|it| it.overrules(this))
            };
            let overruled: Vec<usize> = same.iter().filter(overruled).copied().collect();
            for i in overruled {
                if let Some(it) = drafts.get_mut(i) {
                    let why =
                        "a later or more cautious statement of the document is about some of it";
                    it.claim.rule = Err(why.to_owned());
                }
            }
        }
        drafts.into_iter().map(|it| it.claim).collect()
    }

    fn drafts<'a>(&'a self, said: &'a Said) -> impl Iterator<Item = Draft> + 'a {
        let parts = said.products.iter().flat_map(Product::parts);
        parts.flat_map(move |(product, part)| {
            let about = about(product, part);
            let rule = about.clone().and_then(|it| self.rule(said, it));
            let product =
                part.map_or_else(|| product.name(), |it| it.name() + " in " + &product.name());
            said.names.iter().map(move |name| Draft {
                claim: Claim {
                    vulnerability: name.clone(),
                    product: product.clone(),
                    status: said.verdict.to_string(),
                    rule: rule.clone(),
                },
                at: said.at,
                verdict: said.verdict,
                about: about.clone().ok(),
            })
        })
    }

    fn rule(&self, said: &Said, (package, place): (Option<Purl>, Place)) -> Result<Rule, String> {
        let exact = package.as_ref().is_some_and(|it| it.version.is_some());
        let fit = match exact || matches!(place, Place::Image(_)) {
            true => Fit::Exactly,
            false => Fit::AnyVersion,
        };
        let reason = said.excuse(fit).ok_or_else(|| said.doubt().to_owned())?;
        let reason = format!("VEX by {}: {reason}", self.author());
        Ok(Rule { fixed: said.verdict == Verdict::Fixed, reason, package, place })
    }
}

impl Draft {
    /// Whether this speaks of something that the other is about too, and has the last word on it.
    fn overrules(&self, other: &Draft) -> bool {
        if (self.at, self.verdict) <= (other.at, other.verdict) {
            return false;
        }
        let (Some((package, place)), Some((others, where_else))) = (&self.about, &other.about)
        else {
            return false;
        };
        let apart = |it: &Place, other: &Place| {
            it != other && *it != Place::Everywhere && *other != Place::Everywhere
        };
        let meet = match (package, others) {
            (Some(it), Some(other)) => other.fits(it).is_some() || it.fits(other).is_some(),
            _ => true,
        };
        meet && !apart(place, where_else)
    }
}

/// Which package is meant, and where; else why nobody can tell.
fn about(product: &Product, part: Option<&Product>) -> Result<(Option<Purl>, Place), String> {
    let image = product.place();
    match (image, part) {
        (Some(Err(why)), _) => Err(why),
        (Some(Ok(place)), None) => Ok((None, place)),
        (Some(Ok(place)), Some(part)) => match part.package() {
            Some(package) => Ok((Some(package.clone()), place)),
            None => Err("the part is not named by a package URL of a kind that we know".to_owned()),
        },
        (None, None) => match product.package() {
            Some(package) => Ok((Some(package.clone()), Place::Everywhere)),
            None => Err("neither an image nor a package URL of a kind that we know".to_owned()),
        },
        (None, Some(_)) => Err("it is part of something that is no image".to_owned()),
    }
}

impl Product {
    /// Each of its parts with it; without parts itself.
    fn parts(&self) -> Vec<(&Product, Option<&Product>)> {
        match self.subcomponents.as_slice() {
            [] => vec![(self, None)],
            parts => parts.iter().map(|it| (self, Some(it))).collect(),
        }
    }

    fn name(&self) -> String {
        match &self.purl {
            Some(it) => it.to_string(),
            None if self.id.is_empty() => self.hashes.join(", "),
            None => self.id.clone(),
        }
    }

    /// Where the images are that it means; `None` when it is no image.
    fn place(&self) -> Option<Result<Place, String>> {
        let named = self.id.rsplit_once('@').map(|it| it.1).unwrap_or(&self.id);
        let oci = self.purl.as_ref().filter(|it| it.kind == "oci");
        if self.purl.is_none() || oci.is_some() {
            let hashed = self.hashes.first().map(|it| format!("sha256:{it}"));
            let version = oci.and_then(|it| it.version.clone());
            let digests = hashed.into_iter().chain([named.to_owned()]).chain(version);
            if let Some(digest) = digests.filter_map(|it: String| Digest::parse(&it)).next() {
                return Some(Ok(Place::Image(digest)));
            }
        }
        let purl = oci?;
        let Some(place) = purl.qualifier("repository_url") else {
            return Some(Err("nothing says which repository that is".to_owned()));
        };
        // Some leave the name out of it.
        let last = place.rsplit('/').next() == Some(&purl.name);
        let repository = if last { place.to_owned() } else { format!("{place}/{}", purl.name) };
        let tag = purl.qualifier("tag").or(purl.version.as_deref()).map(str::to_owned);
        Some(Ok(Place::Repository { repository, tag }))
    }

    /// The package that it is.
    fn package(&self) -> Option<&Purl> {
        self.purl.as_ref().filter(|it| Ecosystem::from_purl(&it.kind).is_some())
    }
}
