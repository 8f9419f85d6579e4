//! What was typed as what is sent.
use super::{
    field::{Field, Place, Shape, Variant},
    operation::Operation,
    secret::Sources,
};
use clap::ArgMatches;
use net::encode;
use serde_json::{Map, Value};

/// What is sent: the path with its query, and the content.
pub(super) struct Sent {
    pub(super) target: String,
    pub(super) body: Option<Value>,
}

/// What was typed, as it is sent. `before` is what is there already.
pub(super) fn sent(
    operation: &Operation,
    matches: &ArgMatches,
    sources: &mut Sources,
    before: Option<Value>,
) -> Result<Sent, String> {
    let mut target = operation.path.clone();
    let mut query = Vec::new();
    for field in operation.fields.iter().filter(|it| it.place != Place::Body) {
        let name = field.name();
        let Some(value) = given(field, matches, sources)? else { continue };
        let text = plain(&value);
        match field.place {
            // An empty part would make it another path.
            Place::Path if text.is_empty() || text == "." || text == ".." => {
                return Err(format!("{name} cannot be `{text}`"));
            }
            Place::Path => target = target.replace(&format!("{{{name}}}"), &encode(&text)),
            _ => query.push(format!("{}={}", encode(&field.path.concat()), encode(&text))),
        }
    }
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let body =
        operation.body.is_some().then(|| body(operation, matches, sources, before)).transpose()?;
    Ok(Sent { target, body })
}

fn body(
    operation: &Operation,
    matches: &ArgMatches,
    sources: &mut Sources,
    before: Option<Value>,
) -> Result<Value, String> {
    let fields = || operation.fields.iter().filter(|it| it.place == Place::Body);
    let mut body = before.unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(text) = matches.get_one::<String>("json") {
        let text = sources.text(text)?;
        let given: Value = serde_json::from_str(&text).map_err(|err| format!("--json: {err}"))?;
        match (&mut body, given) {
            (Value::Object(body), Value::Object(given)) => body.extend(given),
            (body, given) => *body = given,
        }
    }
    for field in fields() {
        if let Shape::Tag(variants) = &field.shape {
            kind(operation, field, variants, matches, &mut body)?;
        }
    }
    for field in fields().filter(|it| !matches!(it.shape, Shape::Tag(_))) {
        if let Some(value) = given(field, matches, sources)? {
            put(&mut body, &field.path, value);
        } else if matches!(field.shape, Shape::Empty) && at(&body, &field.path).is_none() {
            put(&mut body, &field.path, Value::Object(Map::new()));
        }
    }
    for field in fields().filter(|it| it.secret) {
        let missing = at(&body, &field.path).is_none();
        if missing && (field.required || needs(operation, field, &body)) {
            let value = sources.ask(&field.name())?;
            put(&mut body, &field.path, value.into());
        }
    }
    Ok(body)
}

/// Puts down of which kind an object is. Where only its members were given, they tell that.
fn kind(
    operation: &Operation,
    field: &Field,
    variants: &[Variant],
    matches: &ArgMatches,
    body: &mut Value,
) -> Result<(), String> {
    let Some((_, around)) = field.path.split_last() else { return Ok(()) };
    let told = matches.get_one::<Value>(&field.name()).cloned();
    let is_given = |name: &str| {
        let path = [around, &[name.to_owned()]].concat();
        let within = operation.fields.iter().filter(|it| it.path.starts_with(&path));
        within.map(Field::name).any(|it| matches.try_contains_id(&it).is_ok_and(|it| it))
    };
    let named = || variants.iter().flat_map(|it| &it.members).filter(|it| is_given(&it.name));
    let holds = |it: &Variant| {
        named().all(|given| it.members.iter().any(|member| member.name == given.name))
    };
    let is = at(body, &field.path).and_then(Value::as_str);
    let stays = variants.iter().any(|it| Some(it.word.as_str()) == is && holds(it));
    let told = match told {
        Some(it) => it,
        None if named().next().is_none() || stays => return Ok(()),
        None => {
            let whole = |it: &Variant| {
                it.members.iter().all(|it| !it.required || it.secret || is_given(&it.name))
            };
            let mut all = variants.iter().filter(|it| holds(it) && whole(it));
            let (Some(it), None) = (all.next(), all.next()) else {
                let name = field.name();
                return Err(format!("--{name} is needed too: the other options leave it open"));
            };
            Value::String(it.word.clone())
        }
    };
    if at(body, &field.path) != Some(&told) {
        // What was said of another kind does not hold of this one.
        put(body, around, Value::Object(Map::new()));
        put(body, &field.path, told);
    }
    Ok(())
}

/// Whether the object around it has to have this member, being of its kind.
fn needs(operation: &Operation, field: &Field, body: &Value) -> bool {
    let Some((name, around)) = field.path.split_last() else { return false };
    let tags =
        operation.fields.iter().filter(|it| it.path.split_last().is_some_and(|it| it.1 == around));
    tags.into_iter().any(|tag| match &tag.shape {
        Shape::Tag(variants) => {
            let word = at(body, &tag.path).and_then(Value::as_str);
            let variant = variants.iter().find(|it| Some(it.word.as_str()) == word);
            variant.is_some_and(|it| it.members.iter().any(|it| it.name == *name && it.required))
        }
        _ => false,
    })
}

fn given(
    field: &Field,
    matches: &ArgMatches,
    sources: &mut Sources,
) -> Result<Option<Value>, String> {
    let name = field.name();
    if matches!(field.shape, Shape::Empty) || matches.try_contains_id(&name).is_ok_and(|it| !it) {
        return Ok(None);
    }
    if field.secret {
        let source = matches.get_one::<String>(&name);
        let secret = source.map(|it| sources.secret(&name, it)).transpose()?;
        return match secret {
            None if field.place == Place::Path => sources.ask(&name).map(|it| Some(it.into())),
            it => Ok(it.map(Value::String)),
        };
    }
    // Pages are asked for elsewhere.
    let Ok(values) = matches.try_get_many::<Value>(&name) else { return Ok(None) };
    let Some(mut values) = values.map(|it| it.cloned()) else { return Ok(None) };
    Ok(if field.many { Some(values.collect()) } else { values.next() })
}

/// How it stands in an address.
fn plain(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn at<'a>(body: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(body, |it, name| it.get(name))
}

fn put(body: &mut Value, path: &[String], value: Value) {
    let mut place = body;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(object) = place else { return };
        place = object.entry(name.clone()).or_insert(Value::Null);
    }
    *place = value;
}
