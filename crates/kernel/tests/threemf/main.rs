//! 3MF means what slicers mean by it: what is made, what is left out, and what is said about it.

#[path = "../common/mod.rs"]
mod common;
mod negative_parts;
mod package;

use crate::common::{cube, join};
use crate::package::{
    BAMBU, BEAMS, MODEL, PARTS, PRUSA, bambu, components, mesh_with, model, model_with, moved, object,
    outcome, package, prusa, read,
};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};

#[test]
fn only_objects_of_type_model_are_made() {
    for name in ["solidsupport", "support", "surface", "other"] {
        let resources = object(1, "type=\"model\"", [0.0; 3], 2.0)
            + &object(2, &format!("type=\"{name}\" name=\"peg\""), [0.0; 3], 6.0);
        let note = format!("{MODEL} object 2 \"peg\": of type {name}, left out");
        let root = model(&resources, "<item objectid=\"1\"/><item objectid=\"2\"/><item objectid=\"2\"/>");
        assert_eq!(outcome(&[(MODEL, &root)]), Ok((8.0, vec![note.clone()])));
        let assembly = resources + &components(3, &[(2, ""), (1, "")]);
        let root = model(&assembly, &format!("<item objectid=\"3\" {}/>", moved(5.0)));
        assert_eq!(outcome(&[(MODEL, &root)]), Ok((8.0, vec![note])));
        let root = model(&assembly, "<item objectid=\"2\"/>");
        let refused =
            format!("3MF {MODEL}: nothing is left to be made: {MODEL} object 2 \"peg\": of type {name}");
        assert_eq!(outcome(&[(MODEL, &root)]), Err(refused));
    }
    // Core specification 4: the type of an object of components is ignored.
    let resources = object(1, "", [0.0; 3], 2.0)
        + "<object id=\"2\" type=\"other\"><components><component objectid=\"1\"/></components></object>";
    assert_eq!(outcome(&[(MODEL, &model(&resources, "<item objectid=\"2\"/>"))]), Ok((8.0, vec![])));
    let unknown = model(&object(1, "type=\"void\"", [0.0; 3], 2.0), "<item objectid=\"1\"/>");
    assert_eq!(
        outcome(&[(MODEL, &unknown)]).unwrap_err(),
        format!(
            "3MF {MODEL} line 3: unknown object type \"void\", expected one of model, solidsupport, support, surface, other"
        )
    );
}

#[test]
fn what_is_not_printed_is_left_out() {
    let resources = object(1, "", [0.0; 3], 2.0) + &object(2, "", [0.0; 3], 4.0);
    let build = |first, second| {
        format!("<item objectid=\"1\" printable=\"{first}\"/><item objectid=\"2\" printable=\"{second}\"/>")
    };
    let read = |first, second| outcome(&[(MODEL, &model(&resources, &build(first, second)))]);
    assert_eq!(read("1", "true"), Ok((72.0, vec![])));
    let note = format!("{MODEL} item 2 (object 2): not printable, left out");
    assert_eq!(read("1", "0"), Ok((8.0, vec![note])));
    assert_eq!(
        read("0", "false").unwrap_err(),
        format!(
            "3MF {MODEL}: nothing is left to be made: {MODEL} item 1 (object 1): not printable; {MODEL} item 2 (object 2): not printable"
        )
    );
    assert_eq!(read("1", "2").unwrap_err(), format!("3MF {MODEL} line 4: printable is 0 or 1, found \"2\""));
    let none = outcome(&[(MODEL, &model(&resources, ""))]).unwrap_err();
    assert_eq!(none, format!("3MF {MODEL}: the build has no items, so none of the 2 objects is to be made"));
}

