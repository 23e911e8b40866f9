//! `cargo xtask package`: one static binary, and everything that people install it from, with checksums and a bill of materials.

mod archive;
mod bill;
pub mod binary;
mod container;
mod deb;
mod sums;
mod tree;
mod trial;
mod wheel;

use crate::run::{cargo, must, output_of, root, target};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to make, of what.
#[derive(clap::Args)]
pub struct Options {
    /// Only these; by default all
    #[arg(value_enum)]
    only: Vec<Package>,
    /// A binary that is there already; by default a static one is built
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Installs each package in a clean root afterwards, starts the server there and runs a job: as root, with unshare and debootstrap
    #[arg(long = "try")]
    try_them: bool,
}

/// What people install.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Package {
    /// The binary in a .tar.gz
    Archive,
    /// For Debian, Ubuntu and their kin, with the systemd unit
    Deb,
    /// For pip, with the notebook's module
    Wheel,
    /// An OCI image
    Container,
}

/// What is packed.
pub struct Release {
    /// As Cargo.toml has it.
    pub version: String,
    /// The processor as Rust calls it: `x86_64`.
    pub arch: &'static str,
    /// Seconds since 1970 that every packed file was last changed at, so that equal contents are equal bytes.
    pub time: u64,
    /// The program.
    pub binary: PathBuf,
}

impl Release {
    /// The processor as Debian and Go call it.
    pub fn debian_arch(&self) -> anyhow::Result<&'static str> {
        match self.arch {
            "x86_64" => Ok("amd64"),
            "aarch64" => Ok("arm64"),
            other => bail!("no package is made for {other}"),
        }
    }
}

/// Makes the packages in `target/package`.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let out = target().join("package");
    let binary = match &options.binary {
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None => binary::build()?,
    };
    let release = release(binary)?;
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| out.display().to_string())?;
    }
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let wanted = |package| options.only.is_empty() || options.only.contains(&package);
    let mut made = Vec::new();
    for (package, write) in WRITERS {
        if wanted(*package) {
            made.push((*package, write(&release, &out)?));
        }
    }
    bill::write(&release, &out)?;
    sums::write(&out)?;
    for (_, path) in &made {
        println!("{}\t{} bytes", path.display(), std::fs::metadata(path)?.len());
    }
    if options.try_them {
        for (package, path) in &made {
            match package {
                Package::Archive => trial::archive(path)?,
                Package::Deb => trial::deb(path)?,
                Package::Wheel => trial::wheel(path)?,
                Package::Container => trial::container(path)?,
            }
        }
    }
    Ok(())
}

/// A wheel of this binary without its debugging information, and the bill of materials: what the suite looks at.
pub fn for_the_suite(binary: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let out = target().join("package-of-the-suite");
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let small = out.join("fieldstone");
    must(Command::new("strip").arg("-o").arg(&small).arg(binary))?;
    let release = release(small)?;
    Ok((wheel::write(&release, &out)?, bill::write(&release, &out)?))
}

type Writer = fn(&Release, &Path) -> anyhow::Result<PathBuf>;

const WRITERS: &[(Package, Writer)] = &[
    (Package::Archive, archive::write),
    (Package::Deb, deb::write),
    (Package::Wheel, wheel::write),
    (Package::Container, container::write),
];

/// What is packed of this working copy, with the time of its last commit.
pub fn release(binary: PathBuf) -> anyhow::Result<Release> {
    let time = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(time) => time,
        Err(_) => output_of(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))
            .context("without git, SOURCE_DATE_EPOCH says what time files get")?,
    };
    let time = time.trim().parse().with_context(|| format!("{time:?} is no number of seconds"))?;
    let id = output_of(cargo().args(["pkgid", "--package", "fieldstone"]))?;
    let version = id.trim().rsplit(['#', '@']).next().unwrap_or_default().to_owned();
    Ok(Release { version, arch: std::env::consts::ARCH, time, binary })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A release of something small: static, and it answers what a package asks its binary for.
    pub fn stand_in(folder: &Path) -> Release {
        let source = folder.join("stand-in.c");
        std::fs::write(
            &source,
            "#include <stdio.h>\n#include <string.h>\n\
             int main(int n, char **a) {\n\
               if (n == 3 && !strcmp(a[1], \"man\")) {\n\
                 char path[4096]; snprintf(path, sizeof path, \"%s/fieldstone.1\", a[2]);\n\
                 FILE *f = fopen(path, \"w\"); if (!f) return 1; fputs(\".TH fieldstone 1\\n\", f); return fclose(f);\n\
               }\n\
               return puts(\"# completions\") < 0;\n\
             }\n",
        )
        .unwrap();
        let binary = folder.join("fieldstone");
        output_of(Command::new("cc").arg("-static").arg("-o").arg(&binary).arg(&source)).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(binary::is_static(&binary).unwrap());
        Release { version: "0.1.0".to_owned(), arch: std::env::consts::ARCH, time: 1_700_000_000, binary }
    }
}
