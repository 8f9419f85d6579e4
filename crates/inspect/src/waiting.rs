//! Files of which a closer look waits until all of the layer is known: most are vouched for by a package then, by a
//! digest, and need none.
use crate::{
    Inspector, Judged,
    cover::{Program, key},
    examine::PutOff,
    owners::{Owner, vouches},
};
use model::{ImagePath, malware::Sample};
use std::{collections::BTreeMap, fs::File, io, os::unix::fs::FileExt};

/// How many files may wait.
const MOST: usize = 50_000;

/// What waits. The content lies at the start of the spool.
#[derive(Default)]
pub(crate) struct Waiting {
    files: BTreeMap<ImagePath, Later>,
    /// Other names of these files.
    names: BTreeMap<ImagePath, ImagePath>,
    /// Where the content of the last one ends.
    end: u64,
    /// What those may take that are being looked at for the first time.
    promised: u64,
}

/// A file that waits.
pub(crate) struct Later {
    pub(crate) by: &'static dyn Inspector,
    pub(crate) judged: Judged,
    pub(crate) sample: Sample,
    start: u64,
}

impl Waiting {
    /// Whether there is room for one more file, within `most` bytes: if so, that is kept for it.
    pub(crate) fn promise(&mut self, size: u64, most: u64) -> bool {
        let taken = self.end.saturating_add(self.promised);
        let room = taken.saturating_add(size) <= most && self.files.len() < MOST;
        if room {
            self.promised = self.promised.saturating_add(size);
        }
        room
    }

    /// The file that room was kept for needs none, or has it now.
    pub(crate) fn settle(&mut self, size: u64) {
        self.promised = self.promised.saturating_sub(size);
    }

    /// One more that waits.
    pub(crate) fn put(&mut self, path: ImagePath, it: Box<PutOff>, spool: &File) -> io::Result<()> {
        let (start, size) = (self.end, u64::try_from(it.bytes.len()).unwrap_or(u64::MAX));
        spool.write_all_at(&it.bytes, start)?;
        self.end = start.saturating_add(size);
        let PutOff { by, judged, sample, .. } = *it;
        self.files.insert(path, Later { by, judged, sample, start });
        Ok(())
    }

    /// Another entry has this name: the last is the one that a runtime leaves.
    pub(crate) fn forget(&mut self, path: &ImagePath) {
        self.files.remove(path);
        self.names.remove(path);
    }

    /// This is a second name of `target`, if that waits.
    pub(crate) fn name(&mut self, path: ImagePath, target: ImagePath) {
        if self.files.contains_key(&target) {
            self.names.insert(path, target);
        }
    }

    /// How much of the spool is taken.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// All that waits, each with whether a package vouches for it.
    pub(crate) fn take(&mut self, owners: &[Owner]) -> Vec<(ImagePath, Later, bool)> {
        let files = std::mem::take(&mut self.files).into_iter().map(|(path, it)| {
            let vouched = vouches(owners, &Program::new(key(path.as_str()), &it.sample.digests));
            (path, it, vouched)
        });
        files.collect()
    }

    /// Other names of those, each with the first.
    pub(crate) fn take_names(&mut self) -> BTreeMap<ImagePath, ImagePath> {
        std::mem::take(&mut self.names)
    }
}

impl Later {
    /// The content.
    pub(crate) fn read(&self, spool: &File) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.sample.size).unwrap_or_default()];
        spool.read_exact_at(&mut bytes, self.start)?;
        Ok(bytes)
    }
}
