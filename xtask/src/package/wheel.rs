//! A wheel for pip: the binary as a script, the notebook's module beside it. Packed by PyPA's `wheel`, which writes its RECORD.

use super::tree::Tree;
use super::{Release, binary};
use crate::python;
use crate::run::{must, root};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What packs it.
const TOOL: &[&str] = &["wheel==0.48.0"];

/// Writes `fieldstone-VERSION-py3-none-PLATFORMS.whl`.
pub fn write(release: &Release, out: &Path) -> anyhow::Result<PathBuf> {
    let platforms = platforms(release)?;
    let tree = Tree::new()?;
    let stem = format!("fieldstone-{}", release.version);
    let source = root().join("python/fieldstone");
    for entry in std::fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name that is not UTF-8")?;
        if entry.file_type()?.is_file() {
            tree.copy(&format!("fieldstone/{name}"), 0o644, &entry.path())?;
        }
    }
    tree.copy(&format!("{stem}.data/scripts/fieldstone"), 0o755, &release.binary)?;
    let info = format!("{stem}.dist-info");
    tree.put(&format!("{info}/METADATA"), 0o644, metadata(release)?)?;
    let tags: String = platforms.iter().map(|platform| format!("Tag: py3-none-{platform}\n")).collect();
    let wheel = format!("Wheel-Version: 1.0\nGenerator: fieldstone-xtask\nRoot-Is-Purelib: false\n{tags}");
    tree.put(&format!("{info}/WHEEL"), 0o644, wheel)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        tree.copy(&format!("{info}/licenses/{licence}"), 0o644, &root().join(licence))?;
    }
    let python = python::environment("wheel", TOOL)?;
    let mut pack = Command::new(python);
    pack.args(["-m", "wheel", "pack", "--dest-dir"]).arg(out).arg(tree.path());
    must(pack.env("SOURCE_DATE_EPOCH", release.time.to_string()))?;
    let path = out.join(format!("{stem}-py3-none-{}.whl", platforms.join(".")));
    path.is_file().then_some(path.clone()).with_context(|| format!("no {} was packed", path.display()))
}

/// Where it can be installed: what is static runs on every Linux of its processor, with glibc or musl (PEP 600, PEP 656); what
/// needs libraries is for this machine's kind alone. In the order that file names have them in.
fn platforms(release: &Release) -> anyhow::Result<Vec<String>> {
    let arch = release.arch;
    if !binary::is_static(&release.binary)? {
        return Ok(vec![format!("linux_{arch}")]);
    }
    match arch {
        "x86_64" | "aarch64" => Ok(["manylinux2014", "manylinux_2_17", "musllinux_1_1"]
            .iter()
            .map(|kind| format!("{kind}_{arch}"))
            .collect()),
        other => bail!("no wheel is made for {other}"),
    }
}

/// Core metadata 2.4.
fn metadata(release: &Release) -> anyhow::Result<String> {
    let about = std::fs::read_to_string(root().join("python/README.md")).context("python/README.md")?;
    Ok(format!(
        "Metadata-Version: 2.4\n\
         Name: fieldstone\n\
         Version: {}\n\
         Summary: Implicit geometry as a service: one binary, and its volumes in notebooks\n\
         License-Expression: MIT OR Apache-2.0\n\
         License-File: LICENSE-MIT\n\
         License-File: LICENSE-APACHE\n\
         Requires-Python: >=3.9\n\
         Requires-Dist: numpy; extra == \"notebook\"\n\
         Requires-Dist: pyvista; extra == \"pyvista\"\n\
         Provides-Extra: notebook\n\
         Provides-Extra: pyvista\n\
         Description-Content-Type: text/markdown\n\n{about}",
        release.version,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::stand_in;

    #[test]
    fn the_platforms_are_those_that_the_binary_runs_on() {
        let folder = tempfile::tempdir().unwrap();
        let release = stand_in(folder.path());
        let everywhere = platforms(&release).unwrap();
        assert!(everywhere.iter().any(|tag| tag.starts_with("manylinux")));
        assert!(everywhere.iter().any(|tag| tag.starts_with("musllinux")));
        let dynamic = Release { binary: std::env::current_exe().unwrap(), ..release };
        assert_eq!(platforms(&dynamic).unwrap(), [format!("linux_{}", dynamic.arch)]);
    }
}
