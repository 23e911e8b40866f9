//! Readers and writers: every variant of a format reads to the same mesh, what is written reads back, and bytes
//! that were tampered with are read or refused but never crash.

mod common;

use common::{Rng, cube, sphere};
use fieldstone_kernel::format::{FormatError, MeshFormat, MeshLimits, READ, ReadMesh, read_mesh, write_mesh};
use fieldstone_kernel::{Monitor, TriMesh};
use proptest::prelude::*;
use std::io::Write;

fn read(bytes: &[u8], format: &MeshFormat) -> Result<TriMesh, FormatError> {
    Ok(read_mesh(bytes, format, &MeshLimits::default(), &Monitor::none())?.mesh)
}

fn written(mesh: &TriMesh, format: &MeshFormat) -> Vec<u8> {
    let mut out = Vec::new();
    write_mesh(mesh, format, &mut out).unwrap();
    out
}

/// Corners of every triangle: what stays when a format has no shared vertices.
fn corners(mesh: &TriMesh) -> Vec<[[f32; 3]; 3]> {
    (0..mesh.triangles.len()).map(|t| mesh.corners(t)).collect()
}

const SQUARE: [[[f32; 3]; 3]; 2] = [
    [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]],
    [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]],
];

fn ascii_stl(newline: &str) -> String {
    let mut text = format!("solid a facet of life{newline}");
    for t in SQUARE {
        text += &format!("  FACET normal nan 0 1{newline}    outer loop{newline}");
        t.iter().for_each(|p| text += &format!("      vertex {:e} {} +{}{newline}", p[0], p[1], p[2]));
        text += &format!("    endloop{newline}  endfacet{newline}");
    }
    text + "endsolid"
}

#[test]
fn stl_text_or_binary_is_told_by_more_than_its_first_word() {
    for newline in ["\n", "\r\n", " "] {
        let text = ascii_stl(newline).replacen("life ", "life\n", 1);
        assert_eq!(corners(&read(text.as_bytes(), MeshFormat::STL).unwrap()), SQUARE, "{newline:?}");
    }
    let two = format!("{}\n{}", ascii_stl("\n"), ascii_stl("\n"));
    assert_eq!(read(two.as_bytes(), MeshFormat::STL).unwrap().triangles.len(), 4);
    let mut binary = written(&cube([0.0; 3], 1.0), MeshFormat::STL);
    binary[..8].copy_from_slice(b"solid x\n");
    assert_eq!(corners(&read(&binary, MeshFormat::STL).unwrap()), corners(&cube([0.0; 3], 1.0)));
}

#[test]
fn binary_stl_goes_by_its_size_and_says_when_its_count_does_not() {
    let whole = cube([0.0; 3], 1.0);
    let outcome = |count: u32, behind: usize| {
        let mut bytes = written(&whole, MeshFormat::STL);
        bytes[80..84].copy_from_slice(&count.to_le_bytes());
        bytes.resize(84 + behind, 0);
        let read = read_mesh(&bytes, MeshFormat::STL, &MeshLimits::default(), &Monitor::none());
        read.map(|r| (r.mesh.triangles.len(), r.notes.join("|"))).map_err(|e| e.to_string())
    };
    let went_by_size = |count| {
        let note = format!(
            "byte 80: the header promises {count} triangles, the file holds 12; all of these were read"
        );
        Ok((12, note))
    };
    assert_eq!(outcome(12, 600), Ok((12, String::new())));
    for count in [0, 1, 11, 13, 6000, u32::MAX] {
        assert_eq!(outcome(count, 600), went_by_size(count));
    }
    // Padding, or a colour table: longer than a triangle, but no whole number of them.
    for (count, behind, at) in [(12, 610, 684), (11, 665, 634)] {
        let beyond = behind + 84 - at;
        let note =
            format!("byte {at}: the {beyond} bytes behind the {count} promised triangles were ignored");
        assert_eq!(outcome(count, behind), Ok((count as usize, note)));
    }
    for (count, behind) in [(12, 599), (13, 610), (u32::MAX, 601), (0, 610)] {
        let whole = behind / 50;
        assert_eq!(
            outcome(count, behind),
            Err(format!(
                "STL byte 80: the header promises {count} triangles, the {behind} bytes behind it hold {whole}"
            ))
        );
    }
}

