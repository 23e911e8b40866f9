//! Random graphs that are valid: solids, nodal surfaces, struts, spinodoids, at points that were bent or not, combined.

use fieldstone_kernel::testing::Rng;
use serde_json::{Value, json};

const SURFACES: &[&str] = &[
    "CD",
    "CI2Y",
    "CP",
    "CPM_Y",
    "CS",
    "CY",
    "C_Y",
    "D",
    "F",
    "FRD",
    "Gyroid",
    "I2Y",
    "IWP",
    "P",
    "PM_Y",
    "S",
    "SD1",
    "Schwarz",
    "SchwarzD",
    "SchwarzN",
    "SchwarzPW",
    "SchwarzW",
    "W",
    "Y",
];

/// A graph as it grows: operator 0 makes the points.
struct Growing<'a> {
    rng: &'a mut Rng,
    operators: Vec<Value>,
    edges: Vec<Value>,
    /// Operators whose values are numbers.
    values: Vec<usize>,
}

/// A graph whose result is a number per point of a grid of 24 to 40 samples a side.
pub fn random_graph(rng: &mut Rng) -> Value {
    let mut g = Growing { rng, operators: vec![], edges: vec![], values: vec![] };
    let resolution: [usize; 3] = std::array::from_fn(|_| 24 + g.rng.below(17));
    let size: [f64; 3] = std::array::from_fn(|_| g.between(1.4, 2.6));
    let offset = size.map(|s| -0.5 * s + 0.01);
    let mut points = json!({"size": size, "offset": offset, "resolution": resolution});
    if g.chance(0.3) {
        points["xform"] = g.similarity(0.8, 1.2);
    }
    g.add("GenerateSamplePoints", points, &[]);
    let depth = 1 + g.rng.below(3);
    let sink = g.value(depth);
    let sink = match g.rng.below(4) {
        0 => g.add("Redistance", json!({}), &[(sink, "Samples")]),
        _ => sink,
    };
    debug_assert_eq!(sink, g.operators.len() - 1);
    let mut document = json!({"operators": g.operators, "edges": g.edges});
    if g.chance(0.5) {
        document = reversed(&document);
    }
    document
}

/// The same graph with its operators in the opposite order.
fn reversed(document: &Value) -> Value {
    let operators = document["operators"].as_array().unwrap();
    let last = operators.len() as u64 - 1;
    let turned = |e: &Value| {
        let (source, target) = (e["source"].as_u64().unwrap(), e["target"][0].as_u64().unwrap());
        json!({"source": last - source, "target": [last - target, e["target"][1]]})
    };
    let edges: Vec<_> = document["edges"].as_array().unwrap().iter().map(turned).collect();
    json!({"operators": operators.iter().rev().collect::<Vec<_>>(), "edges": edges})
}

