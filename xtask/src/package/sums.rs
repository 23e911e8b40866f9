//! SHA256SUMS, as `sha256sum --check` reads it.

use anyhow::Context;
use sha2::{Digest, Sha256};
use std::path::Path;

const NAME: &str = "SHA256SUMS";

/// Writes it beside the files that it is of.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name that is not UTF-8")?;
        if entry.file_type()?.is_file() && name != NAME {
            let bytes = std::fs::read(entry.path()).with_context(|| name.clone())?;
            lines.push((name, hex::encode(Sha256::digest(bytes))));
        }
    }
    lines.sort();
    let text: String = lines.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    std::fs::write(folder.join(NAME), text).context(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn sha256sum_agrees() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b c.bin"), [0u8; 100]).unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        write(folder.path()).unwrap();
        write(folder.path()).unwrap();
        let check = || {
            let mut check = Command::new("sha256sum");
            check.args(["--check", "--strict", "--quiet", NAME]).current_dir(folder.path());
            check.output().unwrap().status.success()
        };
        assert!(check());
        let list = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(list.lines().map(|line| &line[66..]).collect::<Vec<_>>(), ["a", "b c.bin"]);
        std::fs::write(folder.path().join("a"), "x").unwrap();
        assert!(!check());
    }
}
