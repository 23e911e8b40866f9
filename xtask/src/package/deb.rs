//! A .deb, built by dpkg-deb: the binary, its manual pages and completions, settings, and the unit of systemd that starts it.

use super::tree::{Tree, gzipped};
use super::{Release, binary};
use crate::run::{must, output_of, root};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the unit of `packaging/` has the binary, and where the package has it.
const BY_HAND: &str = "/usr/local/bin/fieldstone ";
const PACKAGED: &str = "/usr/bin/fieldstone ";

/// Writes `fieldstone_VERSION_ARCH.deb`.
pub fn write(release: &Release, out: &Path) -> anyhow::Result<PathBuf> {
    let tree = tree(release)?;
    let path = out.join(format!("fieldstone_{}_{}.deb", release.version, release.debian_arch()?));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "--build"]).arg(tree.path()).arg(&path);
    must(build.env("SOURCE_DATE_EPOCH", release.time.to_string()))
        .context("Debian: apt-get install dpkg-dev")?;
    Ok(path)
}

/// What it holds.
fn tree(release: &Release) -> anyhow::Result<Tree> {
    let tree = Tree::new()?;
    let packaging = root().join("packaging");
    tree.copy("usr/bin/fieldstone", 0o755, &release.binary)?;
    tree.copy("etc/fieldstone.toml", 0o644, &packaging.join("fieldstone.toml"))?;
    tree.put("usr/lib/systemd/system/fieldstone.service", 0o644, unit(&packaging)?)?;
    tree.put("usr/share/doc/fieldstone/copyright", 0o644, copyright()?)?;
    let changes = std::fs::read(root().join("CHANGELOG.md")).context("CHANGELOG.md")?;
    tree.put("usr/share/doc/fieldstone/changelog.gz", 0o644, gzipped(&changes)?)?;
    manual(&tree, &release.binary)?;
    let files = output_of(Command::new("find").args(["usr", "-type", "f"]).current_dir(tree.path()))?;
    let mut files: Vec<&str> = files.lines().collect();
    files.sort_unstable();
    let sums = output_of(Command::new("md5sum").args(&files).current_dir(tree.path()))?;
    tree.put("DEBIAN/md5sums", 0o644, sums)?;
    tree.put("DEBIAN/conffiles", 0o644, "/etc/fieldstone.toml\n")?;
    for script in ["postinst", "prerm", "postrm"] {
        tree.copy(&format!("DEBIAN/{script}"), 0o755, &packaging.join("deb").join(script))?;
    }
    let size = output_of(Command::new("du").args(["-sk", "--apparent-size", "."]).current_dir(tree.path()))?;
    let size = size.split_whitespace().next().unwrap_or("0");
    tree.put("DEBIAN/control", 0o644, control(release, size)?)?;
    Ok(tree)
}

/// The package's own description; it depends on what its binary is linked with.
fn control(release: &Release, kibibytes: &str) -> anyhow::Result<String> {
    let depends =
        depends(&release.binary)?.map(|packages| format!("Depends: {packages}\n")).unwrap_or_default();
    Ok(format!(
        "Package: fieldstone\n\
         Version: {}\n\
         Architecture: {}\n\
         Maintainer: The Fieldstone contributors <root@localhost>\n\
         Installed-Size: {kibibytes}\n\
         {depends}\
         Recommends: ca-certificates, systemd\n\
         Section: science\n\
         Priority: optional\n\
         Description: implicit geometry as a service\n \
         Meshes become signed distance fields, are combined with lattices and solids by\n \
         graphs of operators, measured, and turned back into meshes or layers for a\n \
         printer. One program: a server with a REST API and an app, and a command line.\n",
        release.version,
        release.debian_arch()?,
    ))
}

/// The packages that bring the libraries a binary asks for, at least as new as it needs them, by dpkg-shlibdeps; `None` for a
/// static one.
fn depends(binary: &Path) -> anyhow::Result<Option<String>> {
    if binary::libraries(binary)?.is_empty() {
        return Ok(None);
    }
    let tree = Tree::new()?;
    tree.put("debian/control", 0o644, "Source: fieldstone\n\nPackage: fieldstone\nArchitecture: any\n")?;
    let mut tool = Command::new("dpkg-shlibdeps");
    tool.args(["-O", "--warnings=0", "-e"]).arg(binary).current_dir(tree.path());
    let said = output_of(&mut tool).context("Debian: apt-get install dpkg-dev")?;
    let found = said.trim().strip_prefix("shlibs:Depends=").map(str::to_owned);
    found.map(Some).with_context(|| format!("dpkg-shlibdeps says {said:?}"))
}

