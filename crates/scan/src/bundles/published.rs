//! Making a list of what a distribution publishes, of a folder with its packages: a mirror, or what was fetched from one.
use super::{BundleError, Content, Part, apk, failed};
use catalog::{Packaged, package};
use malware::{Published, bundle::Kind};
use model::ImagePath;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// How names of packages end.
const ENDINGS: [&str; 4] = ["deb", "udeb", "rpm", "apk"];

/// What was read of one folder.
#[derive(Default)]
struct Read {
    published: Published,
    remarks: Vec<String>,
}

impl Content {
    /// Adds what the distribution that is called so in os-release(5), `ID`, publishes: all packages in a folder, and below
    /// it. With `files` also the digest of each of their files.
    pub fn add_published(
        &mut self,
        distribution: &str,
        folder: &Path,
        files: bool,
    ) -> Result<(), BundleError> {
        let mut paths = Vec::new();
        list(folder, &mut paths)?;
        paths.sort();
        let (next, all) = (AtomicUsize::new(0), Mutex::<Read>::default());
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads.min(paths.len()) {
                scope.spawn(|| {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let read = read(path, files);
                        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                        all.take(path, read);
                    }
                });
            }
        });
        let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.published.finish();
        if all.published.counts().0 == 0 {
            return Err(failed(folder)("there is no package in it: *.deb, *.rpm, *.apk"));
        }
        all.remarks.sort();
        self.remarks.append(&mut all.remarks);
        let (path, content) = (format!("packages/published/{distribution}"), all.published.write());
        self.parts.push(Part {
            path,
            kind: Kind::Published,
            forms: Vec::new(),
            monitor: false,
            content,
        });
        Ok(())
    }
}

impl Read {
    /// Adds what was read of a file. One that is damaged is told and left out: a mirror has others.
    fn take(&mut self, path: &Path, read: Result<Option<Packaged>, BundleError>) {
        let mut tell = |what: &str| self.remarks.push(format!("{}: {what}", path.display()));
        match read {
            Err(it) => self.remarks.push(it.0),
            Ok(None) => tell("it is no package, and left out"),
            Ok(Some(it)) => {
                if it.unread > 0 {
                    tell(&format!("{} of its files could not be read", it.unread));
                }
                it.contents.iter().for_each(|it| self.published.add_file(it));
                // A package may have no files, or say nothing of them: then nothing can be forged.
                if let Some(said) = inspect::manifest(&it.files) {
                    self.published.add(&it.component, said);
                }
            }
        }
    }
}

fn read(path: &Path, files: bool) -> Result<Option<Packaged>, BundleError> {
    let open = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        std::io::Result::Ok((file, size))
    };
    let (file, size) = open().map_err(failed(path))?;
    if path.extension().is_some_and(|it| it == "apk") {
        return apk::read(file, files).map(Some).map_err(failed(path));
    }
    let none = ImagePath::default();
    package(&inspect::File::spooled(&none, &file, 0, size), files).map_err(failed(path))
}

/// All packages in a folder and below it. Links are not followed, which may lead in a circle.
fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), BundleError> {
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed(folder))?);
        let named = path.extension().is_some_and(|it| ENDINGS.iter().any(|ending| it == *ending));
        if kind.is_dir() {
            list(&path, paths)?;
        } else if kind.is_file() && named {
            paths.push(path);
        }
    }
    Ok(())
}