#[test]
fn bambu_settings_say_which_parts_are_none() {
    let meshes = object(1, "", [0.0; 3], 2.0)
        + &object(2, "type=\"other\"", [-20.0; 3], 60.0)
        + &object(4, "", [0.0; 3], 1.0);
    let path = format!("p:path=\"/{PARTS}\"");
    let second = format!("{path} {}", moved(3.0));
    let assembly = components(3, &[(1, &path), (2, &path), (4, &second)]);
    let build = format!("<item objectid=\"3\"/><item objectid=\"3\" {}/>", moved(9.0));
    let production = "xmlns:p=\"http://schemas.microsoft.com/3dmanufacturing/production/2015/06\" requiredextensions=\"p\"";
    let root = model_with(production, &assembly, &build);
    let parts = model(&meshes, "");
    for (word, name) in [
        ("modifier_part", "a modifier"),
        ("support_blocker", "a support blocker"),
        ("support_enforcer", "a support enforcer"),
    ] {
        let settings = bambu(3, &[(1, "normal_part"), (2, word), (4, word)]);
        let files = [(MODEL, &*root), (PARTS, &parts), (BAMBU, &settings)];
        let notes = [2, 4].map(|id| format!("{PARTS} object {id} \"n{id}\": {name}, left out"));
        assert_eq!(outcome(&files), Ok((16.0, notes.to_vec())), "two instances, each without both");
    }
    // Without settings the types count; an unknown word leaves it to them, too.
    let left_out = format!("{PARTS} object 2: of type other, left out");
    assert_eq!(outcome(&[(MODEL, &root), (PARTS, &parts)]), Ok((18.0, vec![left_out])));
    let settings = bambu(3, &[(1, "new_part"), (2, "new_part"), (4, "normal_part")]);
    let (volume, notes) = outcome(&[(MODEL, &root), (PARTS, &parts), (BAMBU, &settings)]).unwrap();
    let unknown =
        format!("{BAMBU} object 3: \"new_part\" is unknown as the type of a part, so its object's counts");
    let left_out = format!("{PARTS} object 2 \"n2\": of type other, left out");
    assert_eq!((volume, notes), (18.0, vec![unknown.clone(), unknown, left_out]));
    // Settings of another object say nothing about this one.
    let settings = bambu(4, &[(1, "modifier_part")]);
    assert_eq!(outcome(&[(MODEL, &root), (PARTS, &parts), (BAMBU, &settings)]).unwrap().0, 18.0);
}

#[test]
fn settings_reach_components_of_components() {
    let resources = object(1, "", [0.0; 3], 2.0)
        + &object(2, "type=\"other\"", [0.0; 3], 5.0)
        + &components(3, &[(2, &moved(1.0))])
        + &components(4, &[(1, ""), (3, &moved(1.0))]);
    let root = model(&resources, "<item objectid=\"4\"/>");
    // By the mesh, as Bambu Studio writes it, or by the component that it is in.
    for id in [2, 3] {
        let settings = bambu(4, &[(1, "normal_part"), (id, "modifier_part")]);
        let note = format!("{MODEL} object 2 \"n{id}\": a modifier, left out");
        assert_eq!(outcome(&[(MODEL, &root), (BAMBU, &settings)]), Ok((8.0, vec![note])));
    }
    // Two instances of one mesh are told apart by their order.
    let resources =
        object(1, "", [0.0; 3], 2.0) + &components(4, &[(1, ""), (1, &moved(1.0)), (1, &moved(7.0))]);
    let settings = bambu(4, &[(1, "normal_part"), (1, "modifier_part"), (1, "normal_part")]);
    let root = model(&resources, "<item objectid=\"4\"/>");
    let read = read(&[(MODEL, &root), (BAMBU, &settings)]).unwrap();
    assert_eq!((read.mesh.signed_volume(), read.mesh.bounds().max), (16.0, [9.0, 2.0, 2.0]));
}

#[test]
fn prusa_settings_say_it_by_ranges_of_triangles() {
    let three = join(&[cube([0.0; 3], 2.0), cube([-9.0; 3], 20.0), cube([5.0, 0.0, 0.0], 1.0)]);
    let resources = format!("<object id=\"1\">{}</object>", mesh_with(&three, "", ""));
    let root = model(&resources, "<item objectid=\"1\"/>");
    for (word, name) in [
        ("ParameterModifier", "a modifier"),
        ("SupportBlocker", "a support blocker"),
        ("SupportEnforcer", "a support enforcer"),
    ] {
        let settings = prusa(1, &[(0, 11, "ModelPart"), (12, 23, word), (24, 35, "ModelPart")]);
        let read = read(&[(MODEL, &root), (PRUSA, &settings)]).unwrap();
        assert_eq!((read.mesh.signed_volume(), read.mesh.positions.len()), (9.0, 16));
        assert_eq!(read.notes, [format!("{MODEL} object 1: {name}, left out")]);
    }
    let before = "<config><object id=\"1\"><volume firstid=\"12\" lastid=\"23\"><metadata type=\"volume\" key=\"modifier\" value=\"1\"/>\
        <metadata type=\"volume\" key=\"name\" value=\"box\"/></volume></object></config>";
    let notes = [
        "object 1 \"box\": a modifier, left out",
        "object 1: triangles 0 to 11 are in no volume, taken as a part",
        "object 1: triangles 24 to 35 are in no volume, taken as a part",
    ];
    let notes = notes.map(|n| format!("{MODEL} {n}")).to_vec();
    assert_eq!(outcome(&[(MODEL, &root), (PRUSA, before)]), Ok((9.0, notes)));
    let refused =
        |volumes: &[(u32, u32, &str)]| outcome(&[(MODEL, &root), (PRUSA, &prusa(1, volumes))]).unwrap_err();
    let beyond = format!("3MF {MODEL}: {MODEL} object 1: a volume of triangles 12 to 36, the object has 36");
    assert_eq!(refused(&[(12, 36, "ModelPart")]), beyond);
    let twice = format!("3MF {MODEL}: {MODEL} object 1: triangles 11 to 35 are in two volumes");
    assert_eq!(refused(&[(0, 11, "ModelPart"), (11, 35, "NegativeVolume")]), twice);
}