/// The unit of `packaging/`, for where the package has the binary.
fn unit(packaging: &Path) -> anyhow::Result<String> {
    let unit = std::fs::read_to_string(packaging.join("fieldstone.service")).context("fieldstone.service")?;
    let start = format!("ExecStart={BY_HAND}");
    ensure!(unit.contains(&start), "fieldstone.service has no {start:?}");
    // What its first lines say is for whoever installs by hand.
    let (_, unit) = unit.split_once("\n[Unit]").context("fieldstone.service has no [Unit]")?;
    Ok(format!("[Unit]{}", unit.replace(&start, &format!("ExecStart={PACKAGED}"))))
}

/// In the form of DEP-5.
fn copyright() -> anyhow::Result<String> {
    let mit = std::fs::read_to_string(root().join("LICENSE-MIT")).context("LICENSE-MIT")?;
    let holder =
        mit.lines().find(|line| line.starts_with("Copyright")).unwrap_or("The Fieldstone contributors");
    let text: String = mit
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Fieldstone\n\n\
         Files: *\n\
         Copyright: {holder}\n\
         License: Expat or Apache-2.0\n \
         Either of both; Apache-2.0 is in /usr/share/common-licenses/Apache-2.0, Expat is:\n .\n{text}"
    ))
}

/// Manual pages and completions, by the binary itself.
fn manual(tree: &Tree, binary: &Path) -> anyhow::Result<()> {
    let pages = tree.folder("pages")?;
    output_of(Command::new(binary).arg("man").arg(&pages))?;
    for entry in std::fs::read_dir(&pages)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name that is not UTF-8")?;
        let page = std::fs::read(entry.path())?;
        tree.put(&format!("usr/share/man/man1/{name}.gz"), 0o644, gzipped(&page)?)?;
    }
    std::fs::remove_dir_all(&pages)?;
    let shells = [
        ("bash", "bash-completion/completions/fieldstone"),
        ("zsh", "zsh/vendor-completions/_fieldstone"),
        ("fish", "fish/vendor_completions.d/fieldstone.fish"),
    ];
    for (shell, path) in shells {
        let script = output_of(Command::new(binary).args(["completions", shell]))?;
        tree.put(&format!("usr/share/{path}"), 0o644, script)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::stand_in;

    #[test]
    fn a_dynamic_binary_depends_on_the_packages_of_its_libraries_and_a_static_one_on_nothing() {
        let binary = std::env::current_exe().unwrap();
        let depends = depends(&binary).unwrap().unwrap();
        for package in ["libc6 (>= ", "libstdc++6 (>= ", "libgcc-s1 (>= "] {
            assert!(depends.contains(package), "{depends}");
        }
        let folder = tempfile::tempdir().unwrap();
        let release = stand_in(folder.path());
        assert!(!control(&release, "1").unwrap().contains("Depends"));
        let dynamic = Release { binary, ..release };
        assert!(control(&dynamic, "1").unwrap().contains(&format!("\nDepends: {depends}\n")));
    }

    #[test]
    fn the_package_holds_what_it_says_and_equal_contents_are_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let release = stand_in(folder.path());
        let path = write(&release, folder.path()).unwrap();
        let first = std::fs::read(&path).unwrap();
        write(&release, folder.path()).unwrap();
        assert_eq!(first, std::fs::read(&path).unwrap());

        let field = |name| output_of(Command::new("dpkg-deb").arg("--field").arg(&path).arg(name)).unwrap();
        assert_eq!(field("Version").trim(), release.version);
        assert_eq!(field("Architecture").trim(), release.debian_arch().unwrap());
        let root = folder.path().join("root");
        output_of(Command::new("dpkg-deb").arg("--raw-extract").arg(&path).arg(&root)).unwrap();
        let mut check = Command::new("md5sum");
        check.args(["--check", "--strict", "--quiet", "DEBIAN/md5sums"]).current_dir(&root);
        output_of(&mut check).unwrap();
        let unit = std::fs::read_to_string(root.join("usr/lib/systemd/system/fieldstone.service")).unwrap();
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let program = start.split_whitespace().next().unwrap();
        assert_eq!(std::fs::read(root.join(&program[1..])).unwrap(), std::fs::read(&release.binary).unwrap());
        assert!(unit.contains("FIELDSTONE_CONFIG=/etc/fieldstone.toml") && unit.contains("DynamicUser=yes"));
        assert!(root.join("etc/fieldstone.toml").is_file() && root.join("DEBIAN/postinst").is_file());
    }
}
