//! What people choose, as documents of which everybody sees the version that they change.
use crate::{
    Code, Problem,
    call::{Call, Failure},
    receive::Json,
    reply::Versioned,
};
use scan::{
    center::Preview,
    settings::{NAME, Settings},
};
use store::{Tx, repositories, settings};

pub(crate) fn scan(call: &Call, (): ()) -> Result<Versioned<Settings>, Problem> {
    call.read(|tx| chosen(tx).map(|(it, version)| Versioned(it, version)))
}

/// Changes them if nobody else has since the caller read them, where the caller says when that was (`If-Match`).
pub(crate) fn change_scan(
    call: &Call,
    Json(mut wanted): Json<Settings>,
) -> Result<Versioned<Settings>, Problem> {
    wanted.check().map_err(Problem::invalid)?;
    call.change(|tx| {
        let (before, version) = chosen(tx)?;
        let changed =
            || Problem::new(Code::Changed, "somebody has changed it meanwhile; read it again");
        if call
            .header("if-match")
            .is_some_and(|it| it != "*" && it != Versioned::<()>::tag(version))
        {
            return Err(changed().into());
        }
        wanted.scope.known = repositories::newest(tx)?;
        let text =
            serde_json::to_string(&wanted).map_err(|err| Problem::internal(err.to_string()))?;
        if !settings::put(tx, NAME, &text, version, call.now)? {
            return Err(changed().into());
        }
        let (after, version) = chosen(tx)?;
        call.audit(tx, "settings/scan", Some(&before), Some(&after))?;
        Ok(Versioned(after, version))
    })
}

/// Says what would be in scope.
pub(crate) fn preview_scan(
    call: &Call,
    Json(wanted): Json<Settings>,
) -> Result<Json<Preview>, Problem> {
    wanted.check().map_err(Problem::invalid)?;
    Ok(Json(call.app.center.preview_scope(&wanted.scope)?))
}

/// What was chosen, or what holds until somebody does; and its version.
fn chosen(tx: &mut Tx<'_>) -> Result<(Settings, i64), Failure> {
    let Some(it) = settings::one(tx, NAME)? else {
        return Ok((Settings::default(), 0));
    };
    let read = serde_json::from_str::<Settings>(&it.document);
    let read = read.map_err(|err| Problem::internal(format!("the scan settings: {err}")))?;
    Ok((read, it.version))
}
