//! A report on its way from the process that made it to the fold. Those of large layers are large, and all
//! of an image wait until the last is there: so they wait as they came, encoded, and outside of memory.
use inspect::{Cover, LayerReport};
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};
use tempfile::{SpooledData, spooled_tempfile_in};

/// Up to here a report waits in memory: most are smaller, and open files are few.
const SMALL_BYTES: u64 = 256 << 10;

/// A report as [`write`] writes it: in memory, or in a file that has no name.
#[derive(Clone, Debug)]
pub(crate) struct Waiting(Arc<SpooledData>);

/// Writes a report.
pub(crate) fn write(report: &LayerReport, out: &mut impl Write) -> io::Result<()> {
    report.cover.write(out)?;
    postcard::to_io(report, &mut *out).map_err(io::Error::other)?;
    out.flush()
}

impl Waiting {
    /// Takes in everything that `from` yields; a large report goes to a file in `directory`.
    pub(crate) fn new(from: &mut impl Read, directory: &Path) -> io::Result<Waiting> {
        let most = usize::try_from(SMALL_BYTES).unwrap_or_default();
        let mut spool = spooled_tempfile_in(most, directory);
        io::copy(from, &mut spool)?;
        Ok(Waiting(Arc::new(spool.into_inner())))
    }

    /// What stands in `file`.
    pub(crate) fn kept(mut file: File) -> io::Result<Waiting> {
        if file.metadata()?.len() > SMALL_BYTES {
            return Ok(Waiting(Arc::new(SpooledData::OnDisk(file))));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Waiting::from(bytes))
    }

    /// The report itself. An error is that of whoever wrote it.
    pub(crate) fn report(&self) -> io::Result<LayerReport> {
        let mut bytes = BufReader::with_capacity(64 << 10, self.bytes());
        let cover = Cover::read(&mut bytes)?;
        // Room for the longest text; memory is only taken as far as it is used.
        let mut text = vec![0; usize::try_from(self.len()?).unwrap_or_default()];
        let read = postcard::from_io((bytes, &mut text[..])).map_err(io::Error::other)?;
        let report: LayerReport = read.0;
        Ok(LayerReport { cover, ..report })
    }

    /// The bytes of it, from the start.
    pub(crate) fn bytes(&self) -> Bytes<'_> {
        Bytes { of: &self.0, at: 0 }
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        match &*self.0 {
            SpooledData::InMemory(bytes) => Ok(u64::try_from(bytes.get_ref().len()).unwrap_or(0)),
            SpooledData::OnDisk(file) => Ok(file.metadata()?.len()),
        }
    }
}

impl From<&LayerReport> for Waiting {
    fn from(report: &LayerReport) -> Waiting {
        let mut bytes = Vec::new();
        // Memory takes all.
        drop(write(report, &mut bytes));
        Waiting::from(bytes)
    }
}

impl From<Vec<u8>> for Waiting {
    fn from(bytes: Vec<u8>) -> Waiting {
        Waiting(Arc::new(SpooledData::InMemory(io::Cursor::new(bytes))))
    }
}

/// The bytes of a report, to be read from front to back as often as needed.
#[derive(Debug)]
pub(crate) struct Bytes<'a> {
    of: &'a SpooledData,
    at: u64,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.of {
            SpooledData::OnDisk(file) => file.read_at(buffer, self.at)?,
            SpooledData::InMemory(bytes) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get_ref().get(at..).unwrap_or_default().read(buffer)?
            }
        };
        self.at = self.at.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Gap, Reason};

    #[test]
    fn a_report_waits_in_memory_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for (gaps, is_small) in [(1, true), (100_000, false)] {
            let gap = (None, Gap::new("here", Reason::Encrypted));
            let report = LayerReport { gaps: vec![gap; gaps], ..LayerReport::default() };
            let mut bytes = Vec::new();
            write(&report, &mut bytes).unwrap();
            let waiting = Waiting::new(&mut &bytes[..], folder.path()).unwrap();
            assert_eq!(matches!(&*waiting.0, SpooledData::InMemory(_)), is_small);
            assert_eq!(waiting.report().unwrap(), report);
            let mut again = Vec::new();
            waiting.bytes().read_to_end(&mut again).unwrap();
            assert_eq!(again, bytes);
            let cut = Waiting::from(bytes[..bytes.len() - 1].to_vec());
            assert!(cut.report().is_err());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
