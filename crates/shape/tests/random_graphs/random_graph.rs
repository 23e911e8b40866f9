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
    "None",
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

/// A graph whose result is a number per point of a grid of 12 to 35 samples a side.
pub fn random_graph(rng: &mut Rng) -> Value {
    let mut g = Growing { rng, operators: vec![], edges: vec![], values: vec![] };
    g.grid();
    let depth = g.rng.below(4);
    let sink = g.value(depth);
    let sink = match g.rng.below(8) {
        0 | 1 => g.add("Redistance", json!({}), &[(sink, "Samples")]),
        2 => g.add("Threshold", json!({}), &[(sink, "Samples")]),
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

    /// The grid: around the origin, beside it (shapes leave it), or far from it and brought back by its `xform`.
    fn grid(&mut self) {
        let resolution: [usize; 3] = std::array::from_fn(|_| 12 + self.rng.below(24));
        let mut size = self.vector(1.0, 2.6);
        let mut offset = size.map(|s| -0.5 * s + 0.01);
        if self.chance(0.3) {
            offset = [0, 1, 2].map(|a| offset[a] + self.between(-0.4, 0.4) * size[a]);
        }
        let mut points = json!({"resolution": resolution});
        if self.chance(0.3) {
            points["xform"] = self.similarity(0.8, 1.2);
        } else if self.chance(0.3) {
            let unit = [1e-3, 1.0, 1e4][self.rng.below(3)];
            let far = self.vector(-200.0, 200.0);
            let s = 1.0 / unit;
            points["xform"] = json!([s, 0, 0, 0, 0, s, 0, 0, 0, 0, s, 0, -far[0], -far[1], -far[2], 1]);
            size = size.map(|v| v * unit);
            offset = [0, 1, 2].map(|a| (offset[a] + far[a]) * unit);
        }
        points["size"] = json!(size);
        points["offset"] = json!(offset);
        self.add("GenerateSamplePoints", points, &[]);
    }

    fn points(&mut self) -> usize {
        let mut points = 0;
        while self.chance(0.3) {
            points = self.transform(points);
        }
        points
    }

    fn transform(&mut self, points: usize) -> usize {
        let xform = self.placement();
        let shapes = ["Box", "Cylinder", "Ellipsoid", "Plane"];
        let (type_name, parameters) = match self.rng.below(7) {
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
            4 => (
                "GradeCellSize",
                json!({"num_steps": self.rng.below(4), "step_size": self.between(0.1, 0.5), "width": self.between(0.3, 1.0),
                "shape_type": self.one_of(&shapes), "shape_size": self.vector(0.3, 0.8), "xform": xform}),
            ),
            5 => {
                let image = self.volume();
                let parameters = json!({"shape_type": self.one_of(&shapes), "box_width": self.vector(0.6, 1.4),
                    "scale": [self.between(0.5, 2.0), self.between(0.5, 2.0)], "xform": xform});
                return self.add("MapTexturePrimitive", parameters, &[(points, "Points"), (image, "Image")]);
            }
            _ => {
                // Vectors are points to whoever takes them for that; those before them would feed nothing.
                let Some(&value) = self.values.last().filter(|_| points == 0) else { return points };
                let type_name = self.one_of(&["ComputeNormals", "ComputeCurvatures"]);
                let step = self.rng.below(3);
                return self.add(type_name, json!({ "step_size": step }), &[(value, "Samples")]);
            }
        };
        self.add(type_name, parameters, &[(points, "Points")])
    }

    /// Values on a grid of their own, to be sampled.
    fn volume(&mut self) -> usize {
        let resolution: [usize; 3] = std::array::from_fn(|_| 5 + self.rng.below(12));
        let grid = json!({"size": self.vector(0.8, 2.0), "resolution": resolution});
        let points = self.add("GenerateSamplePoints", grid, &[]);
        match self.chance(0.5) {
            true => {
                let solid = self.solid();
                self.add("SampleBox", solid, &[(points, "Points")])
            }
            false => {
                let surface = json!({"lattice_type": self.one_of(SURFACES), "scale": self.vector(0.7, 1.6)});
                let surface = self.add("SampleSurfaceLattice", surface, &[(points, "Points")]);
                self.add(
                    "LinearFilter",
                    json!({"scale_a": 0.1, "scale_b": 0.0}),
                    &[(surface, "InputA"), (surface, "InputB")],
                )
            }
        }
    }

    fn sampler(&mut self) -> usize {
        let points = self.points();
        let xform = self.placement();
        let (type_name, mut parameters) = match self.rng.below(10) {
            0..=2 => ("SampleBox", self.solid()),
            3..=5 => ("SampleSurfaceLattice", self.surface()),
            6 => ("SampleLattice", self.struts()),
            7 => (
                "SampleSpinodoid",
                json!({"angles": [self.between(15.0, 60.0), 0, self.between(15.0, 60.0)], "density": self.between(0.3, 0.7),
                "wave_count": 20, "pore_size": self.between(0.5, 0.9)}),
            ),
            8 => (
                "SampleText",
                json!({"text": self.one_of(&["Ab", "8&", "x\nY", "Ø 1.5"]), "height": self.between(0.4, 1.0),
                "thickness": self.between(0.2, 1.2)}),
            ),
            _ => {
                let volume = self.volume();
                return self.add(
                    "SampleVolume",
                    json!({ "xform": xform }),
                    &[(points, "Points"), (volume, "Volume")],
                );
            }
        };
        if self.chance(0.5) {
            parameters["xform"] = xform;
        }
        self.add(type_name, parameters, &[(points, "Points")])
    }

    fn surface(&mut self) -> Value {
        let mut surface = json!({"lattice_type": self.one_of(SURFACES), "scale": self.vector(0.7, 1.6),
            "threshold": self.between(-0.3, 0.3)});
        if self.chance(0.2) {
            surface["scale_grading_range"] = json!([-0.6, 0.5]);
            surface["scale_grading_scale"] = json!([self.between(0.7, 1.3), self.between(0.7, 1.3)]);
            surface["threshold_grading_range"] = json!([-0.5, 0.7]);
            surface["threshold_grading_offset"] = json!([self.between(-0.2, 0.2), self.between(-0.2, 0.2)]);
        }
        surface
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
        let grading = [self.between(0.6, 1.0), self.between(1.0, 1.5)];
        json!({"section_radius_grading_range": [-0.5, 0.6], "section_radius_grading_scale": grading, "lattice_data": {"nodes": nodes, "edges": edges}, "scale": self.vector(0.6, 1.1), "section_radius": self.between(0.05, 0.12),
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
