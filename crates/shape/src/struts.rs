//! What SampleLattice and SampleBeam share: nodes and edges as JSON, and how struts look.

use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::spelling::{numbers_of, shorten};
use fieldstone_kernel::beam::{Limits, LineNetwork, Section, Style};
use serde_json::Value;

/// What a unit cell or a network may hold.
pub const LIMITS: Limits = Limits { nodes: 1 << 22, edges: 1 << 22, candidates: 1 << 22 };
/// What a unit cell may hold.
pub const CELL_LIMITS: Limits = Limits { nodes: 4096, edges: 4096, ..LIMITS };

const fn length(name: &'static str, default: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Number { min: 0.0, max: 1e9 }, default: Some(default), doc }
}

/// `node_radius`.
pub const NODE_RADIUS: Param = length("node_radius", "0.1", "radius of the spheres at nodes, mm");
/// Whether there are spheres at the nodes.
const NODES: Choices<bool, 2> = Choices([("None", false), ("Sphere", true)]);
const SECTIONS: Choices<Section, 3> =
    Choices([("Box", Section::Box), ("Circle", Section::Circle), ("Cross", Section::Cross)]);

/// `node_type`.
pub const NODE_TYPE: Param = Param {
    name: "node_type",
    kind: Kind::Choice(&NODES.words()),
    default: Some("None"),
    doc: "what sits at nodes; struts meet without it, too",
};
/// `section_radius`.
pub const SECTION_RADIUS: Param = length("section_radius", "0.1", "radius or half-width of the struts, mm");
/// `section_type`.
pub const SECTION_TYPE: Param = Param {
    name: "section_type",
    kind: Kind::Choice(&SECTIONS.words()),
    default: Some("Circle"),
    doc: "what a strut looks like when cut across",
};
/// `smoothing`.
pub const SMOOTHING: Param =
    length("smoothing", "0", "radius of the blend between struts, mm; 0 keeps the creases");

/// Reads the style's parameters.
pub fn style(values: &Values) -> Style {
    Style {
        section: SECTIONS.read(values, "section_type"),
        section_radius: values.float("section_radius") as f32,
        node_radius: NODES.read(values, "node_type").then(|| values.float("node_radius") as f32),
        smoothing: values.float("smoothing") as f32,
    }
}

/// `nodes` and `edges` of an object.
pub type NodesAndEdges = (Vec<[f64; 3]>, Vec<[u32; 2]>);

/// Reads `{"nodes": [[x, y, z], …], "edges": [[i, j], …]}`; the text of an error says what is wrong and where.
pub fn nodes_and_edges(document: &Value) -> Result<NodesAndEdges, String> {
    let nodes = tuples::<3>(document, "nodes", LIMITS.nodes)?;
    let pairs = tuples::<2>(document, "edges", LIMITS.edges)?;
    let mut edges = Vec::with_capacity(pairs.len());
    for (i, pair) in pairs.into_iter().enumerate() {
        if !pair.iter().all(|v| v.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(v)) {
            return Err(format!("edges[{i}] is {pair:?}, expected the indices of two nodes"));
        }
        edges.push(pair.map(|v| v as u32));
    }
    Ok((nodes, edges))
}

/// Reads `document[name]` as a list of `N` numbers each.
pub fn tuples<const N: usize>(document: &Value, name: &str, limit: usize) -> Result<Vec<[f64; N]>, String> {
    let found = document.get(name);
    let items = found.and_then(Value::as_array).ok_or_else(|| {
        format!("expected an object with a list {name:?}, got {}", shorten(found.unwrap_or(document)))
    })?;
    if items.len() > limit {
        return Err(format!("{} {name}, at most {limit} are allowed", items.len()));
    }
    let tuple = |(i, item): (usize, &Value)| {
        let numbers = numbers_of(item).and_then(|v| v.try_into().ok());
        numbers.ok_or_else(|| format!("{name}[{i}] is {}, expected {N} finite numbers", shorten(item)))
    };
    items.iter().enumerate().map(tuple).collect()
}

/// Reads a line network: `{"nodes": [[x, y, z], …], "edges": [[i, j], …], "radii": [r, …]}`, mm; radii, one per edge, may be absent.
pub fn read_network(bytes: &[u8]) -> Result<LineNetwork, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|e| format!("is not JSON: {e}"))?;
    let (nodes, edges) = nodes_and_edges(&document)?;
    let radii = match document.get("radii") {
        None | Some(Value::Null) => None,
        Some(list) => {
            let numbers = numbers_of(list).ok_or("radii: expected a list of finite numbers")?;
            Some(numbers.into_iter().map(|r| r as f32).collect())
        }
    };
    LineNetwork::new(&nodes, edges, radii, &LIMITS).map_err(|e| e.to_string())
}

/// The filename of a required asset.
pub fn required_asset<'a>(values: &'a Values, name: &str) -> Result<&'a str, ParamError> {
    let refuse = || ParamError { name: name.into(), what: "is required: {\"path\": <filename>}".into() };
    values.asset(name).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_refused_by_place() {
        let good = br#"{"nodes": [[0, 0, 0], {"x": 1, "y": 0, "z": 0}], "edges": [[0, 1]], "radii": [0.5]}"#;
        let network = read_network(good).unwrap();
        assert_eq!((network.edges().len(), network.radii().unwrap()[0]), (1, 0.5));
        let refused = |text: &str| read_network(text.as_bytes()).unwrap_err();
        assert!(refused("{").starts_with("is not JSON: EOF"));
        assert_eq!(refused("[1]"), "expected an object with a list \"nodes\", got [1]");
        assert_eq!(
            refused(r#"{"nodes": [[0, 0, 0], [1, 2]], "edges": []}"#),
            "nodes[1] is [1,2], expected 3 finite numbers"
        );
        assert_eq!(
            refused(r#"{"nodes": [[0, 0, 0]], "edges": [[0, -1]]}"#),
            "edges[0] is [0.0, -1.0], expected the indices of two nodes"
        );
        let one = refused(r#"{"nodes": [[0, 0, 0]], "edges": [[0, 1]]}"#);
        assert_eq!(one, "edge 0 joins nodes 0 and 1, there are only 1");
    }
}
