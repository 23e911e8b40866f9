//! The graph document: read, checked, put into an order. Nothing is loaded here.

use crate::affine::Affine;
use crate::maker::{Adopt, MakerParams};
use crate::operator::{OperatorEntry, Port, Type};
use crate::ops;
use crate::params::{Kind, Param, ParamError, Values};
use crate::spelling::shorten;
use crate::words::{did_you_mean, not_among};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::HashSet;

/// Bounds on what a graph may be.
#[derive(Clone, Copy, Debug)]
pub struct GraphLimits {
    /// Operators in one graph.
    pub operators: usize,
    /// Samples of one grid or points of one list.
    pub samples: u64,
}

impl Default for GraphLimits {
    fn default() -> Self {
        GraphLimits { operators: 1024, samples: 2048 * 2048 * 2048 }
    }
}

/// Why a graph is refused. The text names the operator by index and type, and the field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct GraphError {
    /// `graph`, `operators[3] (CSG)`, `edges[2]`.
    pub place: String,
    /// What is wrong, with the value.
    pub what: String,
}

impl GraphError {
    fn new(place: impl Into<String>, what: impl Into<String>) -> GraphError {
        GraphError { place: place.into(), what: what.into() }
    }
}

/// A checked operator of a graph.
#[derive(Clone)]
pub struct Node {
    /// What it is.
    pub entry: &'static OperatorEntry,
    /// Its parameters, defaults filled in.
    pub values: Values,
    /// By port: the operator that feeds it.
    pub inputs: Vec<Option<usize>>,
}

/// A checked graph: every operator known, every parameter read, every required input connected, no cycles, one result.
#[derive(Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    /// All operators, inputs before their consumers; the sink depends on every other.
    order: Vec<usize>,
    sink: usize,
    warnings: Vec<String>,
    limits: GraphLimits,
}

impl Graph {
    /// Reads `{"operators": […], "edges": […]}`; text that holds such JSON is taken too.
    pub fn parse(document: &Value, limits: GraphLimits) -> Result<Graph, GraphError> {
        let parsed;
        let document = match document {
            Value::String(text) => {
                let read = serde_json::from_str::<Value>(text);
                parsed = read.map_err(|e| GraphError::new("graph", format!("is not JSON: {e}")))?;
                &parsed
            }
            other => other,
        };
        let operators = list(document, "operators")?;
        if operators.is_empty() {
            return Err(GraphError::new("graph", "has no operators"));
        }
        if operators.len() > limits.operators {
            let (n, most) = (operators.len(), limits.operators);
            return Err(GraphError::new("graph", format!("has {n} operators, the limit is {most}")));
        }
        let edges = match document.get("edges") {
            None | Some(Value::Null) => &Vec::new(),
            _ => list(document, "edges")?,
        };
        let mut warnings = Vec::new();
        let older = older_forms(operators, edges);
        let read = |(i, operator)| read_operator(i, operator, older.contains(&i), &mut warnings);
        let mut nodes = operators.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let feeds = connect(&mut nodes, edges)?;
        check_required(&nodes)?;
        let sink = sink(&nodes, &feeds)?;
        let order = order(&nodes, sink)?;
        let graph = Graph { nodes, order, sink, warnings, limits };
        graph.check_types()?;
        graph.check_channels(&|_, _| None)?;
        Ok(graph)
    }

    /// All operators, in the document's order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// All operators, inputs before their consumers.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The operator whose values are the result.
    pub fn sink(&self) -> usize {
        self.sink
    }

    /// What was tolerated.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The limits it was read with.
    pub fn limits(&self) -> GraphLimits {
        self.limits
    }

    /// Filenames that the operators refer to, with the operator and its parameter, in the document's order.
    pub fn assets(&self) -> Vec<(usize, &'static str, &str)> {
        let of_node = |(i, node): (usize, &'static [Param])| {
            let assets = node.iter().filter(|p| matches!(p.kind, Kind::Asset { .. }));
            assets.filter_map(move |p| Some((i, p.name, self.nodes[i].values.asset(p.name)?)))
        };
        self.nodes.iter().map(|n| n.entry.params).enumerate().flat_map(of_node).collect()
    }

