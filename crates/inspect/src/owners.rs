//! Whose files are, by what package databases say.
use crate::{
    Found,
    cover::{Key, Program, key},
    links::Links,
};
use model::{FileDigest, ImagePath, Owned, OwnedFile, Signed};
use std::collections::HashMap;

/// Who owns a file, and what its content must hash to, if anybody says.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) key: Key,
    pub(crate) digest: Option<FileDigest>,
    /// The number of the package's list among all that were found.
    pub(crate) list: u32,
    /// Whether somebody who is believed has signed that list.
    pub(crate) signed: Signed,
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
    each_owned(found, links, |owned, list, it, place| {
        let digest = it.digest.clone().filter(|_| !it.config);
        owners.push(Owner { key: key(place.as_str()), digest, list, signed: owned.signed });
    });
    owners.sort_unstable_by_key(|it| it.key);
    owners
}

/// Whose the file with this key is: more than one when packages share it, or speak of it in several lists.
pub(crate) fn of<'a>(owners: &'a [Owner], key: &Key) -> impl Iterator<Item = &'a Owner> + use<'a> {
    let from = owners.partition_point(|it| it.key < *key);
    let key = *key;
    owners.get(from..).unwrap_or_default().iter().take_while(move |it| it.key == key)
}

/// Whether a file holds what its packages say. Where one of these is signed, the others have no say: anybody can add a
/// package that says otherwise.
pub(crate) fn answers<'a>(
    owners: &'a [Owner],
    program: &Program,
    at: &Key,
) -> impl Iterator<Item = (&'a Owner, bool)> + use<'a> {
    let program = *program;
    let says = move |it: &'a Owner| Some((it, program.is(it.digest.as_ref()?)?));
    let is_signed = |it: &(&Owner, bool)| it.0.signed == Signed::Verified;
    let signed = of(owners, at).filter_map(says).any(|it| is_signed(&it));
    of(owners, at).filter_map(says).filter(move |it| !signed || is_signed(it))
}

/// Whether one of those that own a file says that this is what it must hash to.
pub(crate) fn vouches(owners: &[Owner], program: &Program) -> bool {
    answers(owners, program, &program.key)
        .any(|(owner, same)| same && owner.signed != Signed::Forged)
}