impl Growing<'_> {
    fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.rng.unit()
    }

    fn chance(&mut self, p: f64) -> bool {
        self.rng.unit() < p
    }

    fn one_of<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.rng.below(words.len())]
    }

    fn vector(&mut self, lo: f64, hi: f64) -> [f64; 3] {
        std::array::from_fn(|_| self.between(lo, hi))
    }

    fn add(&mut self, type_name: &str, parameters: Value, inputs: &[(usize, &str)]) -> usize {
        let index = self.operators.len();
        self.operators.push(json!({"type": type_name, "parameters": parameters}));
        self.edges.extend(inputs.iter().map(|(from, name)| json!({"source": from, "target": [index, name]})));
        index
    }

    /// A rotation, one factor, a shift.
    fn similarity(&mut self, lo: f64, hi: f64) -> Value {
        let q: [f64; 4] = std::array::from_fn(|_| self.between(-1.0, 1.0));
        let norm = q.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-3);
        let [w, x, y, z] = q.map(|v| v / norm);
        let (s, t) = (self.between(lo, hi), self.vector(-0.3, 0.3));
        let columns = [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)],
            [2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)],
            [2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)],
        ];
        let mut m: Vec<f64> = columns.iter().flat_map(|c| [c[0] * s, c[1] * s, c[2] * s, 0.0]).collect();
        m.extend([t[0], t[1], t[2], 1.0]);
        json!(m)
    }

    /// A similarity, a stretch along the axes or a shear.
    fn placement(&mut self) -> Value {
        let (s, t) = (self.vector(0.6, 1.4), self.vector(-0.3, 0.3));
        match self.rng.below(3) {
            0 => self.similarity(0.6, 1.4),
            1 => json!([s[0], 0, 0, 0, 0, s[1], 0, 0, 0, 0, s[2], 0, t[0], t[1], t[2], 1]),
            _ => json!([s[0], 0.2, 0, 0, 0.1, s[1], 0, 0, 0, 0.3, s[2], 0, t[0], t[1], t[2], 1]),
        }
    }

    fn points(&mut self) -> usize {
        if self.chance(0.75) {
            return 0;
        }
        let xform = self.placement();
        let (type_name, parameters) = match self.rng.below(5) {
            0 => (
                "TransformTwistCoords",
                json!({"axis": self.one_of(&["X", "Y", "Z"]), "frequency": self.between(-0.3, 0.3), "xform": xform}),
            ),
            1 => (
                "TransformMirrorCoords",
                json!({"mirror_normal": self.vector(0.2, 1.0), "mirror_point": self.vector(-0.2, 0.2), "xform": xform}),
            ),
            2 => (
                "TransformCylindricalCoords",
                json!({"radial_scale": self.between(0.3, 1.0), "xform": xform}),
            ),
            3 => ("TransformSphericalCoords", json!({"xform": xform})),
            _ => (
                "GradeCellSize",
                json!({"num_steps": self.rng.below(4), "step_size": self.between(0.1, 0.5), "width": self.between(0.3, 1.0),
                "shape_type": self.one_of(&["Box", "Cylinder", "Ellipsoid", "Plane"]), "shape_size": self.vector(0.3, 0.8), "xform": xform}),
            ),
        };
        self.add(type_name, parameters, &[(0, "Points")])
    }

    fn sampler(&mut self) -> usize {
        let points = self.points();
        let xform = self.placement();
        let (type_name, mut parameters) = match self.rng.below(8) {
            0..=2 => ("SampleBox", self.solid()),
            3..=5 => (
                "SampleSurfaceLattice",
                json!({"lattice_type": self.one_of(SURFACES), "scale": self.vector(0.7, 1.6), "threshold": self.between(-0.3, 0.3)}),
            ),
            6 => ("SampleLattice", self.struts()),
            _ => (
                "SampleSpinodoid",
                json!({"angles": [self.between(15.0, 60.0), 0, self.between(15.0, 60.0)], "density": self.between(0.3, 0.7),
                "wave_count": 20, "pore_size": self.between(0.5, 0.9)}),
            ),
        };
        if self.chance(0.5) {
            parameters["xform"] = xform;
        }
        self.add(type_name, parameters, &[(points, "Points")])
    }

    fn solid(&mut self) -> Value {
        let kinds =
            ["Box", "BoxFrame", "CappedCone", "Capsule", "Cylinder", "Ellipsoid", "Link", "Plane", "Torus"];
        let [x, y, z] = self.vector(0.7, 1.5);
        // A capsule and a link are at least as high as wide.
        json!({"shape_type": self.one_of(&kinds), "size": [x, y, z.max(x)], "free_param": self.between(0.12, 0.17)})
    }

    fn struts(&mut self) -> Value {
        let nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]];
        let edges = match self.rng.below(3) {
            0 => json!([[0, 1], [0, 2], [0, 3]]),
            1 => json!([[0, 4], [1, 2], [1, 3]]),
            _ => json!([[0, 4], [0, 1]]),
        };
        let smoothing = if self.chance(0.5) { 0.08 } else { 0.0 };
        json!({"lattice_data": {"nodes": nodes, "edges": edges}, "scale": self.vector(0.6, 1.1), "section_radius": self.between(0.05, 0.12),
            "section_type": self.one_of(&["Circle", "Box", "Cross"]), "node_type": self.one_of(&["None", "Sphere"]),
            "node_radius": self.between(0.08, 0.15), "smoothing": smoothing})
    }

    fn value(&mut self, depth: usize) -> usize {
        if depth == 0 {
            let leaf = self.sampler();
            self.values.push(leaf);
            return leaf;
        }
        let a = self.value(depth - 1);
        let smoothing = if self.chance(0.5) { self.between(0.02, 0.3) } else { 0.0 };
        let operation = self.one_of(&["Union", "Intersect", "Subtract"]);
        let made = match self.rng.below(8) {
            0..=3 => {
                // Now and then a value that has a consumer already.
                let shared = self.values[self.rng.below(self.values.len())];
                let b = if self.chance(0.2) { shared } else { self.value(depth - 1) };
                self.add(
                    "CSG",
                    json!({"operation": operation, "smoothing": smoothing}),
                    &[(a, "A"), (b, "B")],
                )
            }
            4 => {
                let parameters =
                    json!({"thickness": self.between(0.1, 0.3), "offset": self.between(-0.05, 0.05)});
                self.add("Shell", parameters, &[(a, "Samples")])
            }
            5 => {
                let b = self.value(depth - 1);
                let parameters =
                    json!({"scale_a": self.between(0.3, 1.0), "scale_b": self.between(-0.5, 1.0)});
                self.add("LinearFilter", parameters, &[(a, "InputA"), (b, "InputB")])
            }
            _ => {
                let parameters =
                    json!({"pre_offset": self.between(-0.05, 0.05), "post_offset": self.between(-0.1, 0.1)});
                self.add("Redistance", parameters, &[(a, "Samples")])
            }
        };
        self.values.push(made);
        made
    }
}