#[test]
fn slic3r_and_cura_say_it_in_the_model() {
    let two = join(&[cube([0.0; 3], 2.0), cube([-9.0; 3], 20.0)]);
    let ranges = "<s:volumes><s:volume ts=\"0\" te=\"11\" modifier=\"0\"/><s:volume ts=\"12\" te=\"23\" modifier=\"1\">\
        <s:metadata type=\"x\"/></s:volume></s:volumes>";
    let resources = format!("<object id=\"1\">{}</object>", mesh_with(&two, "", ranges));
    let root =
        model_with("xmlns:s=\"http://schemas.slic3r.org/3mf/2017/06\"", &resources, "<item objectid=\"1\"/>");
    let note = format!("{MODEL} object 1: a modifier, left out");
    assert_eq!(outcome(&[(MODEL, &root)]), Ok((8.0, vec![note])));
    for (key, name) in [
        ("infill_mesh", "a modifier"),
        ("cutting_mesh", "a modifier"),
        ("support_mesh", "a support"),
        ("anti_overhang_mesh", "a support blocker"),
    ] {
        let cube = mesh_with(&cube([0.0; 3], 6.0), "", "");
        let set = |value| {
            let metadata = format!("<metadata name=\"cura:{key}\" type=\"xs:string\">{value}</metadata>");
            let resources = object(1, "", [0.0; 3], 2.0)
                + &format!("<object id=\"2\"><metadatagroup>{metadata}</metadatagroup>{cube}</object>");
            outcome(&[(MODEL, &model(&resources, "<item objectid=\"1\"/><item objectid=\"2\"/>"))])
        };
        assert_eq!(set("False"), Ok((224.0, vec![])));
        assert_eq!(set("True"), Ok((8.0, vec![format!("{MODEL} object 2: {name}, left out")])));
    }
}

#[test]
fn an_extension_counts_where_it_is_used() {
    let unused = object(1, "", [0.0; 3], 2.0);
    let with = |behind: &str, on_triangles: &str| {
        format!("<object id=\"1\">{}</object>", mesh_with(&cube([0.0; 3], 2.0), on_triangles, behind))
    };
    let read = |required: bool, resources: &str| {
        let required = if required { " requiredextensions=\"b\"" } else { "" };
        let attributes = format!("xmlns:b=\"{BEAMS}\"{required}");
        outcome(&[(MODEL, &model_with(&attributes, resources, "<item objectid=\"1\"/>"))])
    };
    assert_eq!(read(true, &unused), Ok((8.0, vec![])));
    let element = with("<b:beamlattice><b:beams/></b:beamlattice>", "");
    let default = with(&format!("<beamlattice xmlns=\"{BEAMS}\"><vertex/></beamlattice>"), "");
    let other_prefix = with(&format!("<c:beamlattice xmlns:c=\"{BEAMS}\"/>"), "");
    let attribute = object(1, "b:radius=\"1\"", [0.0; 3], 2.0);
    let on_triangles = with("", "b:radius=\"1\"");
    for (resources, name) in [
        (&element, "b:beamlattice"),
        (&default, "beamlattice"),
        (&other_prefix, "c:beamlattice"),
        (&attribute, "b:radius"),
        (&on_triangles, "b:radius"),
    ] {
        let refused = format!(
            "3MF {MODEL} line 3: the file requires the extension b ({BEAMS}), which is not read here, for \"{name}\""
        );
        assert_eq!(read(true, resources), Err(refused));
    }
    let note = format!("{MODEL}: elements of the extension {BEAMS} are not read here and were passed over");
    for resources in [&element, &default, &other_prefix] {
        assert_eq!(read(false, resources), Ok((8.0, vec![note.clone()])));
    }
    for resources in [&attribute, &on_triangles] {
        assert_eq!(read(false, resources), Ok((8.0, vec![])));
    }
    // Meshes that stand in for what an extension holds.
    let stand_in = object(1, "s:meshresolution=\"lowres\" name=\"n\"", [0.0; 3], 2.0);
    assert_eq!(
        read(false, &stand_in).unwrap_err(),
        format!(
            "3MF {MODEL}: {MODEL} object 1 \"n\": meshresolution=\"lowres\" says that its mesh stands in for a shape that is not read here"
        )
    );
}

