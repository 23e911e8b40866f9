//! What every file keeps to: length, opening line, words, size, and that some module owns it.

use super::functions;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Lines of one source file at most.
const MAX_LINES: usize = 450;
/// Files that were longer when the rule came, with their length. The list may only shrink.
const LONGER: &[(&str, usize)] = &[];
/// Bytes of one file outside `testdata` at most.
const MAX_BYTES: u64 = 1 << 20;
/// Folders that hold nothing of ours.
const SKIPPED: &[&str] =
    &["target", ".git", ".venv", "__pycache__", "node_modules", "fieldstone-demo", "fieldstone-data"];
/// Extensions of files that people read and write here.
const SOURCES: &[&str] = &["rs", "py", "mjs", "cc", "sh", "sql", "ts", "svelte"];

/// Written by programs.
const GENERATED: &[&str] = &["ui/types/schema.d.ts"];

/// A word that has no place in a source file, and why. Split so that this file does not hold them.
const WORDS: &[(&str, &str)] = &[
    (concat!("db", "g!("), "debugging output"),
    (concat!("to", "do!("), "unfinished code"),
    (concat!("unimpl", "emented!("), "unfinished code"),
    (concat!("#[ign", "ore"), "a test that does not run"),
    (concat!("/wor", "k/"), "a path of one machine"),
];
/// Marks of unfinished work; allowed with an issue number: the mark, then `(#12)`.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Crates whose code has no files, clock, environment or network, and what would give them one.
const PURE: &[&str] = &["crates/kernel/src", "crates/shape/src"];
const IMPURE: &[&str] =
    &["std::fs", "std::env", "std::net", "std::process", "Instant::now", "SystemTime::now", "println!("];

/// The database's crate, and the only folder of the engine whose files may name it.
const DATABASE: &str = "sqlx";
const ENGINE: &str = "crates/engine/src";
const STORE: &str = "crates/engine/src/store/";
/// A client of HTTP, which no file of the engine may name: object_store has it.
const HTTP: &str = "reqwest::";

/// Breaches of the rules for files.
pub fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    walk(root, &mut files)?;
    let mut problems = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let bytes = std::fs::metadata(&path).with_context(|| name.clone())?.len();
        if bytes > MAX_BYTES && !name.split('/').any(|part| part == "testdata") {
            problems.push(format!("{name}: has {bytes} bytes, at most {MAX_BYTES} outside testdata"));
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        if SOURCES.contains(&extension) && !GENERATED.contains(&name.as_str()) {
            let text = std::fs::read_to_string(&path).with_context(|| name.clone())?;
            source(&name, &text, &mut problems);
            if extension == "rs" {
                problems.extend(functions::problems(&name, &text));
                if !owned(&path) {
                    problems.push(format!("{name}: no module declares it"));
                }
            }
        }
    }
    Ok(problems)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| folder.display().to_string())?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let skipped = SKIPPED.iter().any(|s| entry.file_name() == *s);
        if kind.is_dir() && !skipped {
            walk(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn source(name: &str, text: &str, problems: &mut Vec<String>) {
    if name.ends_with(".rs") && !text.starts_with("//!") {
        problems.push(format!("{name}:1: does not open with a //! sentence saying what it is"));
    }
    let lines = text.lines().count();
    match LONGER.iter().find(|(long, _)| *long == name) {
        None if lines > MAX_LINES => {
            problems.push(format!("{name}: has {lines} lines, at most {MAX_LINES}; split it by noun"));
        }
        Some((_, was)) if lines > *was => {
            problems.push(format!("{name}: has {lines} lines, grew from {was}; split it by noun"));
        }
        Some(_) if lines <= MAX_LINES => {
            problems.push(format!("{name}: has {lines} lines, take it off the list of long files"));
        }
        _ => {}
    }
    for (i, line) in text.lines().enumerate() {
        let at = i + 1;
        for (word, why) in WORDS {
            if line.contains(word) {
                problems.push(format!("{name}:{at}: {word:?} is {why}"));
            }
        }
        for mark in MARKS {
            if let Some(rest) = line.split(mark).nth(1)
                && !rest.starts_with("(#")
            {
                problems
                    .push(format!("{name}:{at}: {mark} without the number of an issue, as in {mark}(#12)"));
            }
        }
    }
    if name.starts_with(ENGINE) && !name.starts_with(STORE) && text.contains(DATABASE) {
        problems.push(format!("{name}: names {DATABASE}, which {STORE} alone may"));
    }
    if name.starts_with(ENGINE) && text.contains(HTTP) {
        problems.push(format!("{name}: names {HTTP}, the engine speaks no HTTP"));
    }
    if PURE.iter().any(|pure| name.starts_with(pure)) {
        let tests = ["#[cfg(test)]", "#![cfg(test)]"].iter().filter_map(|mark| text.find(mark)).min();
        let tests = tests.unwrap_or(text.len());
        for (i, line) in text[..tests].lines().enumerate() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                problems.push(format!("{name}:{}: {word} in a crate without files, clock or network", i + 1));
            }
        }
    }
}

