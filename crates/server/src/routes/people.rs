//! People, and their tokens.
use crate::{
    Code, Page, Problem, Role,
    call::{Call, Failure, NOTHING},
    logins::plain_name,
    page::{Part, Place, place, shown},
    receive::{Json, Query},
    reply::Created,
    seal::random,
    views::{Person, Time, Token},
    who::{TOKEN, hash},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Tx, people, sessions, tokens};

/// Somebody to be added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// The name to log in with.
    name: String,
    role: Role,
    /// At least 12 characters.
    #[schemars(extend("writeOnly" = true))]
    password: String,
}

/// What is to be different.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    role: Option<Role>,
    /// At least 12 characters. The person's sessions end.
    #[schemars(extend("writeOnly" = true))]
    password: Option<String>,
    /// Whether the person is kept out.
    disabled: Option<bool>,
}

/// A token to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    name: String,
    /// The most that it may do.
    role: Role,
    /// Until when it holds; none: for ever.
    until: Option<Time>,
}

/// A token with its secret, which is shown this once.
#[derive(JsonSchema, Serialize)]
pub(crate) struct MadeToken {
    #[serde(flatten)]
    token: Token,
    /// To be sent as `Authorization: Bearer ...`.
    secret: String,
}

/// Which tokens.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichTokens {
    /// Everybody's, for administrators, and not one's own alone.
    #[serde(default)]
    pub(crate) all: bool,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

pub(crate) fn list(call: &Call, Query(part): Query<Part>) -> Result<Json<Page<Person>>, Problem> {
    let Place { cursor, limit } = part.place()?;
    let page = call.read(|tx| Ok(people::page(tx, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Person>, Problem> {
    let id = call.id("person")?;
    call.read(|tx| one(tx, id)).map(Json)
}

pub(crate) fn add(call: &Call, Json(asked): Json<NewPerson>) -> Result<Created<Person>, Problem> {
    let name = checked_name(&asked.name)?;
    let password = call.app.passwords.hash(&asked.password)?;
    call.change(|tx| {
        let role = asked.role.into();
        let new = people::New { name: &name, role, password: Some(&password), subject: None };
        let id = people::add(tx, new, call.now)?;
        let person = one(tx, id)?;
        call.audit(tx, &object(id), NOTHING, Some(&person))?;
        Ok(Created(format!("/api/v1/people/{id}"), person))
    })
}

pub(crate) fn change(
    call: &Call,
    Json(asked): Json<PersonChange>,
) -> Result<Json<Person>, Problem> {
    let id = call.id("person")?;
    let password = asked.password.as_deref().map(|it| call.app.passwords.hash(it)).transpose()?;
    call.change(|tx| {
        let before = one(tx, id)?;
        if password.is_some() && before.subject.is_some() {
            return Err(Problem::invalid("who comes by OpenID Connect has no password here").into());
        }
        let change = people::Change {
            // Sessions end with a role: not when it stays the same.
            role: asked.role.filter(|it| *it != before.role).map(Into::into),
            password: password.as_deref(),
            disabled: asked.disabled,
        };
        people::change(tx, id, change)?;
        let after = one(tx, id)?;
        call.audit(tx, &object(id), Some(&before), Some(&after))?;
        Ok(Json(after))
    })
}

pub(crate) fn remove(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("person")?;
    call.change(|tx| {
        let before = one(tx, id)?;
        people::remove(tx, id)?;
        call.audit(tx, &object(id), Some(&before), NOTHING)
    })
}

pub(crate) fn end_sessions(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("person")?;
    call.change(|tx| {
        one(tx, id)?;
        sessions::end_all(tx, id)?;
        call.audit(tx, &object(id), NOTHING, NOTHING)
    })
}

pub(crate) fn tokens(
    call: &Call,
    Query(asked): Query<WhichTokens>,
) -> Result<Json<Page<Token>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let whose = if asked.all { None } else { Some(call.who()?.id) };
    if whose.is_none() && call.who()?.role < Role::Admin {
        return Err(Problem::new(Code::Forbidden, "others' tokens are for administrators to see"));
    }
    let page = call.read(|tx| Ok(tokens::page(tx, whose, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn add_token(
    call: &Call,
    Json(asked): Json<NewToken>,
) -> Result<Created<MadeToken>, Problem> {
    let who = call.who()?;
    // Else one that ends could make itself one that doesn't.
    if who.session.is_none() {
        return Err(Problem::new(Code::Forbidden, "a token makes no tokens; log in"));
    }
    if asked.role > who.role {
        return Err(Problem::new(
            Code::Forbidden,
            "a token may do no more than the person whose it is",
        ));
    }
    if asked.until.is_some_and(|it| it.0 <= call.now) {
        return Err(Problem::invalid("until has to be in the future"));
    }
    let name = checked_title(&asked.name)?;
    let secret = format!("{TOKEN}{}", random()?);
    call.change(|tx| {
        let new = tokens::New {
            person: who.id,
            name: &name,
            hash: &hash(&secret),
            role: asked.role.into(),
            until: asked.until.map(|it| it.0),
        };
        let id = tokens::add(tx, new, call.now)?;
        let token = Token {
            id,
            person: who.id,
            name: name.clone(),
            role: asked.role,
            created_at: Time(call.now),
            until: asked.until,
            used_at: None,
        };
        call.audit(tx, &format!("token/{id}"), NOTHING, Some(&token))?;
        let made = MadeToken { token, secret: secret.clone() };
        Ok(Created(format!("/api/v1/tokens/{id}"), made))
    })
}

pub(crate) fn remove_token(call: &Call, (): ()) -> Result<(), Problem> {
    let (id, who) = (call.id("token")?, call.who()?);
    let whose = (who.role < Role::Admin).then_some(who.id);
    call.change(|tx| {
        if !tokens::remove(tx, id, whose)? {
            return Err(Problem::not_found("token").into());
        }
        call.audit(tx, &format!("token/{id}"), NOTHING, NOTHING)
    })
}

fn one(tx: &mut Tx<'_>, id: i64) -> Result<Person, Failure> {
    let person = people::one(tx, id)?.ok_or_else(|| Problem::not_found("person"))?;
    Ok(person.into())
}

fn object(id: i64) -> String {
    format!("person/{id}")
}

/// The name of a person, as it is stored.
pub(crate) fn checked_name(name: &str) -> Result<String, Problem> {
    checked_title(&plain_name(name))
}

/// A short text on one line.
pub(crate) fn checked_title(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    match text.chars().any(char::is_control) || text.is_empty() || text.len() > 200 {
        true => Err(Problem::invalid("a name has from 1 to 200 bytes, on one line")),
        false => Ok(text.to_owned()),
    }
}
