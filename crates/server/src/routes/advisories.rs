//! The advisories in use: what they are, how old, and fetching newer ones.
use crate::{
    Problem,
    call::{Call, NOTHING},
    receive::{Json, Upload},
    views::{Advisories, Database, Imported},
};

/// The most bytes of a database that is brought in: several times what all feeds come to.
pub(crate) const BYTES: usize = 2 << 30;

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Advisories>, Problem> {
    let center = &call.app.center;
    Ok(Json(Advisories::new(&*center.advisories()?, center.update()?)))
}

pub(crate) fn update(call: &Call, (): ()) -> Result<Json<Advisories>, Problem> {
    call.write(|tx| call.audit(tx, "advisories", NOTHING, NOTHING))?;
    call.app.center.update_now()?;
    show(call, ())
}

/// It is in use once this answers; what is found with it follows by itself.
pub(crate) fn import(call: &Call, Upload(mut file): Upload) -> Result<Json<Imported>, Problem> {
    let before = Database::of(&*call.app.center.advisories()?);
    let brought = call.app.center.import(&mut file)?;
    let database = Database::of(&brought.database);
    call.write(|tx| call.audit(tx, "advisories", Some(&before), Some(&database)))?;
    let changed_packages = u64::try_from(brought.changed_packages).unwrap_or(u64::MAX);
    Ok(Json(Imported { database, changed_packages }))
}
