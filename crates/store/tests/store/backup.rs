//! Backups of an embedded database, and what is restored of them.
use crate::{embedded, server};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
};
use store::{Error, Existing, Settings, Store, audit, quota, settings};
use tempfile::TempDir;

/// A folder with a database in it, and a backup of that.
struct Kept {
    folder: TempDir,
    store: Store,
}

impl Kept {
    fn new() -> Kept {
        let folder = TempDir::new().unwrap();
        let store = Store::open(embedded(folder.path())).unwrap();
        store.write(|tx| quota::authorise(tx, Some(77))).unwrap();
        let it = Kept { folder, store };
        it.store.backup(&it.at("backup")).unwrap();
        it
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Restores a file, and says why that cannot be; nothing must be there then.
    fn refused(&self, from: &Path) -> Error {
        let to = self.at("restored");
        let err = Store::restore(from, &to, Existing::Keep).unwrap_err();
        let left = fs::read_dir(self.folder.path()).unwrap().map(|it| it.unwrap().file_name());
        let left: Vec<_> = left.filter(|it| it.to_str().unwrap().contains("restored")).collect();
        assert!(left.is_empty(), "{left:?}");
        err
    }

    fn invalid(&self, from: &Path, why: &str) {
        let err = self.refused(from);
        let said = err.to_string();
        assert!(matches!(err, Error::Invalid(_)) && said.contains(why), "{why}: {said}");
    }
}

fn total(path: &Path) -> Option<u64> {
    let store = Store::open(Settings::Embedded(path.to_owned())).unwrap();
    store.read(quota::read).unwrap().total
}

#[test]
fn a_backup_is_one_moment_of_a_database_that_is_written() {
    let kept = Kept::new();
    let (stop, written) = (AtomicBool::new(false), AtomicI64::new(0));
    thread::scope(|scope| {
        for writer in 0..4 {
            let (kept, stop, written) = (&kept, &stop, &written);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // Two rows that are nowhere without each other.
                    let text = format!("{writer} {n}");
                    let changed = kept.store.write(|tx| {
                        let at = written.load(Ordering::Relaxed);
                        let entry = audit::Entry {
                            id: 0,
                            at,
                            person: "x".repeat(2_000),
                            action: String::new(),
                            object: text.clone(),
                            before: None,
                            after: None,
                        };
                        audit::add(tx, &entry)?;
                        settings::put(tx, &text, &text, 0, at)
                    });
                    assert!(changed.unwrap());
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for n in 0..5 {
            let before = written.load(Ordering::Relaxed);
            let (to, restored) = (kept.at("again"), kept.at(&format!("restored {n}")));
            let size = kept.store.backup(&to).unwrap();
            let file = fs::metadata(&to).unwrap();
            assert_eq!((file.len(), file.permissions().mode() & 0o777), (size, 0o600));
            Store::restore(&to, &restored, Existing::Keep).unwrap();
            let copy = Store::open(Settings::Embedded(restored)).unwrap();
            let filter = audit::Filter::default();
            let all = copy.read(|tx| audit::page(tx, &filter, None, 1_000_000)).unwrap().items;
            assert!(i64::try_from(all.len()).unwrap() >= before, "{} of {before}", all.len());
            for it in all {
                let pair = copy.read(|tx| settings::one(tx, &it.object)).unwrap();
                assert_eq!(pair.map(|it| it.document), Some(it.object));
            }
            // And it can be written.
            copy.write(|tx| quota::authorise(tx, Some(n))).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(written.load(Ordering::Relaxed) > 20, "{written:?}");
    let left = fs::read_dir(kept.folder.path()).unwrap().map(|it| it.unwrap().path());
    let left: Vec<_> = left.filter(|it| it.to_str().unwrap().ends_with(".new")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_damaged_is_not_restored() {
    let kept = Kept::new();
    let (whole, damaged) = (fs::read(kept.at("backup")).unwrap(), kept.at("damaged"));
    let size = whole.len();
    for cut in [1, 31, 32, 33, 100, 512, 4096, 4096 + 60, size / 2, size - 100, size - 1, size] {
        fs::write(&damaged, &whole[..size - cut]).unwrap();
        kept.invalid(&damaged, "cannot be restored");
    }
    // One bit, wherever it is.
    for n in 0..60 {
        let at = size * n / 60 + (n * 37) % 50;
        let mut bytes = whole.clone();
        bytes[at.min(size - 1)] ^= 1 << (n % 8);
        fs::write(&damaged, bytes).unwrap();
        kept.invalid(&damaged, "cannot be restored");
    }
    // The hash is right, but what was hashed was damaged already.
    let copy = kept.at("copy");
    fs::write(&copy, &whole[..size / 4096 * 4096]).unwrap();
    OpenOptions::new().write(true).open(&copy).unwrap().write_all_at(&[0xa5; 8192], 4096).unwrap();
    kept.invalid(&copy, "page");
    assert!(matches!(kept.refused(&kept.at("missing")), Error::Unavailable(_)));
}

#[test]
fn only_databases_of_ours_are_restored() {
    let kept = Kept::new();
    let other = kept.at("other");
    fs::write(&other, "no database, but a letter ".repeat(1024)).unwrap();
    kept.invalid(&other, "not a database");
    fs::write(&other, "").unwrap();
    kept.invalid(&other, "something else");
    // One that is open is not a backup: what was written last lies beside it.
    kept.invalid(&kept.at("store.db"), "in use");
    // A copy by hand of one that nobody has open is taken.
    let Kept { folder, store } = kept;
    drop(store);
    let path = folder.path().join("by hand");
    fs::copy(folder.path().join("store.db"), &path).unwrap();
    Store::restore(&path, &folder.path().join("restored"), Existing::Keep).unwrap();
    assert_eq!(total(&folder.path().join("restored")), Some(77));
}

#[test]
fn what_is_there_stays_unless_told() {
    let kept = Kept::new();
    let to = kept.at("restored");
    let restore = |existing| Store::restore(&kept.at("backup"), &to, existing);
    restore(Existing::Keep).unwrap();
    let open = Store::open(Settings::Embedded(to.clone())).unwrap();
    open.write(|tx| quota::authorise(tx, Some(5))).unwrap();
    let conflict = |existing, why: &str| {
        let err = restore(existing).unwrap_err();
        assert!(matches!(&err, Error::Conflict(it) if it.contains(why)), "{why}: {err:?}");
    };
    conflict(Existing::Keep, "exists");
    // Nor when told, while somebody has it open, though he does nothing.
    conflict(Existing::Replace, "in use");
    assert_eq!(open.read(quota::read).unwrap().total, Some(5));
    drop(open);
    conflict(Existing::Keep, "exists");
    restore(Existing::Replace).unwrap();
    assert_eq!(total(&to), Some(77));
    // One that is damaged beyond reading can be replaced, but not while somebody has it open.
    let open = Store::open(Settings::Embedded(to.clone())).unwrap();
    let file = OpenOptions::new().write(true).open(&to).unwrap();
    file.write_all_at(&[0xa5; 4096], 0).unwrap();
    conflict(Existing::Replace, "restored-wal");
    drop((open, file));
    fs::write(&to, "nothing any more ".repeat(1000)).unwrap();
    restore(Existing::Replace).unwrap();
    assert_eq!(total(&to), Some(77));
    // What a process left that was killed is not mixed with what is restored.
    let open = Store::open(Settings::Embedded(to.clone())).unwrap();
    open.write(|tx| quota::authorise(tx, Some(5))).unwrap();
    let logs =
        ["restored-wal", "restored-shm"].map(|it| (kept.at(it), fs::read(kept.at(it)).unwrap()));
    drop(open);
    for (path, bytes) in logs {
        fs::write(path, bytes).unwrap();
    }
    restore(Existing::Replace).unwrap();
    assert_eq!(total(&to), Some(77));
}

#[test]
fn a_backup_does_not_go_where_it_would_do_harm() {
    let kept = Kept::new();
    let refused = |to: &Path, why: &str| {
        let said = kept.store.backup(to).unwrap_err().to_string();
        assert!(said.contains(why), "{why}: {said}");
    };
    refused(&kept.at("store.db"), "the database itself");
    fs::hard_link(kept.at("store.db"), kept.at("linked")).unwrap();
    refused(&kept.at("linked"), "the database itself");
    symlink(kept.at("store.db"), kept.at("led")).unwrap();
    refused(&kept.at("led"), "the database itself");
    refused(&kept.at("missing/backup"), "No such file");
    let other = Store::open(Settings::Embedded(kept.at("other"))).unwrap();
    refused(&kept.at("other"), "in use");
    drop(other);
    assert_eq!(kept.store.read(quota::read).unwrap().total, Some(77));
    let Some(url) = testkit::postgres::database() else { return };
    let err = Store::open(server(url)).unwrap().backup(&kept.at("backup")).unwrap_err();
    assert!(matches!(&err, Error::Invalid(it) if it.contains("pg_dump")), "{err:?}");
}
