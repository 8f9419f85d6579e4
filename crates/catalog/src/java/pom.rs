//! What Maven leaves in an archive: `pom.properties` and `pom.xml` (POM reference, "Maven Coordinates").

/// Coordinates; empty where nothing says them.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Pom {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
}

impl Pom {
    /// Whether it names all three, and none is a variable that something else would fill in.
    pub(super) fn is_whole(&self) -> bool {
        let known = |it: &String| !it.is_empty() && !it.contains("${");
        [&self.group, &self.artifact, &self.version].into_iter().all(known)
    }
}

/// `groupId=…`, a line each (`java.util.Properties`, of which Maven uses no more).
pub(super) fn properties(bytes: &[u8]) -> Pom {
    let text = String::from_utf8_lossy(bytes);
    let of = |key: &str| {
        let rest = text.lines().find_map(|it| it.trim_start().strip_prefix(key));
        let value = rest.and_then(|it| it.trim_start().strip_prefix(['=', ':']));
        value.unwrap_or_default().trim().to_owned()
    };
    Pom { group: of("groupId"), artifact: of("artifactId"), version: of("version") }
}

/// The coordinates; what a project does not say it has from its parent.
pub(super) fn xml(bytes: &[u8]) -> Pom {
    let text = String::from_utf8_lossy(bytes);
    let (mut own, mut parent) = (Pom::default(), Pom::default());
    let mut path: Vec<&str> = Vec::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once('<') {
        let pom = match path.as_slice() {
            ["project", _] => Some(&mut own),
            ["project", "parent", _] => Some(&mut parent),
            _ => None,
        };
        let field = pom.and_then(|it| match *path.last()? {
            "groupId" => Some(&mut it.group),
            "artifactId" => Some(&mut it.artifact),
            "version" => Some(&mut it.version),
            _ => None,
        });
        if let Some(field) = field.filter(|it| it.is_empty()) {
            before.trim().clone_into(field);
        }
        let end = if after.starts_with("!--") { "-->" } else { ">" };
        let Some((tag, next)) = after.split_once(end) else { break };
        rest = next;
        if tag.starts_with('/') {
            path.pop();
        } else if !tag.starts_with(['!', '?']) && !tag.ends_with('/') {
            path.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    for (field, inherited) in [(&mut own.group, parent.group), (&mut own.version, parent.version)] {
        if field.is_empty() {
            *field = inherited;
        }
    }
    own
}
