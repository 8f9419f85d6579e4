//! One pass over a layer: decompress, hash, walk the archive, show each file to the inspectors.
use crate::{
    Cover, Depth, File, Found, Head, Inspector, Judged,
    cover::PROGRAMS,
    decompress::{Chunk, Output, Trouble, decompress},
    examine::{Event, Events, Look, Seen, show},
    links::Links,
    owners::owners,
    tar::{Entries, Entry, Kind, Stop},
    waiting::Waiting,
};
use model::{Digest, Gap, ImagePath, Reason, malware::Examined};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

/// Says who wants to look at a file. Asked for every file of every image: keep it cheap.
pub type Wanting<'a> = &'a (dyn Fn(&Head<'_>) -> Vec<&'static dyn Inspector> + Sync);

/// The most that we are willing to spend on one layer. Whatever is over it becomes a gap.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limits {
    /// Bytes of the layer, uncompressed.
    pub layer_bytes: u64,
    /// How many times its size a layer may expand to.
    pub ratio: u64,
    /// Entries of the layer.
    pub entries: u64,
    /// Bytes of a file that an inspector wants to see.
    pub file_bytes: u64,
    /// Bytes of a file that is kept in memory; a larger one goes to the spool.
    pub memory_bytes: u64,
    /// Bytes of files that may wait until it is known whether a package vouches for them; of those a closer look is
    /// spared. With 0 every file is looked at closely.
    pub waiting_bytes: u64,
    /// Gaps that are listed one by one; the rest is counted.
    pub gaps: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            layer_bytes: 64 << 30,
            ratio: 1500,
            entries: 10_000_000,
            file_bytes: 2 << 30,
            memory_bytes: 32 << 20,
            waiting_bytes: 256 << 20,
            gaps: 1000,
        }
    }
}

/// What a layer contains and what it hides. Depends on nothing but the layer's bytes, the inspectors
/// and the limits, so it is computed once for each diff ID.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LayerReport {
    /// Digest of the uncompressed layer; `None` when it could not be read to its end.
    pub diff_id: Option<Digest>,
    /// Bytes of it, uncompressed.
    pub bytes: u64,
    /// Entries of it.
    pub entries: u64,
    /// The files in which something was found, with who found it; all others are only counted in
    /// `cover`.
    pub found: BTreeMap<ImagePath, Vec<(String, Found)>>,
    /// Symbolic links on which the meaning of other paths may depend, with their targets.
    pub links: BTreeMap<ImagePath, String>,
    /// Files of interest that are a second name of the file at the other path.
    pub same: BTreeMap<ImagePath, ImagePath>,
    /// Directories with files that run in them that it does not bring as directories, with all above them: on the way to
    /// them a link of a layer below may stand, so that the files end up elsewhere.
    pub through: BTreeSet<ImagePath>,
    /// What it does to the layers below. Written and read by itself: it may be very large.
    #[serde(skip)]
    pub cover: Cover,
    /// How much of it was looked at for malicious files.
    pub examined: Examined,
    /// What went unseen, and where; `None` for the layer as a whole.
    pub gaps: Vec<(Option<ImagePath>, Gap)>,
}

/// How deep a symbolic link may stand to be kept whatever its name: `/var/lib/dpkg` is three deep.
const LINK_DEPTH: usize = 3;
/// How many links are kept.
const LINKS: usize = 200_000;
/// How many directories are kept in which files may end up elsewhere. None are in layers that were made by building.
const THROUGH: usize = 100_000;
/// How much of a file `Inspector::wants` gets to see.
const START_BYTES: usize = 512;

