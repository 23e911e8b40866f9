//! Files of a crate that use each other in a circle: none of them can be read, tested or moved alone.

use super::paths::Paths;
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A file's module path inside its crate; the root has none.
type Module = Vec<String>;

/// Circles of files in the crates of the workspace.
pub fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for circle in circles(&files(&folder.join("src"))?) {
            let files: Vec<String> = circle.iter().map(shown).collect();
            problems.push(format!("crates/{name}: files use each other in a circle: {}", files.join(", ")));
        }
    }
    Ok(problems)
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}

/// What each file of `folder` says of others.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<Module, Paths>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), Module::new())];
    while let Some((folder, module)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let is_module_itself = matches!(stem.as_str(), "mod" | "lib" | "main");
            let own = module.iter().cloned().chain((!is_module_itself).then(|| stem.clone())).collect();
            if path.is_dir() {
                folders.push((path, own));
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                found.insert(own, Paths::of(&text));
            }
        }
    }
    Ok(found)
}

/// The sets of files that can reach each other, each sorted.
fn circles(files: &BTreeMap<Module, Paths>) -> Vec<Vec<Module>> {
    let reach: BTreeMap<&Module, BTreeSet<Module>> = files.keys().map(|m| (m, reachable(files, m))).collect();
    let mut circles = BTreeSet::new();
    for (module, there) in &reach {
        let mutual: Vec<Module> = there
            .iter()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(*module)))
            .cloned()
            .collect();
        if mutual.len() > 1 {
            circles.insert(mutual);
        }
    }
    circles.into_iter().collect()
}

/// Every file that `from` uses, and that those use.
fn reachable(files: &BTreeMap<Module, Paths>, from: &Module) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.clone()];
    while let Some(module) = open.pop() {
        let Some(paths) = files.get(&module) else { continue };
        let used = paths.used.iter().filter_map(|path| home(files, &module, path, 0));
        open.extend(used.filter(|other| *other != module && seen.insert(other.clone())).collect::<Vec<_>>());
    }
    seen
}

/// The file that a path used in `module` leads to, through files that hand the name on.
fn home(files: &BTreeMap<Module, Paths>, module: &Module, path: &[String], depth: usize) -> Option<Module> {
    let first = path.first()?;
    let mut base = module.clone();
    let mut rest = path;
    match first.as_str() {
        "crate" => (base, rest) = (Module::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|s| s == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ if !files.contains_key(&joined(&base, first)) => return None,
        _ => {}
    }
    while let Some(next) = rest.first().map(|s| joined(&base, s)).filter(|next| files.contains_key(next)) {
        (base, rest) = (next, &rest[1..]);
    }
    let name = rest.first();
    let handed_on = &files.get(&base)?.handed_on;
    match handed_on.iter().find(|path| path.last() == name && name.is_some()) {
        Some(path) if depth < 8 => home(files, &base, path, depth + 1).or(Some(base)),
        _ => Some(base),
    }
}

fn joined(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<Module, Paths> {
        let module = |name: &str| name.split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
        files.iter().map(|(name, text)| (module(name), Paths::of(text))).collect()
    }

    #[test]
    fn a_circle_is_found_and_a_facade_is_none() {
        let facade = [
            ("", "pub mod a;\npub use a::A;\n"),
            ("a", "pub mod b;\npub use b::B;\npub struct A;\n"),
            ("a::b", "use crate::c::C;\npub struct B;\n"),
            ("c", "pub struct C;\n"),
        ];
        assert!(circles(&tree(&facade)).is_empty());
        let mut circle = facade;
        circle[3].1 = "use crate::a::B;\npub struct C;\n";
        let found = circles(&tree(&circle));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].iter().map(shown).collect::<Vec<_>>(), ["a::b", "c"]);
    }
}