#[test]
fn obj_variants_read_alike() {
    let vertices = "v 0 0 0 0.5 0.5 0.5\nv 1 0 0\r\nv 1. 1e0 0 1.0\n  v\t0 1 -0.0\n";
    let faces = [
        "f 1 2 3\nf 1 3 4\n",
        "f 1 2 3 4",
        "f -4 -3 -2 -1 # all\n",
        "g top\nusemtl red\ns off\nf 1/1/1 2/2/2 3//3 4/\n",
        "f 1 2 \\\n 3 4\n",
        "vn 0 0 1\nvt 0 0\nl 1 2\np 1\nf 1 2\nf 1 2 3 4\n",
    ];
    for f in faces {
        let mesh = read(format!("\u{feff}# c\n{vertices}{f}").as_bytes(), MeshFormat::OBJ).unwrap();
        assert_eq!(corners(&mesh), SQUARE, "{f:?}");
    }
    // Faces may come before their vertices.
    let mesh = read(format!("f 1 2 3 4\n{vertices}").as_bytes(), MeshFormat::OBJ).unwrap();
    assert_eq!(corners(&mesh), SQUARE);
}

#[test]
fn concave_polygons_keep_their_area_and_side() {
    // An L, a star and a comb, each corner order once round either way and in each plane.
    let star = (0..10).map(|i| {
        let (turn, r) = (std::f64::consts::TAU * f64::from(i) / 10.0, if i % 2 == 0 { 2.0 } else { 0.7 });
        [(r * turn.cos()) as f32, (r * turn.sin()) as f32]
    });
    let comb =
        (0..40).map(|i| [(i / 2) as f32, if i % 4 == 1 || i % 4 == 2 { 3.0 } else { 0.1 * (i % 3) as f32 }]);
    let shapes: [Vec<[f32; 2]>; 3] = [
        vec![[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]],
        star.collect(),
        comb.chain([[20.0, -1.0], [0.0, -1.0]]).collect(),
    ];
    for shape in shapes {
        let cross =
            |a: [f32; 2], b: [f32; 2]| f64::from(a[0]) * f64::from(b[1]) - f64::from(a[1]) * f64::from(b[0]);
        let area =
            (0..shape.len()).map(|i| cross(shape[i], shape[(i + 1) % shape.len()])).sum::<f64>().abs() / 2.0;
        for (plane, start) in (0..3).flat_map(|p| (0..shape.len()).map(move |s| (p, s))) {
            let mut text = String::new();
            for i in 0..shape.len() {
                let mut p = [0.5f32; 3];
                (p[plane], p[(plane + 1) % 3]) =
                    (shape[(i + start) % shape.len()][0], shape[(i + start) % shape.len()][1]);
                text += &format!("v {} {} {}\n", p[0], p[1], p[2]);
            }
            let order: Vec<String> = (1..=shape.len()).map(|i| i.to_string()).collect();
            let mesh = read(format!("{text}f {}\n", order.join(" ")).as_bytes(), MeshFormat::OBJ).unwrap();
            assert_eq!(mesh.triangles.len(), shape.len() - 2);
            assert!((mesh.area() - area).abs() < 1e-5 * area, "{} for {area}", mesh.area());
        }
    }
}

