//! Where the keys of a YAML document stand in its text.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// The mappings of a document; everything else is passed over.
#[derive(Default)]
struct Tree(Vec<(Spanned<String>, Tree)>);

/// Line and column, from 1 and in characters, of the deepest key of `path` that the document has: `jobs.mesh.type`, or
/// `jobs.mesh` where that has no `type`. Keys may hold dots. `None` where it has not even the first, or is no YAML.
pub fn place(text: &str, path: &str) -> Option<(usize, usize)> {
    let options = serde_saphyr::options! { with_snippet: false };
    let mut tree: Tree = serde_saphyr::from_str_with_options(text, options).ok()?;
    let (mut rest, mut found) = (path, None);
    while let Some((key, below)) = tree.take(&mut rest) {
        found = Some(key);
        tree = below;
    }
    found.map(|at: Location| (at.line() as usize, at.column() as usize))
}

impl Tree {
    /// The longest key that `path` begins with; what follows it is left in `path`.
    fn take(self, path: &mut &str) -> Option<(Location, Tree)> {
        let behind = |key: &str| {
            let rest = path.strip_prefix(key)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
        };
        let fits = self.0.into_iter().filter_map(|(key, below)| Some((behind(&key.value)?, key, below)));
        let (rest, key, below) = fits.min_by_key(|(rest, ..)| rest.len())?;
        *path = rest;
        Some((key.referenced, below))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tree, D::Error> {
        from.deserialize_any(Mappings)
    }
}

/// Reads a [`Tree`].
struct Mappings;

impl<'de> Visitor<'de> for Mappings {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut keys = Vec::new();
        while let Some(entry) = map.next_entry()? {
            keys.push(entry);
        }
        Ok(Tree(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tree::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::default())
    }
}