/// Reads `layer` to its end, showing each file to the inspectors that want it. `Err` means that
/// `layer` or `spool` failed; whatever is wrong with the content is in the report.
pub fn inspect_layer(
    layer: impl Read,
    wanting: Wanting<'_>,
    limits: &Limits,
    spool: Option<&mut fs::File>,
) -> io::Result<LayerReport> {
    // Only for what is read in small pieces: all else goes past it, uncopied.
    let mut input = io::BufReader::with_capacity(16 << 10, layer);
    let (full, chunks) = sync_channel(2);
    let (spent, spare) = channel();
    let (report, outcome) = thread::scope(|scope| {
        let stream = Stream::new(chunks, spent);
        let events = Events::new(scope);
        let (waiting, report) = (Waiting::default(), LayerReport::default());
        let walk = Walk { wanting, limits, spool, events, waiting, report };
        let walker = scope.spawn(|| walk.run(stream));
        let unpack = || unpack(&mut input, full, &spare, limits);
        let outcome = panic::catch_unwind(AssertUnwindSafe(unpack));
        (walker.join(), outcome)
    });
    let report = report.unwrap_or_else(|_| {
        let mut report = LayerReport::default();
        report.broken("layer", Reason::Crashed("the walk over the archive panicked".to_owned()));
        Ok(report)
    });
    let mut report = report?;
    match outcome {
        Ok(Ok(()) | Err(Trouble::Closed)) => {}
        Ok(Err(Trouble::Io(err))) => return Err(err),
        Ok(Err(Trouble::Malformed(why))) => {
            report.broken("layer", Reason::Malformed(why.0.into_owned()));
        }
        Ok(Err(Trouble::TooLarge(what))) => report.broken("layer", Reason::TooLarge(what)),
        Err(_) => report.broken("layer", Reason::Crashed("decompression panicked".to_owned())),
    }
    // Whoever verifies the digest of what we read must get to see every byte of it.
    io::copy(&mut input, &mut io::sink())?;
    Ok(report)
}

/// Decompresses, handing full chunks on and taking spent ones back.
fn unpack(
    input: &mut impl BufRead,
    full: SyncSender<Chunk>,
    spare: &Receiver<Chunk>,
    limits: &Limits,
) -> Result<(), Trouble> {
    let mut exchange = |chunk| {
        full.send(chunk).ok()?;
        Some(spare.try_recv().unwrap_or_default())
    };
    decompress(input, &mut Output::new(limits.layer_bytes, limits.ratio, &mut exchange))
}

impl LayerReport {
    /// The layer as a whole can't be relied on: what was found before stays.
    fn broken(&mut self, by: &str, reason: Reason) {
        self.diff_id = None;
        self.gaps.push((None, Gap::new(by, reason)));
    }
}

/// The decompressed bytes, hashed as they come in.
struct Stream {
    chunks: Receiver<Chunk>,
    spent: Sender<Chunk>,
    chunk: Chunk,
    used: usize,
    hash: Sha256,
    bytes: u64,
}

impl Stream {
    fn new(chunks: Receiver<Chunk>, spent: Sender<Chunk>) -> Stream {
        let chunk = Chunk::default();
        Stream { chunks, spent, chunk, used: 0, hash: Sha256::new(), bytes: 0 }
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.chunk.bytes().len() {
            self.used = 0;
            let next = self.chunks.recv().unwrap_or_default();
            // Nobody takes it back any more when the stream is at its end.
            drop(self.spent.send(std::mem::replace(&mut self.chunk, next)));
            let bytes = self.chunk.bytes();
            self.hash.update(bytes);
            self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        }
        Ok(self.chunk.bytes().get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.used = self.used.saturating_add(count);
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        let (from, _) = available.split_at(count);
        buffer.get_mut(..count).unwrap_or_default().copy_from_slice(from);
        self.consume(count);
        Ok(count)
    }
}

/// A walk over the entries of a layer.
struct Walk<'scope, 'env> {
    wanting: Wanting<'env>,
    limits: &'env Limits,
    spool: Option<&'env mut fs::File>,
    /// What was found, and is not in the report yet.
    events: Events<'scope, 'env>,
    /// What is looked at again when all of the layer is known.
    waiting: Waiting,
    report: LayerReport,
}

impl Walk<'_, '_> {
    fn run(mut self, mut stream: Stream) -> io::Result<LayerReport> {
        let mut entries = Entries::new(&mut stream);
        let outcome = self.entries(&mut entries);
        for reason in std::mem::take(&mut entries.oddities) {
            self.gap(None, "tar", reason);
        }
        match outcome {
            Ok(()) => {}
            Err(Stop::Io(err)) => return Err(err),
            Err(Stop::Broken(reason)) => self.gap(None, "tar", reason),
        }
        self.settle_all()?;
        self.look_again()?;
        io::copy(&mut stream, &mut io::sink())?;
        self.report.bytes = stream.bytes;
        self.report.examined.settle();
        self.report.diff_id = Some(Digest::sha256(&stream.hash.finalize().into()));
        let LayerReport { cover, through, .. } = &mut self.report;
        cover.unbrought(through);
        match cover.finish() {
            0 => {}
            twice => {
                let what = format!("{twice} paths stand more than once in the layer");
                self.list_gap(None, "tar", Reason::Ambiguous(what));
            }
        }
        Ok(self.report)
    }

