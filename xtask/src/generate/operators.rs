//! docs/operators.md.

use super::{param_row, sentence, showcase, table};
use fieldstone_kernel::lattice::tpms::SURFACES;
use fieldstone_shape::operator::{Group, OperatorEntry, Type};
use fieldstone_shape::ops::{OPERATORS, older};
use std::fmt::Write;

/// The reference of operators, from the registry.
pub fn page() -> String {
    let mut page = String::from(
        "# Operators\n\nMade by `cargo xtask gen` from the registry in `crates/shape/src/ops`.\n\n\
         A shape graph is `{\"operators\": [{\"type\", \"parameters\"}], \"edges\": [{\"source\": index, \"target\": [index, input]}]}`, in any\n\
         order; the result is the operator that feeds no other, and there is one: two that feed nothing are refused. Values that are combined\n\
         are of the same points, or refused; so is a sample that is infinite or not a number. Lengths are mm, negative is inside. Vectors may be\n\
         flat, nested, `{\"x\", \"y\", \"z\"}` or one number for all, matrices 16 numbers or 4×4, numbers also text. `xform` places a shape:\n\
         object → world, translation at 12..14. docs/algorithms/graphs.md says how a graph is computed.\n\
         What a value *promises*: **Sign**: only sign and zero set mean something; **Bound**: never farther from zero than the\n\
         surface is; **Distance**: the signed distance.\n",
    );
    for (group, title) in [
        (Group::Source, "Sources"),
        (Group::Transform, "Transforms"),
        (Group::Sample, "Samplers"),
        (Group::Filter, "Filters"),
    ] {
        let _ = write!(page, "\n## {title}\n");
        for entry in OPERATORS.iter().filter(|e| e.group == group) {
            operator(&mut page, entry);
        }
    }
    surfaces(&mut page);
    page
}

fn operator(page: &mut String, entry: &OperatorEntry) {
    let _ = write!(
        page,
        "\n### `{}`\n\n{}\n\n{}\n",
        entry.type_name,
        sentence(entry.doc),
        sentence(entry.details)
    );
    showcase::show(page, entry);
    connections(page, entry);
    if let Some(form) = older(entry.type_name) {
        let _ = write!(page, "\nWith the inputs of older clients: {}\n", sentence(form.details));
        connections(page, form);
    }
}

/// Inputs, parameters, output and example.
fn connections(page: &mut String, entry: &OperatorEntry) {
    let inputs = entry.inputs.iter().map(|port| {
        let required = if port.required { "" } else { ", optional" };
        [format!("`{}`", port.name), format!("input, {}{required}", type_name(port.takes)), String::new()]
    });
    table(page, "In", inputs.chain(entry.params.iter().map(param_row)).collect());
    let _ = write!(page, "\nGives {}.", type_name(entry.output));
    if !entry.ignored.is_empty() {
        let _ = write!(page, " Ignored, with a warning: {}.", entry.ignored.join(", "));
    }
    let _ = writeln!(page, " Example: `{}`", entry.example);
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

/// The nodal surfaces, with a picture of the cell of each.
fn surfaces(page: &mut String) {
    let _ = write!(
        page,
        "\n## Surface lattices\n\nThe `lattice_type` of SampleSurfaceLattice: f < 0 is solid, in phases X = 2πx/scale. `c2X` is cos 2X, `sY` is \
         sin Y. The pictures show one cell, the solid side.\n\n| | `lattice_type` | f(X, Y, Z) | source |\n|---|---|---|---|\n"
    );
    for s in SURFACES {
        let choice = if s.our_choice {
            "; **our choice**: nobody published which surface this name means"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| ![{0}](lattices/{0}.png) | **{0}** {1} | `{2}` | {3}{choice} |",
            s.id, s.name, s.equation, s.source
        );
    }
}
