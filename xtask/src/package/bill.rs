//! What the binary is made of, as a bill of materials: CycloneDX 1.6, ECMA-424 (cyclonedx.org).

use super::Release;
use crate::run::{cargo, output_of, root};
use anyhow::Context;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes `fieldstone-VERSION.cdx.json`.
pub fn write(release: &Release, out: &Path) -> anyhow::Result<PathBuf> {
    let path = out.join(format!("fieldstone-{}.cdx.json", release.version));
    let text = serde_json::to_string_pretty(&bill(release)?)? + "\n";
    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn bill(release: &Release) -> anyhow::Result<Value> {
    let crates = Crates::of_the_binary()?;
    let mut components = crates.components()?;
    components.extend(packages_of_the_app()?);
    components.extend(runtime()?);
    components.sort_by_key(|component| component["bom-ref"].as_str().map(str::to_owned));
    let bytes = std::fs::read(&release.binary).with_context(|| release.binary.display().to_string())?;
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": jiff::Timestamp::from_second(i64::try_from(release.time)?)?.to_string(),
            "component": {
                "type": "application",
                "bom-ref": reference("cargo", "fieldstone", &release.version),
                "name": "fieldstone",
                "version": release.version,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "hashes": [{"alg": "SHA-256", "content": hex::encode(Sha256::digest(bytes))}],
            },
        },
        "components": components,
        "dependencies": crates.dependencies(),
    }))
}

/// A package URL (purl-spec).
fn reference(kind: &str, name: &str, version: &str) -> String {
    format!("pkg:{kind}/{}@{}", name.replace('@', "%40"), version.replace('+', "%2B"))
}

/// The crates that are linked into the binary.
struct Crates {
    metadata: Metadata,
    linked: BTreeSet<PackageId>,
}

impl Crates {
    fn of_the_binary() -> anyhow::Result<Crates> {
        let metadata = MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--locked", "--filter-platform=host-tuple"].map(str::to_owned).to_vec())
            .exec()
            .context("cargo metadata")?;
        // The graph of the metadata knows no features of one package alone; the tree does.
        let mut tree = cargo();
        tree.args(["tree", "--package", "fieldstone", "--edges", "normal", "--prefix", "none", "--locked"]);
        let tree = output_of(tree.args(["--format", "{p}"]))?;
        let named: BTreeSet<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
        let is_linked = |name: &str, version: &str| named.contains(&(name, version));
        let packages = metadata.packages.iter();
        let linked = packages.filter(|p| is_linked(p.name.as_str(), &p.version.to_string()));
        let linked = linked.map(|p| p.id.clone()).collect();
        Ok(Crates { linked, metadata })
    }

    /// Those of others and of ours, but for the application itself.
    fn components(&self) -> anyhow::Result<Vec<Value>> {
        let checksums = checksums(&std::fs::read_to_string(root().join("Cargo.lock"))?);
        let packages = self.metadata.packages.iter().filter(|p| self.linked.contains(&p.id));
        let component = packages.filter(|p| p.name.as_str() != "fieldstone").map(|package| {
            let (name, version) = (package.name.as_str(), package.version.to_string());
            let licence = package.license.as_deref().map(|text| text.replace('/', " OR "));
            let mut component = component("cargo", name, &version, licence.as_deref());
            if let Some(sum) = checksums.get(&(name.to_owned(), version)) {
                component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
            }
            component
        });
        Ok(component.collect())
    }

    /// Who of them needs whom.
    fn dependencies(&self) -> Vec<Value> {
        let name = |id: &PackageId| {
            let package = &self.metadata[id];
            reference("cargo", package.name.as_str(), &package.version.to_string())
        };
        let nodes = self.metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let mut list: Vec<(String, Vec<String>)> = nodes
            .filter(|node| self.linked.contains(&node.id))
            .map(|node| {
                let is_normal = |kinds: &[cargo_metadata::DepKindInfo]| {
                    kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
                };
                let needed = node.deps.iter().filter(|dep| is_normal(&dep.dep_kinds));
                let mut needed: Vec<String> =
                    needed.filter(|dep| self.linked.contains(&dep.pkg)).map(|dep| name(&dep.pkg)).collect();
                needed.sort();
                needed.dedup();
                (name(&node.id), needed)
            })
            .collect();
        list.sort();
        list.iter().map(|(node, needed)| json!({"ref": node, "dependsOn": needed})).collect()
    }
}

