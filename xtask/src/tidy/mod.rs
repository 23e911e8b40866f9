//! `cargo xtask tidy`: house rules that no compiler checks. The rules are data; ARCHITECTURE.md says why they are.

mod circles;
mod files;
mod functions;
mod imports;
mod paths;

use crate::run::root;
use std::path::Path;

/// Checks every rule and prints each breach with its place.
pub fn run() -> anyhow::Result<()> {
    let problems = problems(&root())?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    anyhow::ensure!(problems.is_empty(), "{} breaches of the house rules", problems.len());
    Ok(())
}

fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = imports::problems(root)?;
    problems.extend(files::problems(root)?);
    problems.extend(circles::problems(root)?);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_project_is_tidy() {
        let problems = super::problems(&crate::run::root()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
