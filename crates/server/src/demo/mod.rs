//! The demo: a center that has nothing but images made up for it. That it is one stands in its store, so that nothing
//! shows it without saying so, however it was started.
mod registry;

pub use registry::{Content, Registry};

use crate::{App, Problem, app::SETUP, seal::random};
use net::Secret;
use store::{Store, Tx, people, settings};

/// Who may log in.
pub const PERSON: &str = "demo";

/// The setting that a demo has.
const DEMO: &str = "demo";

/// Makes a demo of a store that nobody has used yet.
///
/// # Errors
/// When it is somebody's center.
pub fn claim(store: &Store, now: i64) -> Result<(), String> {
    let claimed = store.write(|tx| {
        if is_one(tx)? {
            return Ok(true);
        }
        let used = settings::one(tx, SETUP)?.is_some();
        if used || !people::page(tx, None, 1)?.items.is_empty() {
            return Ok(false);
        }
        settings::put(tx, DEMO, "true", 0, now)
    });
    match claimed.map_err(|err| err.to_string())? {
        true => Ok(()),
        false => Err("there is a center that is no demo; --data-dir names another place, and \
                      without it the demo makes one of its own"
            .to_owned()),
    }
}

pub(crate) fn is_one(tx: &mut Tx<'_>) -> store::Result<bool> {
    Ok(settings::one(tx, DEMO)?.is_some())
}

impl App {
    /// Sees to it that [`PERSON`] is an administrator, and gives a new password for it.
    ///
    /// # Errors
    /// Says what is wrong with the database.
    pub fn welcome_to_demo(&self) -> Result<Secret, String> {
        let failed = |err: Problem| err.cause.unwrap_or(err.detail);
        let password: String = random().map_err(failed)?.chars().take(16).collect();
        let hash = self.passwords.hash(&password).map_err(failed)?;
        let welcomed = self.store.write(|tx| {
            let role = people::Role::Admin;
            let Some(it) = people::named(tx, PERSON)? else {
                let (name, password) = (PERSON, Some(hash.as_str()));
                let new = people::New { name, role, password, subject: None };
                return people::add(tx, new, self.now()).map(drop);
            };
            let (role, password, disabled) = (Some(role), Some(hash.as_str()), Some(false));
            people::change(tx, it.id, people::Change { role, password, disabled }).map(drop)
        });
        welcomed.map_err(|err| err.to_string())?;
        Ok(Secret::new(password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_store_that_nobody_has_used_becomes_a_demo() {
        let check = |used: &dyn Fn(&mut Tx<'_>) -> store::Result<()>, fits: bool| {
            let place = tempfile::tempdir().unwrap();
            let at = store::Settings::Embedded(place.path().join("center.db"));
            let store = Store::open(at).unwrap();
            store.write(used).unwrap();
            assert_eq!(claim(&store, 1).is_ok(), fits);
            assert_eq!(store.read(is_one).unwrap(), fits);
            // It stays one, whatever is done with it.
            assert_eq!(claim(&store, 2).is_ok(), fits);
        };
        check(&|_| Ok(()), true);
        check(&|tx| people::first(tx, "admin", "hash", 1).map(drop), false);
        check(&|tx| settings::put(tx, SETUP, "\"hash\"", 0, 1).map(drop), false);
        check(&|tx| settings::put(tx, DEMO, "true", 0, 1).map(drop), true);
    }
}
