//! What was typed as what is sent.
use super::{
    field::{Field, Place, Shape, Variant},
    operation::{Body, Operation},
    secret::Sources,
};
use clap::ArgMatches;
use net::encode;
use serde_json::{Map, Value};
use std::{fs::File, path::PathBuf, sync::Arc};

/// What is sent: the path with its query, and the content.
pub(super) struct Sent {
    pub(super) target: String,
    pub(super) body: Option<Content>,
}

/// A content.
#[derive(Debug)]
pub(super) enum Content {
    Json(String),
    /// Read as it is sent.
    File(Arc<File>),
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
    let body = match operation.body {
        None => None,
        Some(Body::Document) => Some(Content::Json(document(matches, sources)?.0)),
        Some(Body::Members) => {
            Some(Content::Json(body(operation, matches, sources, before)?.to_string()))
        }
        Some(Body::File) => Some(Content::File(file(matches)?)),
    };
    Ok(Sent { target, body })
}

fn file(matches: &ArgMatches) -> Result<Arc<File>, String> {
    let path = matches.get_one::<PathBuf>("file").ok_or("--file is needed")?;
    let opened = File::open(path).map_err(|err| format!("{}: {err}", path.display()))?;
    Ok(Arc::new(opened))
}

/// What --json gives, to the letter and as it is read.
fn document(matches: &ArgMatches, sources: &mut Sources) -> Result<(String, Value), String> {
    let source = matches.get_one::<String>("json").ok_or("--json is needed")?;
    let text = sources.text(source)?;
    let read = serde_json::from_str(&text).map_err(|err| format!("--json: {err}"))?;
    Ok((text, read))
}