/// Whether a module declares this file. Roots (libraries, binaries, tests, examples, benches) own themselves.
fn owned(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return true };
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
    let folder_name = folder.file_name().and_then(|s| s.to_str()).unwrap_or("");
    let is_root = matches!(stem, "main" | "lib" | "build")
        || matches!(folder_name, "tests" | "examples" | "benches" | "bin" | "fuzz_targets")
            && folder.parent().is_some_and(|p| p.join("Cargo.toml").exists() || p.ends_with("src"));
    if is_root {
        return true;
    }
    let (module, home) = match stem {
        "mod" => (folder_name, folder.parent().unwrap_or(folder)),
        _ => (stem, folder),
    };
    // A module's parent is beside it or, with `#[path]` or under `tests/`, any file of its folder.
    let beside = home.with_extension("rs");
    let siblings = std::fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
    let declaration = format!("mod {module};");
    let attribute = format!("#[path = \"{stem}.rs\"]");
    siblings.filter(|p| p.extension().is_some_and(|e| e == "rs") && p != path).chain([beside]).any(|parent| {
        std::fs::read_to_string(&parent)
            .is_ok_and(|text| text.contains(&declaration) || text.contains(&attribute))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        source(name, text, &mut problems);
        problems
    }

    #[test]
    fn breaches_are_found_with_their_line() {
        assert!(found("a.rs", "//! A.\nfn f() {}\n").is_empty());
        assert_eq!(found("a.rs", "fn f() {}\n").len(), 1);
        let marked = format!("//! A.\n// {} later\n", MARKS[0]);
        assert!(found("a.rs", &marked)[0].starts_with("a.rs:2:"));
        assert!(found("a.rs", &format!("//! A.\n// {}(#7) later\n", MARKS[0])).is_empty());
        assert_eq!(found("a.rs", &format!("//! A.\n{}1)\n", WORDS[0].0)).len(), 1);
        assert_eq!(found("a.py", &"x = 1\n".repeat(MAX_LINES + 1)).len(), 1);
    }

    #[test]
    fn only_the_store_names_the_database() {
        let text = format!("//! A.\nuse {DATABASE}::Row;\n");
        assert_eq!(found("crates/engine/src/keys/a.rs", &text).len(), 1);
        assert!(found("crates/engine/src/store/a.rs", &text).is_empty());
        let http = format!("//! A.\nuse {HTTP}Client;\n");
        assert_eq!(found("crates/engine/src/store/a.rs", &http).len(), 1);
        assert!(found("crates/server/src/a.rs", &http).is_empty());
    }

    #[test]
    fn the_kernel_has_no_files_outside_its_tests() {
        let inside = "//! A.\nuse std::fs::File;\n";
        assert_eq!(found("crates/kernel/src/a.rs", inside).len(), 1);
        assert!(found("crates/kernel/src/a.rs", "//! A.\n#[cfg(test)]\nuse std::fs::File;\n").is_empty());
        assert!(found("crates/engine/src/a.rs", inside).is_empty());
    }
}