    /// Operators that read a file whose maker may say more of it, with the parameter that names it.
    pub fn adopting(&self) -> impl Iterator<Item = (usize, Adopt)> {
        let of_node = |(i, n): (usize, &Node)| Some((i, ops::adopts(n.entry)?));
        self.nodes.iter().enumerate().filter_map(of_node)
    }

    /// The graph with what the makers of its files say of them, as far as its parameters do not; `made` knows it by
    /// operator and parameter.
    pub fn adopt<'m>(
        &self,
        made: impl Fn(usize, &str) -> Option<&'m MakerParams>,
    ) -> Result<Graph, GraphError> {
        let mut graph = self.clone();
        for (i, adopt) in self.adopting() {
            if let Some(made) = made(i, adopt.file) {
                let done = adopt.patch.adopt(&mut graph.nodes[i].values, made);
                done.map_err(|e| self.error_at(i, e.to_string()))?;
            }
        }
        Ok(graph)
    }

    /// Whether where samples are may depend on what the makers of its files say.
    pub fn is_open(&self) -> bool {
        self.adopting().any(|(i, adopt)| self.nodes[i].values.integers(adopt.patch.resolution.name).is_none())
    }

    /// Refuses assets of a wrong size, or that hold values of a wrong kind; `bytes` knows sizes by operator and parameter, not all of them.
    pub fn check_assets(&self, bytes: &dyn Fn(usize, &str) -> Option<u64>) -> Result<(), GraphError> {
        // All others were checked when the graph was read, and may take long.
        let takes_assets = |p: &Param| matches!(p.kind, Kind::Asset { .. });
        let with_assets = |(_, n): &(usize, &Node)| n.entry.params.iter().any(takes_assets);
        for (i, node) in self.nodes.iter().enumerate().filter(with_assets) {
            let check = (node.entry.check)(&node.values, &|param| bytes(i, param));
            check.map_err(|e| self.error_at(i, e.to_string()))?;
        }
        self.check_channels(bytes)
    }

    /// An error at operator `node`.
    pub fn error_at(&self, node: usize, what: impl Into<String>) -> GraphError {
        GraphError::new(self.place(node), what)
    }

    /// `operators[3] (CSG)`.
    pub fn place(&self, node: usize) -> String {
        place(node, self.nodes[node].entry.type_name)
    }

    fn check_types(&self) -> Result<(), GraphError> {
        for &i in &self.order {
            let node = &self.nodes[i];
            for (port, from) in node.entry.inputs.iter().zip(&node.inputs) {
                let Some(from) = *from else { continue };
                let source = self.nodes[from].entry;
                if !fits(source.output, port.takes) {
                    let what = format!(
                        "input {:?} takes {}, got {} from {}",
                        port.name,
                        type_name(port.takes),
                        type_name(source.output),
                        place(from, source.type_name)
                    );
                    return Err(self.error_at(i, what));
                }
            }
        }
        Ok(())
    }
}

/// Whether a port that takes `port` can be fed with `from`.
fn fits(from: Type, port: Type) -> bool {
    match port {
        Type::Vec3f => matches!(from, Type::Vec3f | Type::Any),
        Type::Float => matches!(from, Type::Float | Type::Any | Type::Volume),
        Type::Volume => matches!(from, Type::Volume | Type::Float | Type::Any),
        Type::Any | Type::Byte => true,
    }
}

fn type_name(t: Type) -> &'static str {
    match t {
        Type::Vec3f => "Vec3f",
        Type::Float => "Float",
        Type::Byte => "Byte",
        Type::Volume => "a volume",
        Type::Any => "any values",
    }
}

fn place(index: usize, type_name: &str) -> String {
    format!("operators[{index}] ({type_name})")
}

