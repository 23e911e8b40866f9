//! A plan as text: in which order a graph is computed, what is seen and kept of each value, in how much memory.

use crate::domains::spelled;
use crate::operator::{Type, Visible};
use crate::plan::Plan;
use std::fmt::{Display, Formatter, Result};

/// A table with a line for each operator in the order of computation, then the samples, the slabs and the memory:
/// docs/algorithms/graphs.md says what the words mean.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let nodes = self.graph.nodes();
        let width = self.graph.order().iter().map(|i| nodes[*i].entry.type_name.len()).max().unwrap_or(0);
        writeln!(f, "{:>4}  {:width$}  {:24}  {:22}  halo", "", "operator", "inputs", "seen")?;
        for &i in self.graph.order() {
            let inputs: Vec<String> = nodes[i].inputs.iter().flatten().map(|from| from.to_string()).collect();
            let inputs = if inputs.is_empty() { "-".to_owned() } else { inputs.join(", ") };
            let (seen, halo) = match self.visible[i] {
                Some(visible) => (shown(visible), self.halo_of(i)),
                None if self.volumes.contains(&i) => {
                    ("all, as a volume".to_owned(), "whole, before the rest".to_owned())
                }
                None if nodes[i].entry.output == Type::Volume => {
                    ("all, as a volume".to_owned(), "whole".to_owned())
                }
                None => ("for a volume".to_owned(), "-".to_owned()),
            };
            let name = nodes[i].entry.type_name;
            writeln!(f, "{i:>4}  {name:width$}  {inputs:24}  {seen:22}  {halo}")?;
        }
        let [x, y, z] = self.resolution();
        let place = self.target_domain().map_or(String::new(), |d| format!(": {}", spelled(d)));
        writeln!(f, "result  {} has {x} × {y} × {z}{place}", self.graph.place(self.target))?;
        let slabs: Vec<_> = self.slabs().collect();
        let planes = slabs.first().map_or(0, ExactSizeIterator::len);
        writeln!(f, "slabs   {} of {planes} planes", slabs.len())?;
        write!(f, "memory  at most {} MiB, without the assets", self.memory_bytes().div_ceil(1 << 20))
    }
}

impl Plan {
    /// Planes beyond the slab for which the values of `i` are computed, and how they are held.
    fn halo_of(&self, i: usize) -> String {
        let own = self.halo[i].saturating_add(self.cells[i]);
        let planes =
            if own >= self.resolution()[2] { "all planes".to_owned() } else { format!("{own} planes") };
        match self.kept[i] {
            true => format!("kept, {planes}"),
            false => "in the cache".to_owned(),
        }
    }
}

fn shown(visible: Visible) -> String {
    match (visible.band, visible.cells) {
        (band, _) if band.is_infinite() => "all".to_owned(),
        (band, 0) => format!("within {band:.3}"),
        (band, cells) => format!("within {band:.3} + {cells} cells"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Graph, GraphLimits};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn a_plan_tells_order_what_is_kept_halo_slabs_and_memory() {
        let graph = json!({"operators": [
            {"type": "Shell", "parameters": {"thickness": 0.2}},
            {"type": "Redistance"},
            {"type": "SampleSurfaceLattice"},
            {"type": "GenerateSamplePoints", "parameters": {"resolution": [201, 201, 2001], "size": [2, 2, 20]}}],
            "edges": [{"source": 1, "target": [0, "Samples"]}, {"source": 2, "target": [1, "Samples"]},
                {"source": 3, "target": [2, "Points"]}]});
        let graph = Arc::new(Graph::parse(&graph, GraphLimits::default()).unwrap());
        let plan = Plan::of_result(&graph, Visible::SURFACE).unwrap();
        let told = plan.to_string();
        let lines: Vec<Vec<&str>> =
            told.lines().map(|l| l.split("  ").map(str::trim).filter(|w| !w.is_empty()).collect()).collect();
        // Cells of 0.01: 0.1 and a cell's diagonal are 12 planes, the surface's cells two more, one for the mesh.
        assert_eq!(lines[2], ["2", "SampleSurfaceLattice", "3", "within 0.000 + 1 cells", "in the cache"]);
        assert_eq!(lines[3][..4], ["1", "Redistance", "2", "within 0.100 + 1 cells"]);
        let halo = plan.halo[1] + plan.cells[1];
        assert!((12..=18).contains(&halo) && lines[3][4] == format!("kept, {halo} planes"), "{told}");
        assert_eq!(lines[4], ["0", "Shell", "1", "within 0.000 + 1 cells", "in the cache"]);
        assert_eq!(
            lines[5][1],
            "operators[0] (Shell) has 201 × 201 × 2001: samples from (-1, -1, -10) to (1, 1, 10)"
        );
        let slabs: Vec<_> = plan.slabs().collect();
        assert!(slabs.len() > 1, "{told}");
        assert_eq!(lines[6][1], format!("{} of {} planes", slabs.len(), slabs[0].len()));
        let mib = plan.memory_bytes().div_ceil(1 << 20);
        assert_eq!(lines[7][1], format!("at most {mib} MiB, without the assets"));
    }
}
