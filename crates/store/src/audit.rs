//! Who changed what. Rows are added in the transaction that makes the change, and never changed.
use crate::{
    Cursor, Page, Result, Tx, Value,
    nouns::{below, one_more},
};

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted up; of a new one, anything.
    pub id: i64,
    /// When.
    pub at: i64,
    /// Who.
    pub person: String,
    /// What was done, as `registry.add`.
    pub action: String,
    /// To what, as `registry/7`.
    pub object: String,
    /// How it was, as JSON, without secrets.
    pub before: Option<String>,
    /// How it is, as JSON, without secrets.
    pub after: Option<String>,
}

/// Which changes. Nothing: all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// By this person.
    pub person: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// To this.
    pub object: Option<String>,
    /// At or after this time.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
}

/// Adds an entry.
pub fn add(tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
    let Entry { id: _, at, person, action, object, before, after } = entry;
    let text = |it: &Option<String>| it.as_deref().into();
    tx.execute(
        "INSERT INTO audit (at, person, action, object, before, after) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[(*at).into(), person.into(), action.into(), object.into(), text(before), text(after)],
    )?;
    Ok(())
}

/// Entries, the newest first.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Entry>> {
    let mut values = vec![below(cursor)?, one_more(limit)];
    let Filter { person, action, object, since, until } = filter;
    let text = |it: &Option<String>| it.as_ref().map(Value::from);
    let mut wanted = String::new();
    for (column, value) in [
        ("person =", text(person)),
        ("action =", text(action)),
        ("object =", text(object)),
        ("at >=", since.map(Value::from)),
        ("at <", until.map(Value::from)),
    ] {
        if let Some(it) = value {
            values.push(it);
            wanted += &format!(" AND {column} ${}", values.len());
        }
    }
    let sql = format!(
        "SELECT id, at, person, action, object, before, after FROM audit \
         WHERE id < $1{wanted} ORDER BY id DESC LIMIT $2"
    );
    let entries = tx.rows(&sql, &values, |it| {
        let (id, at, person, action) = (it.int(0)?, it.int(1)?, it.text(2)?, it.text(3)?);
        let (object, before, after) = (it.text(4)?, it.maybe_text(5)?, it.maybe_text(6)?);
        Ok(Entry { id, at, person, action, object, before, after })
    })?;
    Ok(Page::of(entries, limit, |it| Cursor::number(0, it.id)))
}

/// Forgets up to `limit` entries from before a time, and says how many.
pub fn purge(tx: &mut Tx<'_>, before: i64, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM audit WHERE id IN \
               (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)";
    tx.execute(sql, &[before.into(), i64::from(limit).into()])
}