fn list<'a>(document: &'a Value, name: &str) -> Result<&'a Vec<Value>, GraphError> {
    let found = document.get(name);
    let listed = found.and_then(Value::as_array);
    listed.ok_or_else(|| {
        let got = found.map_or("nothing".to_owned(), shorten);
        GraphError::new("graph", format!("expected a list {name:?}, got {got}"))
    })
}

/// Operators that an edge connects as only their older form can be.
fn older_forms(operators: &[Value], edges: &[Value]) -> HashSet<usize> {
    let older_target = |edge: &Value| {
        let target = edge.get("target")?;
        let (index, input) = (target.get(0)?.as_u64()? as usize, target.get(1)?.as_str()?);
        let type_name = operators.get(index)?.get("type")?.as_str()?;
        let has = |entry: &OperatorEntry| entry.inputs.iter().any(|p| p.name == input);
        (has(ops::older(type_name)?) && !has(ops::find(type_name)?)).then_some(index)
    };
    edges.iter().filter_map(older_target).collect()
}

fn read_operator(
    index: usize,
    operator: &Value,
    older: bool,
    warnings: &mut Vec<String>,
) -> Result<Node, GraphError> {
    let here = format!("operators[{index}]");
    let Some(type_name) = operator.get("type").and_then(Value::as_str) else {
        return Err(GraphError::new(
            here,
            format!("expected an object with a \"type\", got {}", shorten(operator)),
        ));
    };
    let Some(entry) = ops::older(type_name).filter(|_| older).or_else(|| ops::find(type_name)) else {
        return Err(GraphError::new(here, unknown_type(type_name)));
    };
    let here = place(index, type_name);
    let mut given: IndexMap<String, &Value> = match operator.get("parameters") {
        None | Some(Value::Null) => IndexMap::new(),
        Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Some(other) => {
            let what = format!("expected an object of parameters, got {}", shorten(other));
            return Err(GraphError::new(here, what));
        }
    };
    for old in entry.ignored {
        if given.shift_remove(*old).is_some() {
            warnings.push(format!("{here}: parameter {old:?} means nothing and was ignored"));
        }
    }
    let values = read_values(entry, given).map_err(|e| GraphError::new(here, e.to_string()))?;
    Ok(Node { entry, values, inputs: vec![None; entry.inputs.len()] })
}

fn unknown_type(type_name: &str) -> String {
    let shown = shorten(&Value::String(type_name.to_owned()));
    if let Some((_, why)) = ops::NOT_OFFERED.iter().find(|(name, _)| *name == type_name) {
        return format!("type {shown} is not offered here: {why}");
    }
    let known = ops::OPERATORS.iter().map(|e| e.type_name);
    not_among(&format!("type {shown} is unknown"), type_name, known, ops::SYNONYMS)
}

fn read_values(entry: &OperatorEntry, given: IndexMap<String, &Value>) -> Result<Values, ParamError> {
    let values = Values::parse(entry.params, given)?;
    for param in entry.params.iter().filter(|p| matches!(p.kind, Kind::Numbers(16))) {
        Affine::placement(&values, param.name)?;
    }
    (entry.check)(&values, &|_| None)?;
    Ok(values)
}

