//! Closed sets of words.
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, de::DeserializeOwned};
use std::{any::type_name, borrow::Cow};
use store::Word;

/// What a risk concerns.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// A package of the distribution.
    System,
    /// Any other component.
    Application,
    /// A file, or a package, that is malicious.
    Malware,
}

impl Category {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Category::System => "system",
            Category::Application => "application",
            Category::Malware => "malware",
        }
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing is open.
    None,
    /// Low, negligible, or not rated.
    Low,
    /// Medium.
    Medium,
    /// High or critical.
    High,
}

/// How the last scan of an image ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// There was none.
    New,
    /// Well.
    Scanned,
    /// It failed.
    Failed,
}

/// How much of an image was seen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// Everything found is spoken about.
    Known,
    /// Some of it is not.
    Partial,
    /// No findings means nothing.
    Unknown,
}

/// What has become of a risk.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskState {
    /// Some image has it open.
    #[default]
    Open,
    /// An exception handles it somewhere.
    Handled,
    /// No component has it any more.
    Gone,
    /// Whatever.
    Any,
}

impl From<store::Category> for Category {
    fn from(it: store::Category) -> Category {
        match it {
            store::Category::System => Category::System,
            store::Category::Application => Category::Application,
            store::Category::Malware => Category::Malware,
        }
    }
}

impl From<Category> for store::Category {
    fn from(it: Category) -> store::Category {
        match it {
            Category::System => store::Category::System,
            Category::Application => store::Category::Application,
            Category::Malware => store::Category::Malware,
        }
    }
}

impl From<store::Level> for Level {
    fn from(it: store::Level) -> Level {
        match it {
            store::Level::None => Level::None,
            store::Level::Low => Level::Low,
            store::Level::Medium => Level::Medium,
            store::Level::High => Level::High,
        }
    }
}

impl From<Level> for store::Level {
    fn from(it: Level) -> store::Level {
        match it {
            Level::None => store::Level::None,
            Level::Low => store::Level::Low,
            Level::Medium => store::Level::Medium,
            Level::High => store::Level::High,
        }
    }
}

impl From<store::images::State> for ImageState {
    fn from(it: store::images::State) -> ImageState {
        match it {
            store::images::State::New => ImageState::New,
            store::images::State::Scanned => ImageState::Scanned,
            store::images::State::Failed => ImageState::Failed,
        }
    }
}

impl From<ImageState> for store::images::State {
    fn from(it: ImageState) -> store::images::State {
        match it {
            ImageState::New => store::images::State::New,
            ImageState::Scanned => store::images::State::Scanned,
            ImageState::Failed => store::images::State::Failed,
        }
    }
}

impl From<model::Grade> for Coverage {
    fn from(it: model::Grade) -> Coverage {
        match it {
            model::Grade::Known => Coverage::Known,
            model::Grade::Partial => Coverage::Partial,
            model::Grade::Unknown => Coverage::Unknown,
        }
    }
}

impl From<Coverage> for model::Grade {
    fn from(it: Coverage) -> model::Grade {
        match it {
            Coverage::Known => model::Grade::Known,
            Coverage::Partial => model::Grade::Partial,
            Coverage::Unknown => model::Grade::Unknown,
        }
    }
}

impl From<RiskState> for store::risks::State {
    fn from(it: RiskState) -> store::risks::State {
        match it {
            RiskState::Open => store::risks::State::Open,
            RiskState::Handled => store::risks::State::Handled,
            RiskState::Gone => store::risks::State::Gone,
            RiskState::Any => store::risks::State::Any,
        }
    }
}

/// One of a few words of the store, shown as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named<T>(pub T);

impl<T: Word> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.word())
    }
}

impl<'de, T: Word> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Named<T>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let words: Vec<&str> = T::WORDS.iter().map(|it| it.1).collect();
        let strange = || de::Error::custom(format!("{text:?} is none of {}", words.join(", ")));
        T::from_word(&text).map(Named).ok_or_else(strange)
    }
}

impl<T: Word> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        type_name::<T>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::WORDS.iter().map(|it| it.1).collect();
        json_schema!({"type": "string", "enum": words})
    }
}

/// Several values of a query, with commas in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Many<T> {
        Many(Vec::new())
    }
}

impl<T: Clone> Many<T> {
    /// As others call them.
    pub(crate) fn all<U: From<T>>(&self) -> Vec<U> {
        self.0.iter().cloned().map(U::from).collect()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Many<T>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let one = |it: &str| {
            // A number stands for itself, everything else is a word.
            serde_json::from_str(it).or_else(|_| serde_json::from_value(it.into()))
        };
        let all = text.split(',').filter(|it| !it.is_empty()).map(one).collect::<Result<_, _>>();
        all.map(Many).map_err(de::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Many{}", T::schema_name()).into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": schemas.subschema_for::<T>()})
    }
}