#[test]
fn parts_may_be_utf_16() {
    let text = model_with(
        "unit=\"centimeter\"",
        &object(1, "name=\"Kühler\" type=\"model\"", [0.0; 3], 2.0),
        "<item objectid=\"1\"/>",
    );
    let text = text.replace("UTF-8", "UTF-16");
    let encoded = |big: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|u: u16| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let mut with_mark = b"\xef\xbb\xbf".to_vec();
    with_mark.extend(text.bytes());
    let mut variants = vec![text.clone().into_bytes(), with_mark];
    for big in [false, true] {
        variants.extend([encoded(big, false), encoded(big, true)]);
    }
    for bytes in variants {
        let bytes = package(&[(MODEL, &bytes), ("Metadata/thumbnail.png", b"\x89PNG")]);
        let read = read_mesh(&bytes, MeshFormat::THREE_MF, &MeshLimits::default(), &Monitor::none()).unwrap();
        assert_eq!((read.mesh.signed_volume(), read.notes.len()), (8000.0, 0));
    }
}

#[test]
fn part_names_may_be_spelled_in_many_ways() {
    let root = |path: &str| {
        let resources = format!(
            "<object id=\"2\"><components><component objectid=\"1\" p:path=\"{path}\"/></components></object>"
        );
        let production = "xmlns:p=\"http://schemas.microsoft.com/3dmanufacturing/production/2015/06\"";
        model_with(production, &resources, "<item objectid=\"2\"/>")
    };
    let parts = model(&object(1, "", [0.0; 3], 2.0), "");
    for (target, in_zip, path, part_in_zip) in [
        ("/3D/3d%20model.model", "3D/3d model.model", "/3D/a%C3%BC.model", "3D/aü.model"),
        ("/3D/3d%20model.model", "3D/3d%20model.model", "/3D/aü.model", "3D/a%C3%BC.model"),
        ("3D/./x/../3D.MODEL", "3d/3d.model", "/3d/A.model", "3D/a.model"),
        ("/3D/3dmodel.model", "3D\\3dmodel.model", "/3D/a.model", "3D\\a.model"),
        ("/gone.model", "3D/3dmodel.model", "3D/a.model", "3D/a.model"),
    ] {
        let rels = format!(
            "<Relationships><Relationship Id=\"t\" Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail\" \
             Target=\"/Metadata/thumbnail.png\"/><Relationship Id=\"r\" Target=\"{target}\" \
             Type=\"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel\"/></Relationships>"
        );
        let files = [("_rels/.rels", &*rels), (in_zip, &root(path)), (part_in_zip, &parts)];
        assert_eq!(outcome(&files), Ok((8.0, vec![])), "{target}");
    }
}

/// `text` with a few pieces cut out, doubled, or overwritten by what parsers trip over.
fn tampered(text: &str, rng: &mut common::Rng) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "",
        "0",
        "-1",
        "4294967295",
        "1e39",
        "nan",
        "\"",
        "<",
        "/>",
        "</mesh>",
        "xmlns=\"x\" ",
        "negative_part",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + rng.below(3) {
        let from = rng.below(bytes.len() + 1);
        let to = (from + rng.below(12)).min(bytes.len());
        let piece = match rng.below(3) {
            0 => bytes[from..to].repeat(2),
            _ => WORDS[rng.below(WORDS.len())].as_bytes().to_vec(),
        };
        bytes.splice(from..to, piece);
    }
    bytes
}

#[test]
fn tampered_parts_are_read_or_refused() {
    let resources = object(1, "", [0.0; 3], 2.0) + &object(2, "type=\"other\"", [1.0; 3], 3.0);
    let root =
        model(&(resources + &components(3, &[(1, ""), (2, "")])), "<item objectid=\"3\" printable=\"1\"/>");
    let bambu = bambu(3, &[(1, "normal_part"), (2, "negative_part")]);
    let prusa = prusa(1, &[(0, 5, "ModelPart"), (6, 11, "ParameterModifier")]);
    let limits = MeshLimits { max_triangles: 1000, max_unpacked_bytes: 1 << 20, ..MeshLimits::default() };
    let mut rng = common::Rng(9);
    let mut read = 0;
    for case in 0..1500 {
        let mut parts = [(MODEL, root.clone().into_bytes()), (BAMBU, bambu.clone().into_bytes())];
        if case % 2 == 0 {
            parts[1] = (PRUSA, prusa.clone().into_bytes());
        }
        let k = rng.below(2);
        parts[k].1 = tampered(std::str::from_utf8(&parts[k].1).unwrap(), &mut rng);
        let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, bytes)| (*name, &**bytes)).collect();
        if let Ok(found) = read_mesh(&package(&parts), MeshFormat::THREE_MF, &limits, &Monitor::none()) {
            let vertices = found.mesh.positions.len();
            assert!(found.mesh.triangles.iter().flatten().all(|&i| (i as usize) < vertices), "case {case}");
            assert!(found.mesh.positions.iter().flatten().all(|c| c.is_finite()), "case {case}");
            read += 1;
        }
    }
    assert!(read > 100, "only {read} of 1500 were read");
}
