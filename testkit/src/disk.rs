//! A disk that is soon full.
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A file system of its own, in memory. It is gone with this.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// One of so many bytes. `None`, said aloud, where we may not mount any, as in most containers: no package mends that.
    pub fn mount(bytes: u64) -> Option<Disk> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll-disk-{}-{count}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(&folder);
        let mounted = command.stderr(Stdio::null()).status().is_ok_and(|it| it.success());
        if mounted {
            return Some(Disk { folder });
        }
        fs::remove_dir(&folder).unwrap();
        eprintln!("skipped: no file system can be mounted");
        None
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut bytes = 1 << 20;
        // The last write is a short one.
        while bytes > 0 {
            use std::io::Write;
            let file = fs::OpenOptions::new().append(true).create(true).open(self.filling());
            let full = file.unwrap().write_all(&vec![0; bytes]).is_err();
            bytes = if full { bytes / 2 } else { bytes };
        }
    }

    /// Gives back what [`Disk::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.filling()).unwrap();
    }

    fn filling(&self) -> PathBuf {
        self.folder.join("filling")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: files may be open still.
        drop(Command::new("umount").arg("--lazy").arg(&self.folder).status());
        drop(fs::remove_dir(&self.folder));
    }
}
