//! What an operation takes, one value each: read from the schemas of the API's document (JSON Schema 2020-12, as far as
//! that uses it). What is nested becomes several fields, whose names are joined.
use serde_json::Value;

/// The document, in which schemas are looked up.
pub(super) struct Schemas(pub(super) Value);

/// Something that can be said.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) place: Place,
    /// Where it stands: one name, or those of the objects around it too.
    pub(super) path: Vec<String>,
    pub(super) shape: Shape,
    /// Whether there may be several.
    pub(super) many: bool,
    pub(super) required: bool,
    /// Whether it can be nothing, which is typed as `none`.
    pub(super) nullable: bool,
    /// Whether nobody but the center may see it.
    pub(super) secret: bool,
    pub(super) help: String,
}

/// Where it is sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Place {
    Path,
    Query,
    Body,
}

/// What it looks like.
#[derive(Clone)]
pub(super) enum Shape {
    Text,
    Time,
    Number,
    Boolean,
    /// One of these words, each with what it means.
    Choice(Vec<(String, String)>),
    /// The word that says which of several kinds of objects the one around it is.
    Tag(Vec<Variant>),
    /// An object of single values, by name.
    Record(Vec<(String, Shape)>),
    /// The object around it is there, even when nothing is said of it. Nobody types this.
    Empty,
    Json,
}

/// One of several kinds of objects.
#[derive(Clone)]
pub(super) struct Variant {
    pub(super) word: String,
    pub(super) help: String,
    pub(super) members: Vec<Member>,
}

/// A member of an object of that kind.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) secret: bool,
}

impl Field {
    /// The name of the option, without dashes in front.
    pub(super) fn name(&self) -> String {
        self.path.join("-").replace('_', "-")
    }
}

impl Schemas {
    /// The schema that `schema` stands for: the one that it refers to, or the one besides nothing.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // No chain of references in our own document is as long.
        for _ in 0..8 {
            let next = match schema.get("$ref").and_then(Value::as_str) {
                Some(it) => self.0.pointer(it.trim_start_matches('#')),
                None => schema.get("anyOf").and_then(Value::as_array).and_then(|it| it.first()),
            };
            match next {
                Some(it) => schema = it,
                None => break,
            }
        }
        schema
    }

    /// Whether the schema leaves open what is in it: then somebody else says that.
    pub(super) fn is_open(&self, schema: &Value) -> bool {
        let known = ["properties", "additionalProperties", "items", "oneOf", "enum", "const"];
        let schema = self.resolve(schema);
        let object = schema.get("type").is_none_or(|it| it == "object");
        object && known.iter().all(|it| schema.get(it).is_none())
    }

    /// Adds the fields of something of this schema.
    pub(super) fn fields(
        &self,
        schema: &Value,
        place: Place,
        path: &[&str],
        required: bool,
        all: &mut Vec<Field>,
    ) {
        let resolved = self.resolve(schema);
        let nullable = is_nullable(schema);
        let field = |path: &[&str], shape, many| Field {
            place,
            path: path.iter().map(|&it| it.to_owned()).collect(),
            shape,
            many,
            required: required && !nullable,
            nullable,
            secret: is_secret(schema) || is_secret(resolved),
            help: help(schema).or_else(|| help(resolved)).unwrap_or_default(),
        };
        if let Some((shape, many)) = self.shape(schema) {
            if !path.is_empty() {
                all.push(field(path, shape, many));
            }
            return;
        }
        if let Some(variants) = resolved.get("oneOf").and_then(Value::as_array) {
            if let Some((tag, shape)) = self.tag(variants) {
                let path = [path, &[tag.as_str()]].concat();
                all.push(Field { required: false, secret: false, ..field(&path, shape, false) });
            } else if let Some(shape) =
                words(variants.iter().filter(|it| it.get("const").is_some()))
            {
                all.push(Field { required: false, ..field(path, shape, false) });
            }
            for it in variants {
                let before = all.len();
                self.members(it, place, path, false, all);
                all.iter_mut().skip(before).for_each(|field| field.help = within(it, &field.help));
            }
            return;
        }
        if required && !path.is_empty() && resolved.get("required").is_none() {
            all.push(Field { required: false, ..field(path, Shape::Empty, false) });
        }
        self.members(resolved, place, path, required && !nullable, all);
    }

    fn members(
        &self,
        object: &Value,
        place: Place,
        path: &[&str],
        required: bool,
        all: &mut Vec<Field>,
    ) {
        for (name, schema) in members(object) {
            let path = [path, &[name]].concat();
            let known = all.iter_mut().find(|it| it.place == place && it.path == path);
            match known {
                Some(it) => it.secret |= is_secret(schema),
                None if schema.get("const").is_some() => {}
                None => {
                    let required = required && is_required(object, name);
                    self.fields(schema, place, &path, required, all);
                }
            }
        }
    }

    /// What one value looks like, or several of a kind; none: it has members of its own.
    fn shape(&self, schema: &Value) -> Option<(Shape, bool)> {
        let resolved = self.resolve(schema);
        let is = |name: &str| match resolved.get("type") {
            Some(Value::Array(it)) => it.iter().any(|it| it == name),
            Some(it) => it == name,
            None => false,
        };
        if is("array") {
            let item = resolved.get("items").map(|it| (it, self.shape(it)));
            return Some(match item {
                Some((_, Some((shape, false)))) => (shape, true),
                Some((it, None)) => (self.record(it).unwrap_or(Shape::Json), true),
                _ => (Shape::Json, true),
            });
        }
        let one = match resolved {
            _ if resolved.get("format").is_some_and(|it| it == "date-time") => Shape::Time,
            _ if resolved.get("enum").is_some() => {
                let all = resolved.get("enum").and_then(Value::as_array).into_iter().flatten();
                let words = all.filter_map(|it| Some((it.as_str()?.to_owned(), String::new())));
                Shape::Choice(words.collect())
            }
            _ if is("string") => Shape::Text,
            _ if is("integer") || is("number") => Shape::Number,
            _ if is("boolean") => Shape::Boolean,
            _ => match resolved.get("oneOf").and_then(Value::as_array) {
                Some(it) if it.iter().all(|it| it.get("const").is_some()) => words(it.iter())?,
                Some(_) => return None,
                None if resolved.get("properties").is_some() => return None,
                None => Shape::Json,
            },
        };
        Some((one, false))
    }

    /// An object of single values.
    fn record(&self, schema: &Value) -> Option<Shape> {
        let members = members(self.resolve(schema)).into_iter();
        let single = |(name, schema): (&str, &Value)| match self.shape(schema)? {
            (shape, false) => Some((name.to_owned(), shape)),
            (_, true) => None,
        };
        members.map(single).collect::<Option<_>>().map(Shape::Record)
    }

    /// The member that tells several kinds of objects apart, if one does.
    fn tag(&self, variants: &[Value]) -> Option<(String, Shape)> {
        let constant = |it: &Value| {
            let found = members(it).into_iter().find(|it| it.1.get("const").is_some())?;
            Some((found.0.to_owned(), found.1.get("const")?.as_str()?.to_owned()))
        };
        let (tag, _) = constant(variants.first()?)?;
        let variant = |it: &Value| {
            let members = members(it).into_iter().filter(|it| it.0 != tag);
            Some(Variant {
                word: constant(it)?.1,
                help: help(it).unwrap_or_default(),
                members: members
                    .map(|(name, schema)| Member {
                        name: name.to_owned(),
                        required: is_required(it, name),
                        secret: is_secret(schema),
                    })
                    .collect(),
            })
        };
        let variants = variants.iter().map(variant).collect::<Option<_>>()?;
        Some((tag, Shape::Tag(variants)))
    }
}

