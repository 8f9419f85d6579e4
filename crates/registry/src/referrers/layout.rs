//! What is attached to an image in an OCI layout: whatever else is in the layout and says so.
use super::{Artifact, Attached, Gathering, Piece, Reading, Subject, tag};
use crate::{SourceError, manifest};
use model::{Digest, Image};
use std::collections::BTreeSet;

/// How deep indexes may lie in each other.
const DEPTH: usize = 8;
/// The most entries that are looked at.
const ENTRIES: usize = 10_000;

/// An entry of an index, and the indexes that lead to it.
struct Reached {
    piece: Piece,
    above: Vec<Digest>,
}

/// What the layout with this `index.json` holds about `image`.
pub(crate) fn attached(index: &[u8], image: &Image, reading: Reading<'_>) -> Attached {
    let Some(own) = image.digest.clone() else { return Attached::default() };
    let mut walk = Walk { reading: &reading, reached: Vec::new(), seen: BTreeSet::new() };
    let outcome = walk.index(index, &[]);
    let reached = walk.reached;
    let subjects = subjects(own, &reached);
    let mut gathering = Gathering::new(&subjects, reading);
    if let Err(err) = outcome {
        gathering.gap("attached documents", &err);
    }
    for it in &reached {
        for subject in &subjects {
            gather(&it.piece, subject, &mut gathering);
        }
    }
    gathering.end()
}

/// The image, and the indexes that lead to it.
fn subjects(own: Digest, reached: &[Reached]) -> Vec<Subject> {
    let is_own = |it: &&Reached| it.piece.digest.as_ref() == Some(&own);
    let indexes: BTreeSet<_> = reached.iter().filter(is_own).flat_map(|it| &it.above).collect();
    let indexes = indexes.into_iter().map(|index| {
        let mut others = reached.iter().filter(|it| it.above.last() == Some(index));
        let alone = others.all(|it| is_own(&it) || !it.piece.is_image());
        Subject { digest: index.clone(), alone }
    });
    let mut subjects: Vec<_> = indexes.collect();
    subjects.insert(0, Subject { digest: own, alone: true });
    subjects
}

fn gather(piece: &Piece, subject: &Subject, gathering: &mut Gathering<'_>) {
    let name = piece.note("org.opencontainers.image.ref.name").unwrap_or_default();
    let stem = tag(&subject.digest);
    let hangs = name.strip_prefix(&stem).is_some_and(|it| matches!(it, ".sbom" | ".att"));
    if hangs || piece.attests(&subject.digest) {
        return gathering.manifest(piece, subject, false);
    }
    if piece.is_image() && piece.may_hold_documents() {
        // Most are other images; whatever cannot be read says nothing of being attached here.
        let read = gathering.look(piece);
        if read.is_some_and(|it| it.is_about(&subject.digest)) {
            gathering.manifest(piece, subject, true);
        }
    }
}