fn body(
    operation: &Operation,
    matches: &ArgMatches,
    sources: &mut Sources,
    before: Option<Value>,
) -> Result<Value, String> {
    let fields = || operation.fields.iter().filter(|it| it.place == Place::Body);
    let mut body = before.unwrap_or_else(|| Value::Object(Map::new()));
    if matches.contains_id("json") {
        let (_, given) = document(matches, sources)?;
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

#[cfg(test)]
mod tests {
    use super::{super::operation::Table, *};
    use serde_json::json;
    use std::fs;

    /// What is sent for this line; `{before}` is there already.
    fn typed(line: &[&str], input: &'static str, before: Option<Value>) -> Result<Sent, String> {
        let table = Table::new();
        let matches = super::super::command(&table)
            .try_get_matches_from(["plimsoll center"].iter().chain(line))
            .map_err(|err| err.to_string())?;
        let (name, matches) = matches.subcommand().unwrap();
        sent(table.named(name).unwrap(), matches, &mut Sources::of(input), before)
    }

    fn read(sent: &Sent) -> Value {
        match &sent.body {
            Some(Content::Json(it)) => serde_json::from_str(it).unwrap(),
            _ => Value::Null,
        }
    }

    #[test]
    fn options_and_json_make_what_is_sent() {
        let check = |line: &str, input, target: &str, body: Value| {
            let words: Vec<&str> = line.split(' ').collect();
            let sent = typed(&words, input, None).unwrap();
            assert_eq!((sent.target.as_str(), read(&sent)), (target, body), "{line}");
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "hush\n").unwrap();
        let file = file.to_str().unwrap();
        check("list-people", "", "/api/v1/people", json!(null));
        check("read-risk CVE/1", "", "/api/v1/risks/CVE%2F1", json!(null));
        check(
            "list-images --level high,low --level none --text a&b --registry 3",
            "",
            "/api/v1/images?level=high%2Clow%2Cnone&registry=3&text=a%26b",
            json!(null),
        );
        check("list-tasks --ended", "", "/api/v1/tasks?ended=true", json!(null));
        check(
            "list-tasks --ended=false --kind cycle",
            "",
            "/api/v1/tasks?ended=false&kind=cycle",
            json!(null),
        );
        check(
            "list-audit --since 2026-03-01",
            "",
            "/api/v1/audit?since=2026-03-01T00%3A00%3A00Z",
            json!(null),
        );
        check("scan-now", "", "/api/v1/tasks", json!({}));
        check(
            "scan-now --kinds oci --places registry=1,repository=a/* --places {\"registry\":2}",
            "",
            "/api/v1/tasks",
            json!({"kinds": ["oci"], "places": [{"registry": 1, "repository": "a/*"}, {"registry": 2}]}),
        );
        let registry = "add-registry --kind oci --name n --address a";
        let known = json!({"kind": "oci", "name": "n", "address": "a"});
        let with = |more: Value| {
            let mut all = known.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        check(registry, "", "/api/v1/registries", known.clone());
        let login = json!({"login": {"kind": "password", "user": "u", "password": "hush"}});
        for from in [file, "-"] {
            let line = format!("{registry} --login-user u --login-password-from {from}");
            check(&line, "hush\nmore", "/api/v1/registries", with(login.clone()));
        }
        check(
            &format!(
                "{registry} --settings-tls-kind unverified --settings-requests-per-second none"
            ),
            "",
            "/api/v1/registries",
            with(json!({"settings": {"tls": {"kind": "unverified"}, "requests_per_second": null}})),
        );
        check(
            "add-registry --name m --json -",
            &*known.to_string().leak(),
            "/api/v1/registries",
            with(json!({"name": "m"})),
        );
        check(
            "add-account --name a --login-id i --login-secret-from -",
            "hush",
            "/api/v1/accounts",
            json!({"name": "a", "settings": {}, "login": {"kind": "key", "id": "i", "secret": "hush"}}),
        );
        for (place, expected) in [
            ("--place everything", json!("everything")),
            ("--place-repositories 3,4", json!({"repositories": [3, 4]})),
            ("--place-tags [3,\"latest\"]", json!({"tags": [[3, "latest"]]})),
            ("--place-image sha256:1", json!({"image": "sha256:1"})),
        ] {
            check(
                &format!("add-exception --risk CVE-1 --reason r --kind accepted {place}"),
                "",
                "/api/v1/exceptions",
                json!({"risk": "CVE-1", "reason": "r", "kind": "accepted", "place": expected}),
            );
        }
        check(
            "set-up --name a --token-from - --password-from -",
            "one\ntwo\n",
            "/api/v1/setup",
            json!({"name": "a", "token": "one", "password": "two"}),
        );
        check(
            "tell-of-change-by-address --secret-from - --json {}",
            "a/b",
            "/api/v1/hooks/a%2Fb",
            json!({}),
        );
    }

    #[test]
    fn documents_of_others_are_sent_to_the_letter() {
        let vex = "{ \"b\": 1.0,\n\"a\": 2 }";
        let sent = typed(&["import-vex", "--json", "-"], vex, None).unwrap();
        assert!(matches!(sent.body, Some(Content::Json(it)) if it == vex));
        let sent = typed(&["import-advisories", "--file", "/dev/null"], "", None).unwrap();
        assert!(matches!(sent.body, Some(Content::File(_))), "{:?}", sent.body);
    }

    #[test]
    fn what_is_changed_keeps_the_rest() {
        let check = |line: &str, before: Value, expected: Value| {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(read(&typed(&words, "", Some(before)).unwrap()), expected, "{line}");
        };
        let settings = json!({"cycle": {"kind": "week"}, "on_change": true, "scope": {"later": true, "tags": "*"}});
        let with = |pointer: &str, value: Value| {
            let mut all = settings.clone();
            *all.pointer_mut(pointer).unwrap() = value;
            all
        };
        let settings = || settings.clone();
        let change = |more: &str| format!("change-scan-settings {more}");
        check("change-scan-settings", settings(), settings());
        check(&change("--on-change=false"), settings(), with("/on_change", json!(false)));
        check(&change("--scope-tags v*"), settings(), with("/scope/tags", json!("v*")));
        check(&change("--cycle-kind stop"), settings(), with("/cycle", json!({"kind": "stop"})));
        let custom = json!({"kind": "custom", "hours": 5});
        check(&change("--cycle-hours 5"), settings(), with("/cycle", custom.clone()));
        let hours = with("/cycle", json!({"kind": "custom", "hours": 5, "window": null}));
        check(
            &change("--cycle-hours 6"),
            hours,
            with("/cycle", json!({"kind": "custom", "hours": 6, "window": null})),
        );
        check("authorise-quota --total none", json!({"total": 3}), json!({"total": null}));
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let check = |line: &str, input, words: &str| {
            let all: Vec<&str> = line.split(' ').collect();
            let err = typed(&all, input, None).map(|it| it.target).unwrap_err();
            assert!(err.contains(words) && !err.contains("hush"), "{line}: {err}");
        };
        check("lst-images", "", "unrecognized subcommand");
        check("read-person", "", "<ID>");
        check("read-person x", "", "not a number");
        check("list-images --level hih", "", "possible values: none, low, medium, high");
        check("list-audit --since yesterday", "", "a time is written");
        check("add-registry --kind oci --name n", "", "--address");
        check("scan-now --places registry:1", "", "`registry:1` is not NAME=VALUE");
        check("scan-now --places place=1", "", "there is no `place`; there are");
        check("scan-now --json {", "", "--json");
        check("import-advisories", "", "--file");
        check("import-advisories --file /no/such", "", "/no/such: No such file");
        check(
            "change-scan-settings --cycle-window-from-minute 5",
            "",
            "--cycle-kind is needed too",
        );
        check("read-risk ..", "", "name cannot be `..`");
        let person = "add-person --name a --role viewer";
        // Nobody is at a terminal here.
        check(person, "", "--password-from says where it is");
        check(&format!("{person} --password-from hush"), "", "what was given is none of them");
        check(
            &format!("{person} --password-from env:PLIMSOLL_NO_SUCH"),
            "",
            "PLIMSOLL_NO_SUCH is not in the environment",
        );
        check(&format!("{person} --password-from -"), "\n", "there is nothing in it");
        check(&format!("{person} --password hush"), "", "unexpected argument '--password'");
    }
}