fn component(kind: &str, name: &str, version: &str, licence: Option<&str>) -> Value {
    let purl = reference(kind, name, version);
    let mut component =
        json!({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl});
    if let Some(licence) = licence {
        component["licenses"] = json!([{"expression": licence}]);
    }
    component
}

/// `serde v1.0.228 (proc-macro)`
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// The SHA-256 of each crate's source, from the text of a lock file.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let package = |text: &str| {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
            Some(line.trim_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    };
    lock.split("[[package]]").filter_map(package).collect()
}

/// What the app in `ui/` is built of.
fn packages_of_the_app() -> anyhow::Result<Vec<Value>> {
    let lock = std::fs::read(root().join("ui/package-lock.json")).context("ui/package-lock.json")?;
    let lock: Value = serde_json::from_slice(&lock)?;
    let packages = lock["packages"].as_object().context("ui/package-lock.json has no packages")?;
    let shipped = packages.iter().filter(|(_, package)| package["dev"] != true);
    let shipped = shipped.filter_map(|(path, package)| {
        let (_, name) = path.rsplit_once("node_modules/")?;
        Some(component("npm", name, package["version"].as_str()?, package["license"].as_str()))
    });
    Ok(shipped.collect())
}

/// The C library and the C++ one, which come with the compilers.
fn runtime() -> anyhow::Result<Vec<Value>> {
    let rust = output_of(Command::new("rustc").arg("--version").current_dir(root()))?;
    let gcc = output_of(Command::new("g++").arg("-dumpfullversion"))?;
    let word = |text: &str, n| text.split_whitespace().nth(n).unwrap_or("unknown").to_owned();
    Ok(vec![
        component("generic", "rust-std-with-musl", &word(&rust, 1), Some("MIT OR Apache-2.0")),
        component("generic", "libstdc++", &word(&gcc, 0), Some("GPL-3.0-or-later WITH GCC-exception-3.1")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::stand_in;

    #[test]
    fn the_bill_names_what_is_linked_and_nothing_that_only_tests_or_builds() {
        let folder = tempfile::tempdir().unwrap();
        let bill = bill(&stand_in(folder.path())).unwrap();
        let components = bill["components"].as_array().unwrap();
        let has = |start: &str| components.iter().any(|c| c["bom-ref"].as_str().unwrap().starts_with(start));
        for linked in
            ["pkg:cargo/rayon@", "pkg:cargo/meshopt@", "pkg:cargo/fieldstone-kernel@", "pkg:npm/three@"]
        {
            assert!(has(linked), "{linked}");
        }
        for other in ["pkg:cargo/proptest@", "pkg:cargo/cc@", "pkg:npm/vite@", "pkg:cargo/fieldstone@"] {
            assert!(!has(other), "{other}");
        }
        let references: BTreeSet<&str> = components.iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(references.len(), components.len(), "no reference stands for two");
        for component in components {
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
            let is_crate = component["bom-ref"].as_str().unwrap().starts_with("pkg:cargo/");
            let is_ours = component["name"].as_str().unwrap().starts_with("fieldstone");
            assert!(!is_crate || is_ours || component["hashes"].is_array(), "{component}");
        }
        let application = bill["metadata"]["component"]["bom-ref"].as_str().unwrap();
        for dependency in bill["dependencies"].as_array().unwrap() {
            for name in dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]) {
                let name = name.as_str().unwrap();
                assert!(references.contains(name) || name == application, "{name} is no component");
            }
        }
    }
}
