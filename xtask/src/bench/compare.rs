//! Ours before and after: the examples of another revision beside today's, turn by turn in one run, so that what drifts on the
//! machine drifts for both.

use super::table::{Table, seconds};
use super::{Measured, cores, inputs, machine, median, our_examples, pinned, scratch, script};
use crate::run::{cargo, must, output_of, root};
use crate::{bench::history, python};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to compare.
#[derive(clap::Args)]
#[group(skip)]
pub struct Options {
    /// Measure this revision of ours beside the working tree, turn by turn, instead of us beside others
    #[arg(long = "compare", value_name = "REV")]
    revision: Option<String>,
    /// Compare only cases whose name holds this; may be repeated
    #[arg(long = "case", value_name = "TEXT", requires = "revision")]
    cases: Vec<String>,
    /// Turns of each case
    #[arg(long, value_name = "N", default_value_t = 5, requires = "revision")]
    turns: usize,
    /// Threads for both
    #[arg(long, requires = "revision")]
    threads: Option<usize>,
    /// Grids of 64 samples per axis and one turn, to see that everything works
    #[arg(long, requires = "revision")]
    quick: bool,
    /// Add the rows to docs/benchmarks.csv
    #[arg(long, requires = "revision")]
    record: bool,
}

/// What is run: an example and its arguments. `N` stands for samples per axis, `mesh:` for a mesh of inputs.py, `field:` for a
/// field of surface_fields.py, `OUT` for a file to write.
struct Case {
    name: &'static str,
    /// Samples per axis; 0 where there is no grid.
    grid: usize,
    run: &'static str,
    /// Where not those of the run.
    threads: Option<usize>,
}

const fn case(name: &'static str, grid: usize, run: &'static str) -> Case {
    Case { name, grid, run, threads: None }
}

const fn one_thread(name: &'static str, grid: usize, run: &'static str) -> Case {
    Case { name, grid, run, threads: Some(1) }
}

/// Rows of the table. An example repeats its work as often as its third word says.
const CASES: &[Case] = &[
    case("mesh to distance, bracket", 256, "sample_mesh mesh:bracket.ply N 2"),
    case("mesh to distance, blob82k", 256, "sample_mesh mesh:blob82k.ply N 2"),
    case("mesh to distance, blob1m", 256, "sample_mesh mesh:blob1m.ply N 1"),
    case("band, bracket", 256, "sample_mesh mesh:bracket.ply N 5 --band"),
    case("band, blob82k", 256, "sample_mesh mesh:blob82k.ply N 5 --band"),
    case("band, blob1m", 256, "sample_mesh mesh:blob1m.ply N 2 --band"),
    one_thread("mesh to distance, bracket, one thread", 256, "sample_mesh mesh:bracket.ply N 2"),
    one_thread("mesh to distance, blob82k, one thread", 256, "sample_mesh mesh:blob82k.ply N 2"),
    one_thread("band, blob82k, one thread", 256, "sample_mesh mesh:blob82k.ply N 3 --band"),
    case("mesh to distance, bracket, AVX2", 256, "sample_mesh mesh:bracket.ply N 2 --simd Avx2"),
    case("mesh to distance, blob82k, AVX2", 256, "sample_mesh mesh:blob82k.ply N 2 --simd Avx2"),
    case("band, blob82k, AVX2", 256, "sample_mesh mesh:blob82k.ply N 3 --band --simd Avx2"),
    case("gyroid", 256, "bench_graph gyroid N 7"),
    case("turned gyroid", 256, "bench_graph gyroid-turned N 5"),
    case("twelve operators", 256, "bench_graph operators N 5"),
    case("4,096 struts", 256, "bench_graph struts N 3"),
    case("gyroid in a ball to STL", 256, "bench_graph ball N 3 --stl OUT"),
    case("infill of the bracket to STL", 256, "bench_graph infill N 3 --mesh mesh:bracket.ply --stl OUT"),
    case("isosurface", 256, "isosurface field:infill N 5"),
    case("isosurface", 512, "isosurface field:infill N 2"),
    case("redistance, sphere", 256, "redistance field:sphere N 2 OUT"),
    case("redistance, torus", 256, "redistance field:torus N 2 OUT"),
    case("redistance, box", 256, "redistance field:box N 2 OUT"),
    case("redistance, turned box", 256, "redistance field:box-turned N 2 OUT"),
    case("redistance, gyroid", 256, "redistance field:gyroid N 2 OUT"),
    one_thread("isosurface, one thread", 256, "isosurface field:infill N 3"),
    one_thread("redistance, torus, one thread", 256, "redistance field:torus N 2 OUT"),
    case("STL of 800,000 triangles", 0, "read_mesh mesh:knot800k.stl 5"),
    case("PLY of a million triangles", 0, "read_mesh mesh:blob1m.ply 3"),
];