struct Walk<'a> {
    reading: &'a Reading<'a>,
    reached: Vec<Reached>,
    seen: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn index(&mut self, bytes: &[u8], above: &[Digest]) -> Result<(), SourceError> {
        let index: Artifact = manifest::json("index", bytes)?;
        for piece in index.manifests.into_iter().flatten() {
            if self.reached.len() >= ENTRIES {
                return Err(SourceError::TooLarge(format!("over {ENTRIES} entries")));
            }
            let Some(digest) = piece.digest.clone() else { continue };
            let deeper =
                piece.is_index() && above.len() < DEPTH && self.seen.insert(digest.clone());
            if deeper {
                // An index of another image need not be there at all.
                if let Ok(bytes) = (self.reading.manifest)(&piece.descriptor()) {
                    self.index(&bytes, &[above, &[digest]].concat())?;
                }
            }
            self.reached.push(Reached { piece, above: above.to_vec() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Archive, Layout, PlatformChoice, Source,
        testing::{Files, MANIFEST, layer, named},
    };
    use std::fs;

    const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    const SPDX: &str = "application/spdx+json";

    /// Adds an artifact of one document; its descriptor, with `more` in it.
    fn artifact(files: &mut Files, subject: Option<&str>, document: &str, more: &str) -> String {
        let config = files.blob(EMPTY, b"{}", "");
        let layer = files.blob(SPDX, document.as_bytes(), "");
        let subject = subject.map_or(String::new(), |it| format!(r#","subject":{it}"#));
        let manifest = format!(
            r#"{{"schemaVersion":2,"artifactType":"{SPDX}","config":{config},"layers":[{layer}]{subject}}}"#
        );
        files.blob(MANIFEST, manifest.as_bytes(), more)
    }

    fn digest(descriptor: &str) -> String {
        let (_, rest) = descriptor.split_once("sha256:").unwrap();
        rest[..64].to_owned()
    }

    /// What is attached, from a directory and from an archive alike.
    fn check(files: Files, top: &[&str], choice: Option<&str>, expected: &str) {
        let files = files.layout(top);
        let root = tempfile::tempdir().unwrap();
        files.write_to(root.path());
        let tar = root.path().join("layout.tar");
        fs::write(&tar, files.tar()).unwrap();
        let layout = Layout::new(root.path(), choice, PlatformChoice::Host);
        let archive = Archive::open(&tar, choice, PlatformChoice::Host).unwrap().unwrap();
        let sources: [&dyn Source; 2] = [&layout, &archive];
        for source in sources {
            let attached = source.attached(&source.images().unwrap()[0]);
            let documents = attached.documents.iter();
            let documents = documents.map(|it| String::from_utf8(it.bytes.clone()).unwrap());
            let gaps = attached.gaps.iter().map(|it| it.reason.to_string());
            let got: Vec<_> = documents.chain(gaps).collect();
            assert_eq!(got.join("; "), expected);
        }
    }

    #[test]
    fn what_hangs_on_an_image_is_found() {
        let mut files = Files::default();
        let image = files.image("linux/amd64", &[&layer("a", "1")], &named("x:1"));
        let other = files.image("linux/amd64", &[&layer("b", "2")], &named("x:2"));
        let sbom = artifact(&mut files, Some(&image), "[1]", "");
        let others = artifact(&mut files, Some(&other), "[2]", "");
        check(files.clone(), &[&image], None, "");
        // An artifact is not mistaken for one more image.
        check(files.clone(), &[&image, &sbom], None, "[1]");
        check(files.clone(), &[&image, &sbom, &other, &others], Some("x:1"), "[1]");
        check(files.clone(), &[&image, &sbom, &other, &others], Some("x:2"), "[2]");
        let tag = format!("sha256-{}", digest(&image));
        let list = files.nest(&[&sbom], &named(&tag));
        check(files.clone(), &[&image, &list], None, "[1]");
        let cosign = artifact(&mut files, None, "[3]", &named(&format!("{tag}.sbom")));
        check(files.clone(), &[&image, &cosign], None, "[3]");
        let nested = files.nest(&[&image], &named("x:1"));
        let index_sbom = artifact(&mut files, Some(&nested), "[4]", "");
        check(files, &[&nested, &index_sbom, &sbom], None, "[4]; [1]");
    }

    #[test]
    fn what_is_broken_is_a_gap() {
        let mut files = Files::default();
        let image = files.image("linux/amd64", &[&layer("a", "1")], &named("x:1"));
        let sbom = artifact(&mut files, Some(&image), "[1]", "");
        let place = files.0.iter().find(|it| it.1 == b"[1]").unwrap().0.clone();
        let mut missing = files.clone();
        missing.0.remove(&place);
        let mut wrong = files.clone();
        wrong.set(&place, "[2]");
        for files in [missing, wrong] {
            let files = files.layout(&[&image, &sbom]);
            let root = tempfile::tempdir().unwrap();
            files.write_to(root.path());
            let layout = Layout::new(root.path(), None, PlatformChoice::Host);
            let attached = layout.attached(&layout.images().unwrap()[0]);
            assert_eq!((attached.documents.len(), attached.gaps.len()), (0, 1));
        }
    }
}
