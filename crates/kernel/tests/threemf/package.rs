//! 3MF packages as programs write them, and what reading one gives.

use crate::common::cube;
use fieldstone_kernel::format::{FormatError, MeshFormat, MeshLimits, ReadMesh, read_mesh};
use fieldstone_kernel::{Monitor, TriMesh};
use std::io::Write;

pub const CORE: &str = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02";
pub const BEAMS: &str = "http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02";
pub const MODEL: &str = "3D/3dmodel.model";
pub const PARTS: &str = "3D/Objects/object_1.model";
pub const BAMBU: &str = "Metadata/model_settings.config";
pub const PRUSA: &str = "Metadata/Slic3r_PE_model.config";

pub fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

pub fn read(parts: &[(&str, &str)]) -> Result<ReadMesh, FormatError> {
    let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    read_mesh(&package(&parts), MeshFormat::THREE_MF, &MeshLimits::default(), &Monitor::none())
}

/// What is read: the volume of its shells, each outside out, and the notes.
pub fn outcome(parts: &[(&str, &str)]) -> Result<(f64, Vec<String>), String> {
    read(parts).map(|r| (r.mesh.signed_volume(), r.notes)).map_err(|e| e.to_string())
}

pub fn model_with(attributes: &str, resources: &str, build: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<model xmlns=\"{CORE}\" {attributes}>\n<resources>{resources}</resources>\n\
         <build>{build}</build></model>"
    )
}

pub fn model(resources: &str, build: &str) -> String {
    model_with("unit=\"millimeter\"", resources, build)
}

pub fn mesh_with(mesh: &TriMesh, on_triangles: &str, behind: &str) -> String {
    let vertex = |[x, y, z]: &[f32; 3]| format!("<vertex x=\"{x}\" y=\"{y}\" z=\"{z}\"/>");
    let triangle =
        |[a, b, c]: &[u32; 3]| format!("<triangle v1=\"{a}\" v2=\"{b}\" v3=\"{c}\" {on_triangles}/>");
    let vertices: String = mesh.positions.iter().map(vertex).collect();
    let triangles: String = mesh.triangles.iter().map(triangle).collect();
    format!("<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles>{behind}</mesh>")
}

/// An object that is a cube of side `side` at `min`.
pub fn object(id: u32, attributes: &str, min: [f32; 3], side: f32) -> String {
    format!("<object id=\"{id}\" {attributes}>{}</object>", mesh_with(&cube(min, side), "", ""))
}

pub fn components(id: u32, of: &[(u32, &str)]) -> String {
    let one = |(of, attributes): &(u32, &str)| format!("<component objectid=\"{of}\" {attributes}/>");
    format!(
        "<object id=\"{id}\"><components>{}</components></object>",
        of.iter().map(one).collect::<String>()
    )
}

pub fn moved(x: f32) -> String {
    format!("transform=\"1 0 0 0 1 0 0 0 1 {x} 0 0\"")
}

pub fn bambu(object: u32, parts: &[(u32, &str)]) -> String {
    let part = |(id, subtype): &(u32, &str)| {
        format!("<part id=\"{id}\" subtype=\"{subtype}\"><metadata key=\"name\" value=\"n{id}\"/></part>")
    };
    let parts: String = parts.iter().map(part).collect();
    format!(
        "<?xml version=\"1.0\"?><config><object id=\"{object}\"><metadata key=\"name\" value=\"x\"/>{parts}</object>\
         <plate><metadata key=\"plater_id\" value=\"1\"/></plate></config>"
    )
}

pub fn prusa(object: u32, volumes: &[(u32, u32, &str)]) -> String {
    let volume = |(first, last, role): &(u32, u32, &str)| {
        format!(
            "<volume firstid=\"{first}\" lastid=\"{last}\"><metadata type=\"volume\" key=\"volume_type\" value=\"{role}\"/></volume>"
        )
    };
    let volumes: String = volumes.iter().map(volume).collect();
    format!("<config><object id=\"{object}\" instances_count=\"1\">{volumes}</object></config>")
}
