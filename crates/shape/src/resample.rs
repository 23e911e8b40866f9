//! A graph on a coarser or finer grid: the same shape, looked at with another number of samples.

use crate::graph::{Graph, GraphError};
use crate::operator::{Domain, Type};
use fieldstone_kernel::Patch;

/// The parameter of an operator that makes a grid of points.
const RESOLUTION: &str = "resolution";

impl Graph {
    /// The graph with this many samples on the longest axis of each of its grids of points, in cells as even as their number allows; the
    /// boxes stay where they are. Lists of points and volumes of files are as they were.
    pub fn resampled(&self, longest: u32) -> Result<Graph, GraphError> {
        let mut graph = self.clone();
        for (i, node) in graph.nodes_mut().iter_mut().enumerate() {
            let (Some(domain), Type::Vec3f) = (node.entry.domain, node.entry.output) else { continue };
            let refuse = |e: crate::ParamError| self.error_at(i, e.to_string());
            let count = node.entry.params.iter().find(|param| param.name == RESOLUTION);
            if let (Domain::Grid { patch, .. }, Some(count)) = (domain(&node.values).map_err(refuse)?, count)
            {
                let [x, y, z] = resolution_of(&patch, longest);
                node.values.set(count, &format!("[{x}, {y}, {z}]")).map_err(refuse)?;
            }
        }
        Ok(graph)
    }
}

/// Samples per axis for a patch with so many on its longest; an axis of one sample keeps it.
fn resolution_of(patch: &Patch, longest: u32) -> [u32; 3] {
    let (size, had) = (patch.size(), patch.resolution());
    let cell = size.into_iter().fold(0.0, f64::max) / f64::from(longest.max(2) - 1);
    std::array::from_fn(|axis| match had[axis] {
        1 => 1,
        _ => ((size[axis] / cell).round() as u32 + 1).max(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GraphLimits, Plan, Visible};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn another_number_of_samples_lies_in_the_same_box() {
        let points = json!({"size": [4.0, 2.0, 1.0], "offset": [1, 2, 3], "resolution": [200, 100, 1]});
        let document = json!({
            "operators": [{"type": "GenerateSamplePoints", "parameters": points},
                {"type": "SampleBox", "parameters": {"size": [2, 2, 2]}}],
            "edges": [{"source": 0, "target": [1, "Points"]}],
        });
        let graph = Graph::parse(&document, GraphLimits::default()).unwrap();
        let plan = Plan::of_result(&Arc::new(graph.resampled(33).unwrap()), Visible::ALL).unwrap();
        let patch = plan.target_domain().unwrap().upright_patch().unwrap();
        assert_eq!(patch.resolution(), [33, 17, 1]);
        assert_eq!((patch.size(), patch.offset()), ([4.0, 2.0, 1.0], [1.0, 2.0, 3.0]));
    }
}
