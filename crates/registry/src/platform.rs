//! Which of the platforms that an image is built for is meant.
use crate::SourceError;
use model::Platform;
use std::env::consts::ARCH;

/// Which of the platforms that an image is built for is meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum PlatformChoice {
    /// Linux on the processor that we run on; where there is only one image, that one.
    #[default]
    Host,
    /// This one and no other.
    One(Platform),
    /// Every one.
    All,
}

impl PlatformChoice {
    /// The chosen ones of what is offered; where one was asked for and several fit, the one that
    /// fits to the letter, else the first (OCI image specification, image-index.md, "manifests").
    pub fn pick<T>(&self, offered: Vec<(Option<Platform>, T)>) -> Result<Vec<T>, SourceError> {
        let wanted = match self {
            PlatformChoice::All => return Ok(offered.into_iter().map(|it| it.1).collect()),
            PlatformChoice::Host if offered.len() == 1 => {
                return Ok(offered.into_iter().map(|it| it.1).collect());
            }
            PlatformChoice::Host => host(),
            PlatformChoice::One(it) => it.clone(),
        };
        let fits = |it: &Option<Platform>| it.as_ref().is_some_and(|it| wanted.accepts(it));
        let exact = offered.iter().position(|it| it.0.as_ref() == Some(&wanted));
        match exact.or_else(|| offered.iter().position(|it| fits(&it.0))) {
            Some(at) => Ok(offered.into_iter().nth(at).map(|it| it.1).into_iter().collect()),
            None => {
                let mut available: Vec<Platform> = Vec::new();
                for it in offered.into_iter().filter_map(|it| it.0) {
                    if !available.contains(&it) {
                        available.push(it);
                    }
                }
                Err(SourceError::NoPlatform { wanted, available })
            }
        }
    }
}

/// What this program was built for, in the words of images (Go's GOARCH).
fn host() -> Platform {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        it => it,
    };
    let (os, architecture) = ("linux".to_owned(), architecture.to_owned());
    Platform { os, architecture, variant: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_platform_is_picked() {
        let check = |choice: &PlatformChoice, offered: &[&str], picked: Option<&[usize]>| {
            let offered = offered.iter().enumerate().map(|(i, it)| (Platform::parse(it), i));
            assert_eq!(choice.pick(offered.collect()).ok().as_deref(), picked, "{choice:?}");
        };
        let one = |text: &str| PlatformChoice::One(Platform::parse(text).unwrap());
        let host = host().to_string();
        check(&PlatformChoice::All, &["amd64", "arm64"], Some(&[0, 1]));
        check(&PlatformChoice::Host, &["linux/s390", &host], Some(&[1]));
        check(&PlatformChoice::Host, &["linux/s390"], Some(&[0]));
        check(&PlatformChoice::Host, &["linux/s390", "linux/vax"], None);
        check(&one("arm"), &["linux/arm/v5", "linux/arm/v7"], Some(&[0]));
        check(&one("linux/arm/v7"), &["linux/arm/v5", "linux/arm/v7"], Some(&[1]));
        check(&one("linux/arm/v7"), &["linux/arm", "linux/arm/v7"], Some(&[1]));
        check(&one("linux/arm64"), &["linux/amd64", "linux/arm64/v8"], Some(&[1]));
        check(&one("linux/arm64"), &["linux/amd64"], None);
        check(&one("linux/arm64"), &["/"], None);
    }
}
