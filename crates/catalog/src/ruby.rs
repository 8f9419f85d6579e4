//! Ruby gems: installed ones by their specification (RubyGems guides, "Specification Reference"; installed with a first
//! comment, the stub, that says it in one line), and Bundler's `Gemfile.lock`.
use crate::{
    Cataloger,
    listed::{indented, list, locked, text},
};
use inspect::{Fault, File, Found, Malformed};
use model::Ecosystem;

pub(crate) const INSTALLED: Cataloger = Cataloger {
    name: "gem-specification",
    revision: 1,
    paths: &["specifications/*.gemspec", "specifications/default/*.gemspec"],
    parse: installed,
};

pub(crate) const LOCK: Cataloger = Cataloger {
    name: "gem-lock",
    revision: 1,
    paths: &["Gemfile.lock", "gems.locked"],
    parse: lock,
};

fn installed(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let gem = stub(&text).or_else(|| assigned(&text));
    let (name, version) = gem.ok_or(Malformed::new("no name and version of a gem"))?;
    list(INSTALLED.name, Ecosystem::Gem, found, |list| list.installed(name, version))
}

/// `# stub: rack 2.2.3 ruby lib`.
fn stub(text: &str) -> Option<(&str, &str)> {
    let line = text.lines().take(5).find_map(|it| it.strip_prefix("# stub: "))?;
    let mut words = line.split(' ');
    words.next().zip(words.next())
}

/// `s.name = "rack".freeze`, and `s.version = "2.2.3"` or `Gem::Version.new("2.2.3")`.
fn assigned(text: &str) -> Option<(&str, &str)> {
    let of = |key: &str| {
        let mut lines = text.lines().filter_map(|it| it.split_once('='));
        let (_, value) = lines.find(|(name, _)| name.trim().ends_with(key))?;
        value.split(['"', '\'']).nth(1)
    };
    of(".name").zip(of(".version"))
}

/// `GEM` and `GIT` have `specs:`, and there a gem a line: `    nokogiri (1.15.0-x86_64-linux)`. What it depends on is
/// indented further.
fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(LOCK.name, Ecosystem::Gem, file, found, |list| {
        let mut inside = false;
        for line in text.lines() {
            match indented(line) {
                (0, it) if !it.is_empty() => inside = matches!(it, "GEM" | "GIT"),
                (4, it) if inside => {
                    let Some((name, version)) = it.split_once(" (") else { continue };
                    let version = version.trim_end_matches(')');
                    // A hyphen begins the platform: versions of gems have none.
                    let version = version.split('-').next().unwrap_or_default();
                    list.declared(name, version, false)?;
                }
                _ => {}
            }
        }
        Ok(())
    })
}
