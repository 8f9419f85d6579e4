//! A directory that holds an unpacked root file system: one layer, whose tar stream is made while
//! it is read, so that it is inspected like any other.
//!
//! Only a few files are worth their content, and a root file system may have many gigabytes. So
//! the caller says which; all others are written as holes of their size, and are not read.
//! Sockets, which tar has no word for, are left out.
mod header;
mod links;
mod place;
mod walk;

use crate::{Source, SourceError, disk::failed};
use model::{Descriptor, Image, ImagePath, Layer};
use rustix::{fd::OwnedFd, io::Errno};
use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Says whether a file's content is wanted, by path, size and mode; and again, where that does not
/// tell, with its first bytes, up to 512.
pub type Wanted = Arc<dyn Fn(&ImagePath, u64, u32, Option<&[u8]>) -> Want + Send + Sync>;

/// Whether a file's content is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Want {
    /// It is not, so the file need not even be opened.
    No,
    /// It is.
    Yes,
    /// Its first bytes decide.
    Look,
}

/// An unpacked root file system.
pub struct Directory {
    root: PathBuf,
    wanted: Wanted,
    problems: Problems,
}

impl Directory {
    /// The root file system at `root`, of which only the files that are `wanted` are read.
    pub fn new(root: &Path, wanted: Wanted) -> Directory {
        Directory { root: root.to_owned(), wanted, problems: Problems::default() }
    }

    /// What could not be read as it should; complete when the stream has ended.
    pub fn problems(&self) -> Vec<(ImagePath, String)> {
        self.problems.list()
    }

    fn open(&self) -> Result<OwnedFd, SourceError> {
        let name = self.root.display();
        place::root(&self.root).map_err(|errno| match errno {
            Errno::NOENT => SourceError::NotFound(format!("directory {name}")),
            Errno::NOTDIR => SourceError::NotFound(format!(
                "directory {name}; it is a file, so leave `dir:` out if it is an archive"
            )),
            _ => failed(name.to_string())(errno.into()),
        })
    }
}

impl Source for Directory {
    fn images(&self) -> Result<Vec<Image>, SourceError> {
        self.open()?;
        let name = self.root.display().to_string();
        let blob = Descriptor { place: name.clone(), ..Descriptor::default() };
        let layer = Layer { blob, diff_id: None, created_by: String::new() };
        Ok(vec![Image { name, layers: vec![layer], ..Image::default() }])
    }

    fn blob(&self, _layer: &Layer) -> Result<Box<dyn Read + Send>, SourceError> {
        self.problems.clear();
        let (wanted, problems) = (Arc::clone(&self.wanted), self.problems.clone());
        let walk = walk::Walk::new(self.open()?, wanted, problems);
        let what = || self.root.display().to_string();
        Ok(Box::new(walk.map_err(|errno| failed(what())(errno.into()))?))
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("root", &self.root).finish_non_exhaustive()
    }
}

/// How many problems are listed one by one.
const PROBLEMS: usize = 10_000;

/// What could not be read, shared with the stream that finds it out.
#[derive(Clone, Debug, Default)]
struct Problems(Arc<Mutex<Vec<(ImagePath, String)>>>);

impl Problems {
    /// Adds one. From a certain number on they are told as one, so that they do not fill memory.
    fn add(&self, path: ImagePath, why: String) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match list.len() {
            PROBLEMS.. => {}
            len if len.saturating_add(1) == PROBLEMS => {
                let root = ImagePath::default();
                list.push((root, format!("over {PROBLEMS} files could not be read; {path} on")));
            }
            _ => list.push((path, why)),
        }
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn list(&self) -> Vec<(ImagePath, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