    fn entries(&mut self, entries: &mut Entries<&mut Stream>) -> Result<(), Stop> {
        while let Some(entry) = entries.next_entry()? {
            self.report.entries = self.report.entries.saturating_add(1);
            if self.report.entries > self.limits.entries {
                let what = format!("more than {} entries", self.limits.entries);
                return Err(Stop::Broken(Reason::TooLarge(what)));
            }
            self.entry(entry, entries)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: Entry, entries: &mut Entries<&mut Stream>) -> Result<(), Stop> {
        let Entry { path, kind, size, mode } = entry;
        // Whiteouts: OCI image specification, layer.md, "Whiteouts".
        if let Some(gone) = path.name().strip_prefix(".wh.") {
            let dir = path.parent().unwrap_or_default();
            if gone == ".wh..opq" {
                self.report.cover.empty(dir);
            } else if let Ok(path) = ImagePath::parse(format!("{dir}/{gone}").as_bytes()) {
                self.report.cover.remove(&path);
            }
            return Ok(());
        }
        match kind {
            Kind::Dir => self.report.cover.directory(&path),
            // Refused, because its name climbs out: the root itself is not meant.
            Kind::Other if path.as_str().is_empty() => {}
            Kind::Other => self.report.cover.replace(&path, 0),
            Kind::Symbolic(target) => {
                self.report.cover.replace(&path, 0);
                self.link(path, target);
            }
            Kind::Hard(target) => {
                self.report.cover.replace(&path, 0);
                self.events.put(Event::Same(path.clone(), target.clone()));
                if !(self.wanting)(&Head { path: &path, size: 0, mode, start: &[] }).is_empty() {
                    self.report.same.insert(path, target);
                }
            }
            Kind::File => {
                let mut start = [0; START_BYTES];
                let count = entries.read_full(&mut start)?;
                let start = start.get(..count).unwrap_or_default();
                let executable = mode & 0o111 != 0 || start.starts_with(b"\x7fELF");
                if size > 0 {
                    self.report.examined.all.count(size);
                }
                self.report.cover.replace(&path, if executable { size } else { 0 });
                self.file(&Head { path: &path, size, mode, start }, entries)?;
            }
        }
        Ok(())
    }

    fn link(&mut self, path: ImagePath, target: String) {
        let deep = path.ancestors().nth(LINK_DEPTH.saturating_sub(1)).is_some();
        let head = Head { path: &path, size: 0, mode: 0, start: &[] };
        if deep && (self.wanting)(&head).is_empty() {
            return;
        }
        if self.report.links.len() < LINKS {
            self.report.links.insert(path, target);
        } else {
            self.gap(Some(path), "tar", Reason::TooLarge("too many symbolic links".to_owned()));
        }
    }

    fn file(&mut self, head: &Head<'_>, entries: &mut Entries<&mut Stream>) -> Result<(), Stop> {
        let wanted = (self.wanting)(head);
        let Some(first) = wanted.first() else {
            return Ok(());
        };
        if head.size > self.limits.file_bytes {
            let what = format!("{} bytes, the limit is {}", head.size, self.limits.file_bytes);
            self.gap(Some(head.path.clone()), first.name(), Reason::TooLarge(what));
            return Ok(());
        }
        if head.size <= self.limits.memory_bytes {
            while self.events.is_full(head.size, self.limits.memory_bytes) {
                self.events.wait()?;
            }
            let size = usize::try_from(head.size).unwrap_or_default();
            let mut bytes = vec![0; size];
            let (start, rest) = bytes.split_at_mut(head.start.len().min(size));
            start.copy_from_slice(head.start);
            entries.read_full(rest)?;
            let most = self.limits.waiting_bytes;
            let may_wait = self.spool.is_some() && self.waiting.promise(head.size, most);
            let look = Look::First(wanted, may_wait);
            self.events.show(look, head.path.clone(), head.mode, bytes)?;
            return Ok(self.settle()?);
        }
        match self.spool.take() {
            Some(spool) => {
                let start = self.waiting.end();
                let outcome = fill(spool, start, head, entries);
                let file = File::spooled(head.path, spool, start, head.size).with_mode(head.mode);
                let seen = outcome.map(|()| show(&wanted, &file));
                spool.set_len(start)?;
                self.spool = Some(spool);
                self.events.put(Event::Seen(seen?));
                Ok(self.settle()?)
            }
            // Ours, and no gap: with a spool there would be a result, and this one would be kept.
            None => {
                let what = format!("{} has {} bytes, and there is no spool", head.path, head.size);
                Err(Stop::Io(io::Error::other(what)))
            }
        }
    }

    /// Waits for all that is being looked at.
    fn settle_all(&mut self) -> io::Result<()> {
        while self.events.is_pending() {
            self.settle()?;
            if self.events.is_pending() {
                self.events.wait()?;
            }
        }
        Ok(())
    }

    /// Looks closely at what no package of this layer vouches for. The others are kept as suspects without evidence:
    /// they are to be looked at after all if whoever folds the layers finds that nobody vouches for them any more.
    fn look_again(&mut self) -> io::Result<()> {
        let links = Links(std::mem::take(&mut self.report.links));
        let found = self.report.found.values().flatten().map(|it| &it.1);
        let files = self.waiting.take(&owners(found, &links));
        self.report.links = links.0;
        for (path, it, vouched) in files {
            if vouched {
                self.report.examined.claimed.count(it.sample.size);
                let sample = Some(it.sample);
                let found = (it.by.name().to_owned(), Found { sample, ..Found::default() });
                self.report.found.entry(path).or_default().push(found);
                continue;
            }
            while self.events.is_full(it.sample.size, self.limits.memory_bytes) {
                self.events.wait()?;
            }
            let bytes = self.spool.as_deref().map(|spool| it.read(spool)).transpose()?;
            let (look, mode) = (Look::Again(it.by, it.judged), it.sample.mode);
            self.events.show(look, path, mode, bytes.unwrap_or_default())?;
            self.settle()?;
        }
        self.settle_all()?;
        for (path, target) in self.waiting.take_names() {
            self.same_sample(&path, &target);
        }
        Ok(())
    }

    /// Takes into the report what is there in full.
    fn settle(&mut self) -> io::Result<()> {
        while let Some(event) = self.events.due() {
            match event {
                Event::Seen(seen) => self.seen(seen)?,
                Event::Same(path, target) => {
                    self.waiting.forget(&path);
                    self.same_sample(&path, &target);
                    self.waiting.name(path, target);
                }
                Event::Gap(path, by, reason) => self.list_gap(path, by, reason),
            }
        }
        Ok(())
    }

    fn seen(&mut self, seen: Seen) -> io::Result<()> {
        if let Some(err) = seen.err {
            return Err(err);
        }
        if seen.may_wait {
            self.waiting.settle(seen.size);
        }
        for (judged, failed) in &seen.judged {
            self.judged(seen.size, judged, *failed);
            if !seen.again {
                self.program(&seen.path, judged);
            }
        }
        for it in seen.gaps {
            self.list_gap(Some(seen.path.clone()), &it.by, it.reason);
        }
        if seen.again {
            if !seen.found.is_empty() {
                self.report.found.entry(seen.path).or_default().extend(seen.found);
            }
            return Ok(());
        }
        // The last entry of a name is the one that a runtime leaves.
        self.report.found.remove(&seen.path);
        self.waiting.forget(&seen.path);
        if let Some(it) = &seen.put_off {
            self.program(&seen.path, &it.judged);
        }
        if let Some((it, spool)) = seen.put_off.zip(self.spool.as_deref()) {
            self.waiting.put(seen.path.clone(), it, spool)?;
        }
        if !seen.found.is_empty() {
            self.report.found.insert(seen.path, seen.found);
        }
        Ok(())
    }

    /// What is suspect under one name is so under all.
    fn same_sample(&mut self, path: &ImagePath, target: &ImagePath) {
        let all = self.report.found.get(target).into_iter().flatten();
        let samples = all.filter_map(|(by, found)| {
            let sample = Some(found.sample.clone()?);
            Some((by.clone(), Found { sample, ..Found::default() }))
        });
        let samples: Vec<_> = samples.collect();
        if !samples.is_empty() {
            self.report.found.insert(path.clone(), samples);
        }
    }

    /// Counts a file that was looked at for malicious content.
    fn judged(&mut self, size: u64, judged: &Judged, failed: bool) {
        let examined = &mut self.report.examined;
        let amount = match judged.depth {
            _ if failed => &mut examined.partly,
            Depth::Whole => &mut examined.whole,
            Depth::Digest => &mut examined.hashed,
            Depth::Part => &mut examined.partly,
        };
        amount.count(size);
    }

    /// Keeps what a file that runs hashes to.
    fn program(&mut self, path: &ImagePath, judged: &Judged) {
        let Some(digests) = judged.digests.as_ref().filter(|_| judged.runs) else { return };
        if !(self.pass(path) && self.report.cover.program(path, digests)) {
            let what = format!(
                "more than {PROGRAMS} files that run, or {THROUGH} directories with such that the layer does not bring: \
                 not all are held against their packages"
            );
            let gap = (None, Gap::new("layer", Reason::TooLarge(what)));
            if !self.report.gaps.contains(&gap) {
                self.report.gaps.push(gap);
            }
        }
    }

    /// Notes the directory of a file that runs; tells whether there was room for it.
    fn pass(&mut self, file: &ImagePath) -> bool {
        let LayerReport { cover, through, .. } = &mut self.report;
        let Some(dir) = file.ancestors().next().filter(|it| !through.contains(*it)) else {
            return true;
        };
        // Those that have come since need no longer be kept.
        if through.len() >= THROUGH {
            cover.unbrought(through);
        }
        let room = through.len() < THROUGH;
        if room {
            through.insert(ImagePath::default().link(dir));
        }
        room
    }

    fn gap(&mut self, path: Option<ImagePath>, by: &'static str, reason: Reason) {
        self.events.put(Event::Gap(path, by, reason));
    }

    fn list_gap(&mut self, path: Option<ImagePath>, by: &str, reason: Reason) {
        let gaps = &mut self.report.gaps;
        if gaps.len() < self.limits.gaps || path.is_none() {
            gaps.push((path, Gap::new(by, reason)));
        } else if gaps.len() == self.limits.gaps {
            let what = format!("more than {} gaps; the others are not listed", self.limits.gaps);
            gaps.push((None, Gap::new("layer", Reason::TooLarge(what))));
        }
    }
}

/// Writes the content of a file to the spool, from `start`.
fn fill(
    spool: &mut fs::File,
    start: u64,
    head: &Head<'_>,
    entries: &mut Entries<&mut Stream>,
) -> Result<(), Stop> {
    spool.seek(SeekFrom::Start(start))?;
    spool.write_all(head.start)?;
    let mut buffer = vec![0; 128 << 10];
    loop {
        match entries.read(&mut buffer)? {
            0 => return Ok(()),
            count => spool.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}