/// Connects the ports; returns which operators feed another.
fn connect(nodes: &mut [Node], edges: &[Value]) -> Result<Vec<bool>, GraphError> {
    let mut feeds = vec![false; nodes.len()];
    for (e, edge) in edges.iter().enumerate() {
        let here = || format!("edges[{e}]");
        let index = |value: Option<&Value>| {
            let i = value.and_then(Value::as_u64).map(|i| i as usize);
            let got = value.map_or("nothing".to_owned(), shorten);
            i.filter(|i| *i < nodes.len()).ok_or_else(|| {
                let last = nodes.len() - 1;
                GraphError::new(here(), format!("expected the index of an operator, 0 to {last}, got {got}"))
            })
        };
        let source = index(edge.get("source"))?;
        let target = edge.get("target").and_then(Value::as_array).filter(|t| t.len() == 2);
        let Some(target) = target else {
            let what = "expected {\"source\": index, \"target\": [index, input]}, got ";
            return Err(GraphError::new(here(), format!("{what}{}", shorten(edge))));
        };
        let consumer = index(target.first())?;
        let entry = nodes[consumer].entry;
        let named = |p: &Port| target[1].as_str() == Some(p.name);
        let Some(port) = entry.inputs.iter().position(named) else {
            let known: Vec<_> = entry.inputs.iter().map(|p| p.name).collect();
            let given = target[1].as_str().unwrap_or_default();
            let what = format!(
                "{} has no input {}, it has {}{}",
                place(consumer, entry.type_name),
                shorten(&target[1]),
                if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                did_you_mean(given, known.iter().copied(), &[])
            );
            return Err(GraphError::new(here(), what));
        };
        if let Some(before) = nodes[consumer].inputs[port].replace(source) {
            let what = format!(
                "{} input {:?} is connected already, to operators[{before}]",
                place(consumer, entry.type_name),
                entry.inputs[port].name
            );
            return Err(GraphError::new(here(), what));
        }
        feeds[source] = true;
    }
    Ok(feeds)
}

fn check_required(nodes: &[Node]) -> Result<(), GraphError> {
    for (i, node) in nodes.iter().enumerate() {
        let missing = |(port, from): &(&Port, &Option<usize>)| port.required && from.is_none();
        if let Some((port, _)) = node.entry.inputs.iter().zip(&node.inputs).find(missing) {
            let what = format!("input {:?} is not connected", port.name);
            return Err(GraphError::new(place(i, node.entry.type_name), what));
        }
    }
    Ok(())
}

/// The operator without an outgoing edge, of which there is one.
fn sink(nodes: &[Node], feeds: &[bool]) -> Result<usize, GraphError> {
    let ends: Vec<usize> = (0..nodes.len()).filter(|i| !feeds[*i]).collect();
    match ends[..] {
        [sink] => Ok(sink),
        [] => {
            let what = "has no result: every operator feeds another, so there is a cycle";
            Err(GraphError::new("graph", what))
        }
        _ => {
            let mut named: Vec<_> =
                ends.iter().take(8).map(|i| place(*i, nodes[*i].entry.type_name)).collect();
            if let Some(more) = ends.len().checked_sub(named.len()).filter(|n| *n > 0) {
                named.push(format!("{more} more"));
            }
            let last = named.pop().unwrap_or_default();
            let what = format!(
                "which operator is the result is not clear: {} and {last} feed no other, expected one such operator",
                named.join(", ")
            );
            Err(GraphError::new("graph", what))
        }
    }
}

/// Depth first from the sink, without recursion: a chain may be as long as the limit allows.
fn order(nodes: &[Node], sink: usize) -> Result<Vec<usize>, GraphError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut order = Vec::new();
    // What the sink does not depend on can only be a ring, or feed one.
    for root in std::iter::once(sink).chain(0..nodes.len()) {
        if marks[root] == Mark::Done {
            continue;
        }
        let mut stack = vec![(root, 0)];
        marks[root] = Mark::Open;
        while let Some((node, port)) = stack.pop() {
            let Some(input) = nodes[node].inputs.get(port) else {
                marks[node] = Mark::Done;
                order.push(node);
                continue;
            };
            stack.push((node, port + 1));
            let Some(input) = *input else { continue };
            match marks[input] {
                Mark::Done => {}
                Mark::New => {
                    marks[input] = Mark::Open;
                    stack.push((input, 0));
                }
                Mark::Open => {
                    let from = stack.iter().position(|(n, _)| *n == input).unwrap_or(0);
                    let ring: Vec<_> = stack[from..].iter().take(8).map(|(n, _)| n.to_string()).collect();
                    let what = format!("is part of a cycle: operators {} ← {input}", ring.join(" ← "));
                    return Err(GraphError::new(place(input, nodes[input].entry.type_name), what));
                }
            }
        }
    }
    Ok(order)
}
