//! Which components a file declares: one module a file format, one line per module below.
mod apk_installed;
mod rpm;
mod rpm_manifest;

use inspect::{Fault, File, Found, Head, Inspector};

/// Every cataloger. Adding one is a module, a line here, and a folder of fixtures.
pub const CATALOGERS: &[Cataloger] = &[
    apk_installed::CATALOGER,
    rpm::SQLITE,
    rpm::SQLITE_WAL,
    rpm::NDB,
    rpm::BDB,
    rpm_manifest::CATALOGER,
];

/// A file format that declares components, owners of files, or the release.
#[derive(Debug)]
pub struct Cataloger {
    /// A stable name, for reports, caches and fixtures.
    pub name: &'static str,
    /// Raised whenever the same bytes give another result, so that stored results are not used.
    pub revision: u32,
    /// Which files: `dpkg/status` is any path that ends in these whole parts, `status.d/*` any file
    /// directly in such a directory, `info/*.list` one whose name ends so.
    pub paths: &'static [&'static str],
    /// Reads one.
    pub parse: fn(&File<'_>, &mut Found) -> Result<(), Fault>,
}

impl Inspector for Cataloger {
    fn name(&self) -> &'static str {
        self.name
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        self.paths.iter().any(|pattern| match pattern.split_once('*') {
            None => head.path.ends_with(pattern),
            Some((dir, ending)) => {
                let parent = head.path.parent().unwrap_or_default();
                let dir = dir.trim_end_matches('/');
                let inside = dir.is_empty()
                    || parent
                        .strip_suffix(dir)
                        .is_some_and(|it| it.is_empty() || it.ends_with('/'));
                inside && head.path.name().ends_with(ending)
            }
        })
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        (self.parse)(file, found)
    }
}

#[cfg(test)]
mod tests;