/// What a worker tells of its seconds, and how the table calls it.
const TOLD: &[(&str, &str)] = &[("times", ""), ("bvh", "BVH"), ("preprocess_seconds", "preprocessing")];

impl Options {
    /// Whether this is what is asked for.
    pub fn asked(&self) -> Option<&str> {
        self.revision.as_deref()
    }
}

/// Measures `revision` and the working tree and prints the table.
pub fn run(options: &Options, revision: &str) -> anyhow::Result<()> {
    let before = examples_of(revision)?;
    let after = our_examples()?;
    let python = python::environment("bench-inputs", &["numpy"])?;
    let setup = Setup { meshes: inputs(&python, &[root().join("testdata/parts/bracket.stl")])?, python };
    let threads = options.threads.unwrap_or_else(cores);
    let turns = if options.quick { 1 } else { options.turns.max(1) };
    println!("{}; {threads} threads; {revision} before, the working tree after; {turns} turns\n", machine());
    let mut table = Table::new(["what", "grid", "before", "after", "after ÷ before", "least", "most"]);
    let mut rows = Vec::new();
    let chosen = |case: &&Case| {
        options.cases.is_empty() || options.cases.iter().any(|c| case.name.contains(c.as_str()))
    };
    for case in CASES.iter().filter(chosen) {
        let grid = if options.quick { case.grid.min(64) } else { case.grid };
        let turn = |examples: &Path| setup.measure(case, grid, examples, case.threads.unwrap_or(threads));
        // An older revision may not have the example, or not its case.
        let pairs: anyhow::Result<Vec<_>> = (0..turns).map(|_| Ok((turn(&before)?, turn(&after)?))).collect();
        let pairs = match pairs {
            Ok(pairs) => pairs,
            Err(e) => {
                println!("{} is left out: {e:#}\n", case.name);
                continue;
            }
        };
        for (key, word) in TOLD {
            let Some(row) = Row::of(&pairs, key) else { continue };
            let name = if word.is_empty() { case.name.to_owned() } else { format!("{}: {word}", case.name) };
            eprintln!("{name} {grid}: {:.3}", row.ratio);
            let size = if grid == 0 { String::new() } else { format!("{grid}³") };
            let times = [seconds(row.before), seconds(row.after)];
            let [least, most] = [row.least, row.most].map(|r| format!("{r:.2}"));
            let [t0, t1] = times;
            table.row([name.clone(), size, t0, t1, format!("{:.3}", row.ratio), least, most]);
            rows.push((name, grid, row));
        }
    }
    println!("{table}");
    if options.record {
        history::add(
            &root(),
            revision,
            &rows.iter().map(|(n, g, r)| (n.as_str(), *g, r)).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

/// One row: the least seconds of all turns, and the ratios of the turns' own.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// Seconds, the least.
    pub(super) before: f64,
    /// Seconds, the least.
    pub(super) after: f64,
    /// After ÷ before, the median of the turns.
    pub(super) ratio: f64,
    /// The least of these ratios.
    least: f64,
    /// The greatest.
    most: f64,
}

impl Row {
    /// Of turns, each before and after; `None` where one does not tell `key`.
    fn of(pairs: &[(Measured, Measured)], key: &str) -> Option<Row> {
        let least = |of: &Measured| {
            let times = if key == "times" { of.times.clone() } else { of.list(key).ok()? };
            times.into_iter().min_by(f64::total_cmp)
        };
        let times: Vec<(f64, f64)> =
            pairs.iter().map(|(b, a)| Some((least(b)?, least(a)?))).collect::<Option<_>>()?;
        let ratios: Vec<f64> = times.iter().map(|(before, after)| after / before).collect();
        let smallest = |of: &mut dyn Iterator<Item = f64>| of.min_by(f64::total_cmp);
        Some(Row {
            before: smallest(&mut times.iter().map(|t| t.0))?,
            after: smallest(&mut times.iter().map(|t| t.1))?,
            ratio: median(&ratios),
            least: smallest(&mut ratios.iter().copied())?,
            most: ratios.iter().copied().max_by(f64::total_cmp)?,
        })
    }
}

/// Inputs of all cases.
struct Setup {
    meshes: PathBuf,
    python: PathBuf,
}

impl Setup {
    fn measure(&self, case: &Case, grid: usize, examples: &Path, threads: usize) -> anyhow::Result<Measured> {
        let mut words = case.run.split(' ');
        let mut command = pinned(examples.join(words.next().unwrap_or_default()), threads);
        for word in words {
            match word.split_once(':') {
                Some(("mesh", name)) => command.arg(self.meshes.join(name)),
                Some(("field", name)) => command.arg(self.field(name, grid)?),
                _ if word == "N" => command.arg(grid.to_string()),
                _ if word == "OUT" => command.arg(scratch().join("compared.out")),
                _ => command.arg(word),
            };
        }
        let measured = Measured::of(&output_of(&mut command)?)?;
        // An older example takes no notice of options that it does not know.
        let level = case.run.split_once("--simd ").map(|(_, level)| level);
        let told = measured.more.get("simd").and_then(serde_json::Value::as_str);
        anyhow::ensure!(level.is_none() || told == level, "the example has no --simd");
        Ok(measured)
    }

    fn field(&self, name: &str, grid: usize) -> anyhow::Result<PathBuf> {
        let folder = scratch().join("fields");
        let file = folder.join(format!("{name}_{grid}.f32"));
        if !file.is_file() {
            let mut make = Command::new(&self.python);
            must(
                make.arg(script("surface_fields.py")).arg("make").arg(folder).arg(name).arg(grid.to_string()),
            )?;
        }
        Ok(file)
    }
}

/// The examples of a revision, built in a work tree of its own. What they depend on is built once for all revisions.
fn examples_of(revision: &str) -> anyhow::Result<PathBuf> {
    let mut name = Command::new("git");
    let name = output_of(name.current_dir(root()).args([
        "rev-parse",
        "--verify",
        &format!("{revision}^{{commit}}"),
    ]))?;
    let tree = scratch().join("revisions").join(name.trim());
    if !tree.is_dir() {
        let mut add = Command::new("git");
        must(
            add.current_dir(root())
                .args(["worktree", "add", "--detach", "--force"])
                .arg(&tree)
                .arg(name.trim()),
        )?;
    }
    let built = tree.join("target/compared");
    let mut build = cargo();
    build
        .current_dir(&tree)
        .args(["build", "--release", "--quiet", "--examples", "--target-dir"])
        .arg(&built);
    build.args(["--package", "fieldstone-kernel", "--package", "fieldstone-shape"]);
    must(build.env_remove("RUSTFLAGS"))?;
    Ok(built.join("release/examples"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Measured {
        Measured::of(json).unwrap()
    }

    #[test]
    fn a_row_is_the_least_time_and_the_median_of_the_turns_ratios() {
        let turn = |before: f64, after: f64| {
            (
                told(&format!(r#"{{"times": [9.0, {before}], "bvh": [1.0]}}"#)),
                told(&format!(r#"{{"times": [{after}, 9.0]}}"#)),
            )
        };
        let pairs = [turn(2.0, 1.0), turn(1.0, 1.5), turn(4.0, 3.0)];
        let row = Row::of(&pairs, "times").unwrap();
        assert_eq!(row, Row { before: 1.0, after: 1.0, ratio: 0.75, least: 0.5, most: 1.5 });
        assert_eq!(Row::of(&pairs, "bvh"), None, "only one of both tells it");
    }

    #[test]
    fn every_case_names_an_example() {
        for case in CASES {
            let example = case.run.split(' ').next().unwrap();
            let in_crate = |name: &str| root().join(format!("crates/{name}/examples/{example}.rs")).is_file();
            assert!(in_crate("kernel") || in_crate("shape"), "{}", case.run);
            assert_eq!(case.run.contains(" N"), case.grid > 0, "{}", case.run);
        }
    }
}
