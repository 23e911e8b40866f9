//! docs/operators/*.png: what operators do to a shape, drawn of the graph that lies beside each picture.

use crate::run::root;
use anyhow::{Context, ensure};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::picture::{Samples, samples_picture};
use fieldstone_shape::operator::{Asset, Assets, BuildError, OperatorEntry};
use fieldstone_shape::{Domain, Graph, GraphLimits, Plan, Program, Visible};
use std::fmt::Write;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

/// Pixels along an edge.
const SIZE: u32 = 280;

/// What graphs call their assets, and the file that is meant.
const ASSETS: &[(&str, &str)] =
    &[("part", "testdata/parts/bracket.stl"), ("network", "docs/operators/network.json")];

/// The files behind [`ASSETS`].
struct Files;

impl Assets for Files {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let named = ASSETS.iter().find(|(name, _)| *name == path);
        let (_, file) = named.ok_or_else(|| BuildError::Input(format!("no asset is called {path:?}")))?;
        let bytes = Arc::new(std::fs::read(root().join(file))?);
        Ok(Asset { filename: (*file).into(), bytes, checksum: [0; 32] })
    }
}

/// The graph that shows an operator, if there is one.
fn graph_of(entry: &OperatorEntry) -> Option<PathBuf> {
    let path = root().join(format!("docs/operators/{}.json", entry.type_name));
    path.is_file().then_some(path)
}

/// The picture of an operator and the command that makes its shape, if there is one.
pub fn show(page: &mut String, entry: &OperatorEntry) {
    let name = entry.type_name;
    let Some(path) = graph_of(entry) else { return };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let inputs: String = ASSETS
        .iter()
        .filter(|(asset, _)| text.contains(&format!("\"{asset}\"")))
        .map(|(asset, file)| format!(" --input {asset}={file}"))
        .collect();
    let _ = write!(
        page,
        "\n![What {name} makes](operators/{name}.png)\n\n\
         [The picture's graph](operators/{name}.json): `fieldstone eval docs/operators/{name}.json{inputs} -o {name}.stl`\n"
    );
}

/// Draws the picture of each graph.
pub fn write(entries: &[&OperatorEntry]) -> anyhow::Result<()> {
    for entry in entries.iter().filter(|entry| graph_of(entry).is_some()) {
        let pixels = draw(entry, 1).with_context(|| entry.type_name.to_owned())?;
        let path = root().join(format!("docs/operators/{}.png", entry.type_name));
        let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), SIZE, SIZE);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header()?.write_image_data(&pixels)?;
    }
    eprintln!("wrote docs/operators");
    Ok(())
}

/// Red, green, blue and cover of each pixel, on a grid with every `coarse`-th sample of the graph's.
fn draw(entry: &OperatorEntry, coarse: u64) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read_to_string(graph_of(entry).context("no graph shows it")?)?;
    let mut document: serde_json::Value = serde_json::from_str(&text)?;
    let operators = document["operators"].as_array_mut().context("a graph has operators")?;
    ensure!(operators.iter().any(|operator| operator["type"] == entry.type_name), "the graph has none of it");
    for count in operators[0]["parameters"]["resolution"].as_array_mut().into_iter().flatten() {
        *count = (count.as_u64().context("a resolution is whole")? / coarse).into();
    }
    let graph = Arc::new(Graph::parse(&document, GraphLimits::default())?);
    let plan = Plan::of_result(&graph, Visible::ALL)?;
    let Domain::Grid { patch, .. } = plan.target_domain()?.clone() else {
        anyhow::bail!("its samples are no grid")
    };
    let monitor = Monitor::none();
    let [across, along, up] = patch.resolution();
    let program = Program::build(plan, &Files, &monitor)?;
    let samples = program.evaluate(0..up, &monitor)?.swap_remove(0);
    let at = |[x, y, z]: [u32; 3]| samples[((z * along + y) * across + x) as usize];
    Ok(samples_picture(&Samples { patch: &patch, value: &at }, SIZE, &monitor)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldstone_shape::operator::Type;
    use fieldstone_shape::ops::OPERATORS;

    /// It looks as SampleTriangleMesh does.
    const UNSEEN: &str = "SampleTriangleMeshBvh";

    #[test]
    fn every_operator_that_makes_a_shape_is_shown_by_a_graph_with_a_surface() {
        for entry in OPERATORS {
            let wanted = entry.output == Type::Float && entry.type_name != UNSEEN;
            if graph_of(entry).is_none() {
                assert!(!wanted, "{} has no docs/operators/{0}.json", entry.type_name);
                continue;
            }
            let pixels = draw(entry, 4).unwrap_or_else(|e| panic!("{}: {e:#}", entry.type_name));
            let covered = pixels.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
            let share = covered as f64 / f64::from(SIZE * SIZE);
            assert!((0.05..0.9).contains(&share), "{}: {share} of the picture", entry.type_name);
        }
    }

    #[test]
    fn every_graph_shows_an_operator() {
        for entry in std::fs::read_dir(root().join("docs/operators")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let known = OPERATORS.iter().any(|entry| entry.type_name == name) || name == "network";
            assert!(known, "{} shows nothing", path.display());
            assert!(path.with_extension("json").is_file(), "{} has no graph", path.display());
        }
    }
}
