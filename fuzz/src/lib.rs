//! What is fed with bytes from outside, one function per parser: libFuzzer runs them by `cargo xtask fuzz`, and the main
//! suite runs them over the kept corpus (crates/fieldstone/tests/corpus.rs includes this file).

#[path = "documents.rs"]
mod documents;
#[path = "meshes.rs"]
mod meshes;
#[path = "requests.rs"]
mod requests;
#[path = "shapes.rs"]
mod shapes;

/// A target: its name, which is also that of its corpus, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("stl", meshes::stl),
    ("obj", meshes::obj),
    ("ply", meshes::ply),
    ("threemf", meshes::threemf),
    ("hierarchy", meshes::hierarchy),
    ("network", shapes::network),
    ("volume", shapes::volume),
    ("graph", shapes::graph),
    ("job", documents::job),
    ("workflow", documents::workflow),
    ("list", documents::list),
    ("body", documents::body),
    ("range", requests::range),
    ("link", requests::link),
    ("token", requests::token),
    ("upload", requests::upload),
    ("request", requests::request),
];

/// Runs the target called `name`.
#[allow(dead_code, reason = "the suite goes over the list")]
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of the list");
    target(data);
}
