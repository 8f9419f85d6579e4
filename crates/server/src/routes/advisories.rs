//! The advisories in use: what they are, how old, and fetching newer ones.
use crate::{
    Problem,
    call::{Call, NOTHING},
    receive::Json,
    views::Advisories,
};

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Advisories>, Problem> {
    let center = &call.app.center;
    Ok(Json(Advisories::new(&*center.advisories()?, center.update()?)))
}

pub(crate) fn update(call: &Call, (): ()) -> Result<Json<Advisories>, Problem> {
    call.write(|tx| call.audit(tx, "advisories", NOTHING, NOTHING))?;
    call.app.center.update_now()?;
    show(call, ())
}