/// The members of an object: those that it must have in their order, then the others.
fn members(object: &Value) -> Vec<(&str, &Value)> {
    let all = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut all: Vec<_> = all.map(|(name, schema)| (name.as_str(), schema)).collect();
    let required = object.get("required").and_then(Value::as_array);
    let place = |name: &str| required.and_then(|it| it.iter().position(|it| it == name));
    all.sort_by_key(|it| place(it.0).unwrap_or(usize::MAX));
    all
}

fn words<'a>(variants: impl Iterator<Item = &'a Value>) -> Option<Shape> {
    let word =
        |it: &Value| Some((it.get("const")?.as_str()?.to_owned(), help(it).unwrap_or_default()));
    let words: Vec<_> = variants.filter_map(word).collect();
    (!words.is_empty()).then_some(Shape::Choice(words))
}

fn is_required(object: &Value, name: &str) -> bool {
    let required = object.get("required").and_then(Value::as_array);
    required.is_some_and(|it| it.iter().any(|it| it == name))
}

fn is_nullable(schema: &Value) -> bool {
    let among = |name: &str, it: &dyn Fn(&Value) -> bool| {
        schema.get(name).and_then(Value::as_array).is_some_and(|all| all.iter().any(it))
    };
    among("type", &|it| it == "null")
        || among("anyOf", &|it| it.get("type").is_some_and(|it| it == "null"))
}

fn is_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
}

/// The help of a member of one of several kinds of objects: what makes sense of it is often said of the object.
fn within(object: &Value, member: &str) -> String {
    let object = help(object).unwrap_or_default();
    let mut rest = member.chars();
    match rest.next() {
        Some(first) => format!("{object}: {}{}", first.to_lowercase(), rest.as_str()),
        None => object,
    }
}

/// What is said of it, on one line and as help has it.
fn help(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?.replace('\n', " ");
    Some(text.strip_suffix('.').unwrap_or(&text).to_owned())
}
