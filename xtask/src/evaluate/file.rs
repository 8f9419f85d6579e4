//! One file, judged as if it were the only one of an image and nobody's.
use inspect::{Depth, File, Found, Inspector};
use malware::{Judge, Packages, verdicts};
use model::{
    ImageConfig, ImagePath, Inventory,
    malware::{Evidence, Level, Malicious, Suspect, Trust, Visibility},
};

/// What a judgement came to.
pub(super) struct Judged {
    /// What is reported, worst first.
    pub(super) verdicts: Vec<Malicious>,
    /// What of it went unseen.
    pub(super) gaps: Vec<String>,
    /// How much of it was looked at.
    pub(super) depth: Option<Depth>,
}

impl Judged {
    pub(super) fn worst(&self) -> Option<Level> {
        self.verdicts.iter().map(|it| it.level).max()
    }
}

pub(super) fn judge(judge: &Judge, path: &str, mode: u32, bytes: &[u8]) -> Judged {
    judge_with(judge, path, mode, bytes, &|_| true)
}

/// The same with only some of the evidence.
pub(super) fn judge_with(
    judge: &Judge,
    path: &str,
    mode: u32,
    bytes: &[u8],
    counts: &dyn Fn(&Evidence) -> bool,
) -> Judged {
    let Ok(path) = ImagePath::parse(path.as_bytes()) else {
        let gaps = vec![format!("{path}: no path in an image")];
        return Judged { verdicts: Vec::new(), gaps, depth: None };
    };
    let mut found = Found::default();
    let told = judge.inspect(&File::new(&path, bytes).with_mode(mode), &mut found);
    let gaps = found.gaps.iter().map(ToString::to_string);
    let gaps = gaps.chain(told.err().map(|it| it.to_string())).collect();
    let suspect = found.sample.map(|mut sample| {
        sample.evidence.retain(|it| counts(it));
        let (visibility, trust) = (Visibility::Effective, Trust::Unknown);
        Suspect { path, layer: 0, visibility, trust, sample }
    });
    let suspects = suspect.into_iter().collect();
    let inventory = Inventory { suspects, ..Inventory::default() };
    let verdicts = verdicts(&inventory, &ImageConfig::default(), &Packages::default());
    Judged { verdicts, gaps, depth: found.judged.map(|it| it.depth) }
}
