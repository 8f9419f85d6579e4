//! Whose files are, by what package databases say.
use crate::{
    Found,
    cover::{Key, Program, key},
    links::Links,
};
use model::{FileDigest, ImagePath, Owned, OwnedFile};
use std::collections::HashMap;

/// Who owns a file, and what its content must hash to, if anybody says.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) key: Key,
    pub(crate) digest: Option<FileDigest>,
    /// The number of the package's list among all that were found.
    pub(crate) list: u32,
}

/// Calls `each` for every file that a package owns, with the number of its list and where it really is.
pub(crate) fn each_owned<'a>(
    found: impl Iterator<Item = &'a Found> + Clone,
    links: &Links,
    mut each: impl FnMut(&Owned, u32, &OwnedFile, ImagePath),
) {
    let diversions = found.clone().flat_map(|it| &it.diversions);
    let diversions: HashMap<&ImagePath, _> = diversions.map(|it| (&it.from, it)).collect();
    for (owned, list) in found.flat_map(|it| &it.owned).zip(0..) {
        let name = owned.package.split(':').next().unwrap_or_default();
        for it in &owned.files {
            let elsewhere = diversions.get(&it.path).filter(|it| it.by != name);
            each(owned, list, it, links.place(elsewhere.map_or(&it.path, |it| &it.to)));
        }
    }
}

/// Whose each file is, in the order of their keys.
pub(crate) fn owners<'a>(
    found: impl Iterator<Item = &'a Found> + Clone,
    links: &Links,
) -> Vec<Owner> {
    let mut owners = Vec::new();
    each_owned(found, links, |_, list, it, place| {
        let digest = it.digest.clone().filter(|_| !it.config);
        owners.push(Owner { key: key(place.as_str()), digest, list });
    });
    owners.sort_unstable_by_key(|it| it.key);
    owners
}

/// Whose the file with this key is: more than one when packages share it, or speak of it in several lists.
pub(crate) fn of<'a>(owners: &'a [Owner], key: &Key) -> impl Iterator<Item = &'a Owner> {
    let from = owners.partition_point(|it| it.key < *key);
    let key = *key;
    owners.get(from..).unwrap_or_default().iter().take_while(move |it| it.key == key)
}

/// Whether one of those that own a file says that this is what it must hash to.
pub(crate) fn vouches(owners: &[Owner], program: &Program) -> bool {
    of(owners, &program.key)
        .any(|it| it.digest.as_ref().and_then(|it| program.is(it)) == Some(true))
}
