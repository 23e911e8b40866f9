//! `SampleBeam`: a network of struts.

use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Promise, Stage};
use crate::params::{Kind, Param, Values};
use crate::struts::{self, required_asset};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::Aabb;
use fieldstone_kernel::beam::{BeamNetwork, NetworkBvh};
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleBeam",
    doc: "Distance to a network of struts.",
    details: "`network_data` is JSON: {\"nodes\": [[x, y, z], …], \"edges\": [[i, j], …], \"radii\": [r, …]}, mm; radii, one per edge, may be absent \
        and else count instead of `section_radius`. `bvh_data` is what the job network/compute-bvh made of it; without it the \
        hierarchy is built here. Sections, ends, `smoothing` and promises as for SampleLattice. A node without an edge has no sphere.",
    params: &[
        Param {
            name: "network_data",
            kind: Kind::Asset { file_type: None },
            default: None,
            doc: "the network; required",
        },
        Param {
            name: "bvh_data",
            kind: Kind::Asset { file_type: None },
            default: None,
            doc: "its hierarchy, from network/compute-bvh",
        },
        struts::NODE_RADIUS,
        struts::NODE_TYPE,
        struts::SECTION_RADIUS,
        struts::SECTION_TYPE,
        struts::SMOOTHING,
        XFORM_PARAM,
    ],
    example: r#"{"network_data": {"path": "net.json"}, "section_radius": 0.05, "section_type": "Box"}"#,
    promise: |_, inputs| inputs.iter().copied().min().unwrap_or(Promise::Sign).min(Promise::Pieces),
    check: |values, _| required_asset(values, "network_data").map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let path = required_asset(values, "network_data")?;
    let asset = cx.assets.open(path)?;
    let network = struts::read_network(asset.bytes.as_ref().as_ref())
        .map_err(|e| BuildError::param("network_data", format!("{path:?}: {e}")))?;
    let bvh = match values.asset("bvh_data") {
        Some(name) => {
            let file = cx.assets.open(name)?;
            let mut bytes = file.bytes.as_ref().as_ref();
            NetworkBvh::read(&mut bytes, &network, &asset.checksum)
                .map_err(|e| BuildError::param("bvh_data", format!("{name:?}: {e}")))?
        }
        None => NetworkBvh::build(&network, cx.monitor)?,
    };
    let beams = BeamNetwork::new(network, bvh, struts::style(values))
        .map_err(|e| BuildError::Input(e.to_string()))?;
    Ok(Stage::Pointwise(Box::new(SampleBeam { beams, factor: cx.place(values)? })))
}

struct SampleBeam {
    beams: BeamNetwork,
    /// From this frame's distances to the world's.
    factor: f32,
}

impl Pointwise for SampleBeam {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        self.beams.sample(level, x, y, z, out);
        if self.factor != 1.0 {
            out.iter_mut().for_each(|v| *v *= self.factor);
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let over = Aabb { min: inputs[0].0.map(|i| i.lo), max: inputs[0].0.map(|i| i.hi) };
        let [lo, hi] = self.beams.range(&over);
        Bounds::scalar(Interval::new(lo, hi).times(self.factor))
    }
}