fn ply(encoding: &str, big: bool) -> Vec<u8> {
    let header = format!(
        "ply\r\nformat {encoding} 1.0\ncomment h\u{e9}\nobj_info x\nelement material 1\nproperty list uchar short q\n\
         property int8 w\nelement vertex 4\nproperty double z\nproperty uchar red\nproperty short y\nproperty float32 x\n\
         element face 2\nproperty uchar flag\nproperty list ushort uint16 vertex_index\nproperty list char float uv\n\
         element edge 1\nproperty int a\nend_header\n"
    );
    let mut out = header.into_bytes();
    if encoding == "ascii" {
        out.extend(
            b"2 7 8 -1\n0 255 0 0\n0 255 0 1\n\n0 255 1 1.0\n0 255 1 0\n9 3 0 1 2 0\n9 3 0 2 3 1 0.5\n5\n",
        );
        return out;
    }
    macro_rules! put {
        ($($value:expr),*) => {$( out.extend(if big { $value.to_be_bytes().to_vec() } else { $value.to_le_bytes().to_vec() }); )*};
    }
    put!(2u8, 7i16, 8i16, -1i8);
    for [x, y] in [[0.0f32, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] {
        put!(0.0f64, 255u8, y as i16, x);
    }
    put!(9u8, 3u16, 0u16, 1u16, 2u16, 0i8, 9u8, 3u16, 0u16, 2u16, 3u16, 1i8, 0.5f32, 5i32);
    out
}

#[test]
fn ply_variants_read_alike() {
    let variants = [("ascii", false), ("binary_little_endian", false), ("binary_big_endian", true)];
    for (encoding, big) in variants {
        assert_eq!(corners(&read(&ply(encoding, big), MeshFormat::PLY).unwrap()), SQUARE, "{encoding}");
    }
    // A quad among triangles, where the reader expects triangles of one size.
    let mut mesh = cube([0.0; 3], 1.0);
    let mut bytes = written(&mesh, MeshFormat::PLY);
    let at = bytes.windows(12).position(|w| w == b"element face").unwrap();
    bytes[at + 13..at + 15].copy_from_slice(b"13");
    bytes.push(4);
    [0u32, 1, 3, 2].iter().for_each(|i| bytes.extend(i.to_le_bytes()));
    mesh.triangles.extend([[0, 1, 3], [0, 3, 2]]);
    assert_eq!(read(&bytes, MeshFormat::PLY).unwrap(), mesh);
}

fn package(parts: &[(&str, String)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn model(prefix: &str, unit: &str, resources: &str, build: &str) -> String {
    let p = prefix;
    let ns = if p.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{}", p.trim_end_matches(':')) };
    format!(
        "<?xml version=\"1.0\"?><!-- c --><{p}model unit=\"{unit}\" {ns}=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\">\
         <{p}resources>{resources}</{p}resources><{p}build>{build}</{p}build></{p}model>"
    )
}

fn object(prefix: &str, id: u32, mesh: &TriMesh) -> String {
    let p = prefix;
    let vertices: String = mesh
        .positions
        .iter()
        .map(|[x, y, z]| format!("<{p}vertex x=\"{x}\" y=\"{y}\" z=\"{z}\"/>"))
        .collect();
    let triangles: String = mesh
        .triangles
        .iter()
        .map(|[a, b, c]| format!("<{p}triangle v1=\"{a}\" v2=\"{b}\" v3=\"{c}\" pid=\"9\"/>"))
        .collect();
    format!(
        "<{p}object id=\"{id}\"><{p}mesh><{p}vertices>{vertices}</{p}vertices><{p}triangles>{triangles}</{p}triangles></{p}mesh></{p}object>"
    )
}

#[test]
fn threemf_places_objects_in_millimetres() {
    let unit = cube([0.0; 3], 1.0);
    // Twice as large in x, moved by (10, 0, 5), mirrored by the component inside; inches.
    let resources = object("", 1, &unit)
        + "<object id=\"2\"><components><component objectid=\"1\" transform=\"-1 0 0 0 1 0 0 0 1 0 0 0\"/>\
           <component objectid=\"1\"/></components></object><object id=\"3\" type=\"support\"><mesh/></object>";
    let build = "<item objectid=\"2\" transform=\"2 0 0 0 1 0 0 0 1 10 0 5\"/><item objectid=\"3\"/><item objectid=\"1\"/>";
    let bytes = package(&[("3D/3dmodel.model", model("", "inch", &resources, build))]);
    let mesh = read(&bytes, MeshFormat::THREE_MF).unwrap();
    assert_eq!(mesh.triangles.len(), 36);
    let inch3 = 25.4f64.powi(3);
    let volume = mesh.signed_volume();
    assert!((volume - 5.0 * inch3).abs() < 1e-6 * volume, "a mirrored copy stays outside out: {volume}");
    let b = mesh.bounds();
    assert_eq!((b.min, b.max), ([0.0; 3], [12.0 * 25.4, 25.4, 6.0 * 25.4].map(|v: f32| v)));
}

#[test]
fn threemf_finds_its_parts() {
    let unit = cube([0.0; 3], 1.0);
    let rels = "<Relationships><Relationship Id=\"a\" Type=\"x/thumbnail\" Target=\"/t.png\"/><Relationship Id=\"b\" \
        Type=\"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel\" Target=\"/odd/Name.model\"/></Relationships>";
    let root = model(
        "m:",
        "millimeter",
        "",
        "<m:item objectid=\"7\" q:path=\"/3D/Objects/a.model\" xmlns:q=\"x\"/>",
    );
    let part = model("", "millimeter", &object("", 7, &unit), "");
    let mut parts =
        vec![("_rels/.rels", rels.to_owned()), ("odd/name.MODEL", root), ("3D/Objects/a.model", part)];
    assert_eq!(corners(&read(&package(&parts), MeshFormat::THREE_MF).unwrap()), corners(&unit));
    parts.pop();
    let missing = read(&package(&parts), MeshFormat::THREE_MF).unwrap_err().to_string();
    assert_eq!(missing, "3MF package: there is no part \"3D/Objects/a.model\"");
}

#[test]
fn limits_and_cancel_hold_for_every_format() {
    let mesh = sphere([0.0; 3], 1.0, 20);
    let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| {});
    for format in READ {
        let bytes = written(&mesh, format);
        let few = MeshLimits { max_triangles: 100, ..MeshLimits::default() };
        let error = read_mesh(&bytes, format, &few, &Monitor::none()).unwrap_err();
        assert!(matches!(error, FormatError::TooLarge { limit: 100 | 300, .. }), "{error}");
        let error = read_mesh(&bytes, format, &MeshLimits::default(), &cancelled).unwrap_err();
        assert!(matches!(error, FormatError::Cancelled(_)), "{error}");
    }
    let small = MeshLimits { max_unpacked_bytes: 5000, ..MeshLimits::default() };
    let error =
        read_mesh(&written(&mesh, MeshFormat::THREE_MF), MeshFormat::THREE_MF, &small, &Monitor::none());
    assert!(error.unwrap_err().to_string().contains("unpacked bytes in 3D/3dmodel.model"));
}

#[test]
fn large_text_is_read_in_pieces_that_fit_together() {
    // Several megabytes, so that pieces split it; relative indices reach across their borders.
    let mesh = sphere([0.0; 3], 100.0, 200);
    let obj = written(&mesh, MeshFormat::OBJ);
    assert!(obj.len() > 3 << 20);
    assert_eq!(read(&obj, MeshFormat::OBJ).unwrap(), mesh);
    let n = mesh.positions.len() as i64;
    let text = String::from_utf8(obj).unwrap();
    let relative: String = text
        .lines()
        .map(|l| match l.strip_prefix("f ") {
            Some(f) => {
                let f: Vec<_> =
                    f.split(' ').map(|i| (i.parse::<i64>().unwrap() - n - 1).to_string()).collect();
                format!("f {}\n", f.join(" "))
            }
            None => format!("{l}\n"),
        })
        .collect();
    assert_eq!(read(relative.as_bytes(), MeshFormat::OBJ).unwrap(), mesh);
    let bad = relative.replacen("f -", "f x-", 1);
    let line = 1 + bad[..bad.find("f x").unwrap()].matches('\n').count();
    let error = read(bad.as_bytes(), MeshFormat::OBJ).unwrap_err().to_string();
    assert!(error.starts_with(&format!("OBJ line {line}: expected a vertex index, found \"x-")), "{error}");

    let mut stl = String::from("solid s\n");
    for t in corners(&mesh) {
        stl += "facet normal 0 0 0\nouter loop\n";
        t.iter().for_each(|p| stl += &format!("vertex {:?} {:?} {:?}\n", p[0], p[1], p[2]));
        stl += "endloop\nendfacet\n";
    }
    assert_eq!(corners(&read(stl.as_bytes(), MeshFormat::STL).unwrap()), corners(&mesh));
    let mut ascii = format!(
        "ply\nformat ascii 1.0\nelement vertex {n}\nproperty float x\nproperty float y\nproperty float z\n\
         element face {}\nproperty list uchar int vertex_indices\nend_header\n",
        mesh.triangles.len()
    );
    mesh.positions.iter().for_each(|p| ascii += &format!("{:?} {:?} {:?}\n", p[0], p[1], p[2]));
    mesh.triangles.iter().for_each(|t| ascii += &format!("3 {} {} {}\n", t[0], t[1], t[2]));
    assert_eq!(read(ascii.as_bytes(), MeshFormat::PLY).unwrap(), mesh);
}

/// Valid files of every kind, small enough that a mutation hits something.
fn samples() -> Vec<(&'static MeshFormat, Vec<u8>)> {
    let mesh = cube([0.0; 3], 1.0);
    let mut all: Vec<_> = READ.iter().map(|&f| (f, written(&mesh, f))).collect();
    all.push((MeshFormat::STL, ascii_stl("\n").into_bytes()));
    all.push((
        MeshFormat::OBJ,
        b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv .5 .2 0\nf -5 -4 \\\n-3/1/2 4//1 5\n".to_vec(),
    ));
    all.extend(
        ["ascii", "binary_little_endian", "binary_big_endian"]
            .map(|e| (MeshFormat::PLY, ply(e, e.contains("big")))),
    );
    // Stored, not deflated: mutations reach the XML instead of the checksum of a broken stream.
    all.push((
        MeshFormat::THREE_MF,
        package(&[("3D/3dmodel.model", model("", "inch", &object("", 1, &mesh), "<item objectid=\"1\"/>"))]),
    ));
    all
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    const WORDS: [&[u8]; 8] =
        [b"\xff\xff\xff\xff", b"4294967295", b"-1", b"nan", b"1e999", b"\n", b" ", b"list"];
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len());
        match rng.below(6) {
            _ if bytes.is_empty() => return,
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + 1 + rng.below(8)).min(bytes.len()))),
            4 => drop(bytes.splice(at..at, WORDS[rng.below(WORDS.len())].iter().copied())),
            _ => {
                let to = (at + 1 + rng.below(30)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                let _ = bytes.splice(at..at, again);
            }
        }
    }
}

