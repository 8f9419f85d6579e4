//! The rules that scans use besides those of the program, as the store has them: read anew before each scan, so that
//! all processes go by a change as soon as it is made.
use super::{Center, failure::Failure};
use crate::{Inspection, bundles::Named};
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};
use store::bundles;
use tempfile::NamedTempFile;

/// A bundle on this machine: the processes that inspect layers read it.
#[derive(Debug)]
pub(super) struct Held {
    named: Named,
    _file: NamedTempFile,
}

/// How a scan inspects layers. What it reads lasts as long as this.
pub(super) struct Means {
    pub(super) inspection: Inspection,
    _held: Vec<Arc<Held>>,
}

/// The bundles in use, as they were last.
pub(super) type Holding = Mutex<Vec<Arc<Held>>>;

impl Center {
    /// How layers are inspected from now on.
    pub(super) fn means(&self) -> Result<Means, Failure> {
        let mut held = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that nobody has looked at for long may have been cleared away.
        held.retain(|it| it.named.path.exists());
        let new = self.world.store.read(|tx| {
            let mut all = Vec::new();
            for sha256 in bundles::in_use(tx)? {
                let known = held.iter().any(|it| it.named.sha256 == sha256);
                let bytes = if known { None } else { bundles::bytes(tx, &sha256)? };
                all.push((sha256, bytes));
            }
            Ok(all)
        })?;
        let mut now = Vec::new();
        for (sha256, bytes) in new {
            let known = held.iter().find(|it| it.named.sha256 == sha256).map(Arc::clone);
            let it =
                known.map_or_else(|| self.hold(&bytes.unwrap_or_default()).map(Arc::new), Ok)?;
            now.push(it);
        }
        held.clone_from(&now);
        let mut inspection = self.world.inspection.clone();
        inspection.bundles.extend(now.iter().map(|it| it.named.clone()));
        Ok(Means { inspection, _held: now })
    }

    fn hold(&self, bytes: &[u8]) -> Result<Held, Failure> {
        let file = NamedTempFile::new_in(&self.world.inspection.spool).and_then(|mut it| {
            it.write_all(bytes)?;
            Ok(it)
        });
        let file =
            file.map_err(|err| Failure::Later("rules", format!("a temporary file: {err}")))?;
        Ok(Held { named: Named::new(file.path(), bytes), _file: file })
    }
}
