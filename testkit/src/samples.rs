//! Samples of malicious files and of what only looks like them: `crates/malware/samples/*.txt`.
//!
//! A file of samples holds many, each after a line that says what is expected of it:
//!
//! - `=== hit THREAT LEVEL PATH [elf|library|object] [mode=0755]`: it is reported as this threat, at this level or above;
//! - `=== miss PATH [elf|library|object] [mode=0755]`: it is not reported, or no worse than `remind`.
//!
//! Everything in them is harmless, and each script ends before it does anything. So that no scanner takes the file itself
//! for malicious, words are broken by `¦`, which is taken out. With `elf` the lines are the strings of a program,
//! with `library` and `object` those of a library or of an object like a module of the kernel.
use crate::elf::Elf;
use model::malware::{Level, Threat};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the file that holds it, without `.txt`.
    pub from: String,
    /// The line above it.
    pub head: String,
    /// What it must be reported as, at least; `None` when it only looks like something.
    pub expected: Option<(Threat, Level)>,
    /// Where it lies.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What kind of program it becomes, if any.
    pub kind: Option<String>,
    /// The text.
    pub text: String,
}

impl Sample {
    /// The file itself.
    pub fn bytes(&self) -> Vec<u8> {
        let elf = |kind: Elf| kind.strings(self.text.lines()).build();
        match self.kind.as_deref() {
            Some("elf") => elf(Elf::program()),
            Some("library") => elf(Elf::library()),
            Some("object") => elf(Elf::object()),
            _ => self.text.clone().into_bytes(),
        }
    }
}

/// Where ours are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/malware/samples")
}

/// Every sample in the files of `folder`, in order.
pub fn read(folder: &Path) -> Vec<Sample> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "txt"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap().replace('¦', "");
        let from = file.file_stem().unwrap().to_string_lossy();
        let cases = text.split("\n=== ").skip(1);
        all.extend(cases.map(|it| sample(&from, it.split_once('\n').unwrap_or((it, "")))));
    }
    assert!(!all.is_empty(), "{} has no sample", folder.display());
    all
}

fn sample(from: &str, (head, text): (&str, &str)) -> Sample {
    let words: Vec<&str> = head.split(' ').collect();
    let (expected, words) = match &words[..] {
        ["hit", threat, level, rest @ ..] => {
            let threat = Threat::of(threat).unwrap_or_else(|| panic!("{from}: no threat {threat}"));
            let levels = [Level::Remind, Level::Suspicious, Level::Serious];
            let level = levels.into_iter().find(|it| it.to_string() == *level);
            (Some((threat, level.unwrap_or_else(|| panic!("{from}: {head}")))), rest)
        }
        ["miss", rest @ ..] => (None, rest),
        _ => panic!("{from}: {head}"),
    };
    let mode = words.iter().find_map(|it| it.strip_prefix("mode="));
    let kind = words.iter().find(|it| ["elf", "library", "object"].contains(it));
    Sample {
        from: from.to_owned(),
        head: head.to_owned(),
        expected,
        path: words[0].to_owned(),
        mode: mode.map_or(0o644, |it| u32::from_str_radix(it, 8).unwrap()),
        kind: kind.map(|it| (*it).to_owned()),
        text: text.to_owned(),
    }
}
