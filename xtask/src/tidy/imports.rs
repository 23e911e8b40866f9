//! Who may import whom: the crates form a line, and each keeps some worlds out.

use anyhow::Context;
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::path::Path;

struct Rule {
    package: &'static str,
    /// Packages of ours that it may import.
    ours: &'static [&'static str],
    /// Packages that it must not import.
    never: &'static [&'static str],
}

/// kernel ← shape ← jobs ← engine ← server ← fieldstone.
const RULES: &[Rule] = &[
    Rule {
        package: "fieldstone-kernel",
        ours: &[],
        never: &["serde", "serde_json", "tokio", "tracing", "log", "anyhow", "axum", "sqlx", "jiff", "rand"],
    },
    Rule {
        package: "fieldstone-shape",
        ours: &["fieldstone-kernel"],
        never: &["tokio", "axum", "sqlx", "object_store", "reqwest"],
    },
    Rule {
        package: "fieldstone-jobs",
        ours: &["fieldstone-kernel", "fieldstone-shape"],
        never: &["tokio", "axum", "sqlx", "object_store", "reqwest", "futures"],
    },
    Rule {
        package: "fieldstone-engine",
        // Of the kernel only `Monitor`, which the jobs' signatures name.
        ours: &["fieldstone-jobs", "fieldstone-kernel"],
        // It names reqwest for the TLS of the client in object_store alone: its files may not (files.rs).
        never: &["axum", "tower", "tower-http", "clap"],
    },
    Rule {
        package: "fieldstone-server",
        ours: &["fieldstone-engine", "fieldstone-jobs"],
        never: &["sqlx", "object_store", "rayon", "clap"],
    },
    Rule {
        package: "fieldstone",
        ours: &[
            "fieldstone-kernel",
            "fieldstone-shape",
            "fieldstone-jobs",
            "fieldstone-engine",
            "fieldstone-server",
        ],
        never: &["sqlx", "object_store", "axum"],
    },
    Rule {
        package: "xtask",
        ours: &["fieldstone-kernel", "fieldstone-shape", "fieldstone-jobs"],
        never: &["tokio", "reqwest"],
    },
];

/// Licences that a dependency may come under; one of its alternatives must be here.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Breaches of the import table and of the licence list.
pub fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    // What only other platforms need stays undownloaded; what is missing otherwise is fetched, as for any build.
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform=host-tuple"].map(str::to_owned).to_vec())
        .exec()
        .context("cargo metadata")?;
    let mut problems = Vec::new();
    let members = metadata.workspace_packages();
    for package in &members {
        let name = package.name.as_str();
        let Some(rule) = RULES.iter().find(|r| r.package == name) else {
            problems.push(format!("{name}: has no row in the import table of xtask/src/tidy/imports.rs"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let other = dependency.name.as_str();
            let is_ours = members.iter().any(|m| m.name.as_str() == other);
            if rule.never.contains(&other) || is_ours && !rule.ours.contains(&other) {
                problems.push(format!("{name}: imports {other}, which the import table forbids"));
            }
        }
    }
    for rule in RULES.iter().filter(|r| members.iter().all(|m| m.name.as_str() != r.package)) {
        problems.push(format!("{}: is in the import table but not in the workspace", rule.package));
    }
    for package in metadata.packages.iter().filter(|p| p.source.is_some()) {
        let licence = package.license.as_deref().unwrap_or("none");
        if !acceptable(licence) {
            problems.push(format!("{} {}: licence {licence:?} is not listed", package.name, package.version));
        }
    }
    Ok(problems)
}

/// Whether a licence expression can be satisfied from the list: `and` of `or`s, without nesting beyond parentheses.
fn acceptable(expression: &str) -> bool {
    let flat = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let listed =
        |one: &str| LICENCES.contains(&one.split_whitespace().collect::<Vec<_>>().join(" ").as_str());
    flat.split(" AND ").all(|all| all.split(" OR ").any(listed))
}

#[cfg(test)]
mod tests {
    use super::{LICENCES, acceptable};

    #[test]
    fn the_list_of_licences_is_that_of_deny_toml() {
        let text = std::fs::read_to_string(crate::run::root().join("deny.toml")).unwrap();
        let (_, list) = text.split_once("\nallow = [").unwrap();
        let (list, _) = list.split_once("\n]").unwrap();
        let listed: Vec<&str> = list.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(listed, LICENCES);
    }

    #[test]
    fn licence_expressions_are_weighed() {
        for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert!(acceptable(good), "{good}");
        }
        for bad in ["GPL-3.0", "none", "MIT AND GPL-3.0"] {
            assert!(!acceptable(bad), "{bad}");
        }
    }
}
