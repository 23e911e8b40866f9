//! `docs/benchmarks.csv`: what comparisons of revisions have shown, a line for each row, so that a figure that drifts over many
//! landings is seen.

use super::compare::Row;
use super::machine;
use crate::run::output_of;
use anyhow::{Context, bail};
use std::io::Write;
use std::path::Path;
use std::process::Command;

const FILE: &str = "docs/benchmarks.csv";
/// Seconds are the least of a run; the ratio, after ÷ before, is the median of the turns'. Grids are samples per axis, 0 without.
const HEADER: &str = "date,machine,before,after,case,grid,seconds before,seconds after,ratio";

/// Adds the rows (name, grid, figures) of a comparison with `revision`.
pub(super) fn add(root: &Path, revision: &str, rows: &[(&str, usize, &Row)]) -> anyhow::Result<()> {
    let path = root.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| FILE.to_owned())?;
    check(&text)?;
    let git = |words: &[&str]| -> anyhow::Result<String> {
        Ok(output_of(Command::new("git").current_dir(root).args(words))?.trim().to_owned())
    };
    let (before, after) =
        (git(&["rev-parse", "--short", revision])?, git(&["describe", "--always", "--dirty"])?);
    let (date, machine) = (jiff::Timestamp::now().to_string()[..10].to_owned(), machine().replace(',', ";"));
    let mut file = std::fs::OpenOptions::new().append(true).open(&path)?;
    for (name, grid, row) in rows {
        let name = name.replace(',', ";");
        let figures = format!("{:.6},{:.6},{:.4}", row.before, row.after, row.ratio);
        writeln!(file, "{date},{machine},{before},{after},{name},{grid},{figures}")?;
    }
    Ok(())
}

/// Whether every line has what the header says.
fn check(text: &str) -> anyhow::Result<()> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        bail!("{FILE} does not begin with {HEADER:?}");
    }
    for (n, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let are_numbers = cells.iter().skip(5).all(|cell| cell.parse::<f64>().is_ok_and(|x| x >= 0.0));
        if cells.len() != HEADER.split(',').count()
            || !are_numbers
            || cells[0].parse::<jiff::civil::Date>().is_err()
        {
            bail!("{FILE}, line {}: {line:?} is not what the header says", n + 2);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;

    #[test]
    fn the_history_is_what_its_header_says() {
        check(&std::fs::read_to_string(root().join(FILE)).unwrap()).unwrap();
        let bad = format!("{HEADER}\n2026-01-01,m,a,b,case,256,1.0,fast,1.0\n");
        assert!(check(&bad).unwrap_err().to_string().contains("line 2"));
    }
}