#[test]
fn tampered_files_are_read_or_refused() {
    let limits = MeshLimits { max_triangles: 10_000, max_unpacked_bytes: 1 << 20, ..MeshLimits::default() };
    for (k, (format, sample)) in samples().into_iter().enumerate() {
        let mut rng = Rng(0x5eed + k as u64);
        let mut accepted = 0;
        for _ in 0..3000 {
            let mut bytes = sample.clone();
            mutate(&mut bytes, &mut rng);
            if let Ok(ReadMesh { mesh, .. }) = read_mesh(&bytes, format, &limits, &Monitor::none()) {
                accepted += 1;
                assert!(!mesh.triangles.is_empty() && mesh.triangles.len() <= 10_000);
                assert!(mesh.triangles.iter().flatten().all(|&i| (i as usize) < mesh.positions.len()));
                assert!(mesh.positions.as_flattened().iter().all(|v| v.is_finite()));
            }
        }
        assert!(accepted > 0, "no mutation of sample {k} was harmless: the sample itself is bad");
    }
}

/// Whether its extents are lost in the steps between coordinates so far from the origin.
fn is_far(mesh: &TriMesh) -> bool {
    let points = || mesh.triangles.iter().flatten().map(|&i| mesh.positions[i as usize]);
    let spread = |a: usize| {
        let (low, high) =
            points().fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p[a].into()), h.max(p[a].into())));
        high - low
    };
    let farthest = points().flatten().fold(0.0, |most: f64, c| most.max(f64::from(c.abs())));
    (0..3).all(|a| farthest > 4096.0 * spread(a))
}

