//! docs/jobs.md.

use super::{param_row, sentence, table};
use fieldstone_jobs::job_type::JobEntry;
use fieldstone_jobs::types::JOB_TYPES;
use std::fmt::Write;

/// What some types make, seen.
const PICTURES: &[(&str, &str, &str)] = &[
    ("implicit/from-mesh", "demo.png", "Three sections of a bracket's distance field"),
    ("implicit/evaluate", "app/graph.png", "A graph in the app, with the shape of its values"),
    ("export_triangle_mesh", "operators/Shell.png", "A gyroid's shell as a mesh, of operators/Shell.json"),
    ("export_slices", "app/layers.png", "A layer of a tube in the app"),
];

/// The reference of job types, from the registry.
pub fn page() -> String {
    let mut page = String::from(
        "# Job types\n\nMade by `cargo xtask gen` from the registry in `crates/jobs/src/types`. Parameter values are\n\
         strings on the wire; native JSON is accepted too.\n",
    );
    for entry in JOB_TYPES {
        job(&mut page, entry);
    }
    page
}

fn job(page: &mut String, entry: &JobEntry) {
    let _ = write!(page, "\n## `{}`\n\n{}\n", entry.type_name, sentence(entry.doc));
    if let Some((_, path, what)) = PICTURES.iter().find(|(name, _, _)| *name == entry.type_name) {
        let _ = write!(page, "\n![{what}]({path})\n");
    }
    let required = |yes| if yes { "required" } else { "optional" };
    let inputs = entry.inputs.iter().map(|slot| {
        let older = slot.from_param.map(|p| format!(", by parameter `{p}`")).unwrap_or_default();
        [
            format!("`{}`", slot.name),
            format!("asset, {}{older}", required(slot.required)),
            slot.doc.to_owned(),
        ]
    });
    let params = entry.params.iter().map(param_row);
    table(page, "In", inputs.chain(params).collect());
    let products = entry.products.iter().map(|product| {
        [format!("`{}`", product.name), format!("asset, .{}", product.extension), product.doc.to_owned()]
    });
    table(page, "Out", products.collect());
    let names: Vec<String> = entry.params_out().iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(page, "\nParameters out: {}.\n", names.join(", "));
}
