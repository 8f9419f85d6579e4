//! Symbolic links, and where paths through them lead.
use model::ImagePath;
use std::collections::{BTreeMap, HashMap};

/// As many links as Linux follows on the way to a file (path_resolution(7)).
const HOPS: usize = 40;

/// Links by where they stand, with their targets.
#[derive(Debug, Default)]
pub(crate) struct Links(pub(crate) BTreeMap<ImagePath, String>);

impl Links {
    /// Where `path` leads, if it leads anywhere. What was found out on the way is `known` the next time:
    /// a chain of very many links would take very long otherwise, in every layer anew.
    pub(crate) fn end(
        &self,
        path: ImagePath,
        known: &mut HashMap<ImagePath, Option<ImagePath>>,
    ) -> Option<ImagePath> {
        let (mut way, mut current) = (Vec::new(), path);
        let end = loop {
            if let Some(end) = known.get(&current) {
                break end.clone();
            }
            if way.len() > HOPS {
                break None;
            }
            match self.hop(current.as_str()) {
                Some(next) => way.push(std::mem::replace(&mut current, next)),
                None => break Some(current),
            }
        };
        known.extend(way.into_iter().map(|it| (it, end.clone())));
        end
    }

    /// Where something called `path` really stands: links on the way to it are followed, a link that
    /// stands there itself is not.
    pub(crate) fn place(&self, path: &ImagePath) -> ImagePath {
        let parent = path.parent().unwrap_or_default();
        // Asked for every file that a package owns: most stand behind no link.
        if self.hop(parent).is_none() {
            return path.clone();
        }
        let root = ImagePath::default();
        let parent = self.real(&root.link(parent));
        root.link(&format!("{parent}/{}", path.name()))
    }

    /// Where `path` leads when every link is followed. Links in a circle lead nowhere: the path stays.
    pub(crate) fn real(&self, path: &ImagePath) -> ImagePath {
        let mut current = path.clone();
        for _ in 0..HOPS {
            match self.hop(current.as_str()) {
                Some(next) => current = next,
                None => return current,
            }
        }
        path.clone()
    }

    /// Follows the first link on the way.
    fn hop(&self, path: &str) -> Option<ImagePath> {
        let ends = path.match_indices('/').map(|it| it.0).chain([path.len()]);
        ends.filter_map(|end| path.split_at_checked(end)).find_map(|(prefix, rest)| {
            let (at, target) = self.0.get_key_value(prefix)?;
            Some(ImagePath::default().link(&format!("{}/{rest}", at.link(target))))
        })
    }
}