fn any_mesh() -> impl Strategy<Value = TriMesh> {
    let coordinate =
        prop_oneof![-1e3f32..1e3, Just(f32::MAX), Just(f32::MIN_POSITIVE / 8.0), Just(-0.0), Just(1e-20)];
    (
        prop::collection::vec(prop::array::uniform3(coordinate), 3..40),
        prop::collection::vec(prop::array::uniform3(0u32..1000), 1..60),
    )
        .prop_map(|(positions, corners)| {
            let n = positions.len() as u32;
            TriMesh { positions, triangles: corners.iter().map(|t| t.map(|i| i % n)).collect() }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(mesh in any_mesh()) {
        for format in READ {
            let bytes = written(&mesh, format);
            let back = match read(&bytes, format) {
                Err(FormatError::TooFar { step, .. }) if is_far(&mesh) => {
                    prop_assert!(step.is_finite());
                    continue;
                }
                back => back.unwrap(),
            };
            // An STL has no shared vertices.
            match format == MeshFormat::STL {
                true => prop_assert_eq!(corners(&back), corners(&mesh)),
                false => prop_assert_eq!(&back, &mesh),
            }
            prop_assert_eq!(bytes, written(&mesh, format));
        }
    }

    #[test]
    fn noise_never_crashes_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in READ {
            let _ = read(&bytes, format);
        }
    }
}
