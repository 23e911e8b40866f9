//! What is written and not read by the kernel, read again here by the letter of each format.

mod common;

use common::{cube, sphere};
use fieldstone_kernel::format::cli::{CliWriter, Encoding, Header};
use fieldstone_kernel::format::stack::{self, Stack};
use fieldstone_kernel::format::vti::{Component, VtiWriter};
use fieldstone_kernel::format::{FormatError, MeshFormat, MeshLimits, read_mesh, svg, write_mesh};
use fieldstone_kernel::slice::{Layers, Plane, Polygon, Raster, contours, coverage};
use fieldstone_kernel::{Monitor, Patch, TriMesh};
use std::io::{Cursor, Read};

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn float(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(word(bytes, at))
}

fn written(mesh: &TriMesh, format: &MeshFormat) -> Vec<u8> {
    let mut out = Vec::new();
    write_mesh(mesh, format, &mut out).unwrap();
    out
}

/// A ball in a patch of 5 × 4 × 3 mm, cut at mid height.
fn ball() -> (Patch, Vec<f32>) {
    let patch = Patch::new([5.0, 4.0, 3.0], [-2.0, 10.0, 1.0], [51, 41, 31]).unwrap();
    let samples = (0..patch.sample_count() as u32).map(|i| [i % 51, i / 51 % 41, i / 51 / 41]);
    let value = |[x, y, z]: [f64; 3]| ((x - 0.5).powi(2) + (y - 12.0).powi(2) + (z - 2.5).powi(2)).sqrt();
    let values = samples.map(|i| ((value(patch.position(i)) - 1.3).abs() - 0.3) as f32).collect();
    (patch, values)
}

fn slice(patch: &Patch, samples: &[f32]) -> Vec<Polygon> {
    let plane = &samples[15 * 51 * 41..16 * 51 * 41];
    contours(&Plane::new(patch, plane), 0.0, 0.0, &Monitor::none()).unwrap()
}

#[test]
fn glb_has_aligned_chunks_and_the_numbers_of_the_mesh() {
    for mesh in [cube([-1.5, 2.0, 1e-20], 3.25), sphere([1.0, 2.0, 3.0], 1e7, 20)] {
        let bytes = written(&mesh, MeshFormat::GLB);
        assert_eq!((&bytes[..4], word(&bytes, 4), word(&bytes, 8)), (&b"glTF"[..], 2, bytes.len() as u32));
        let length = word(&bytes, 12) as usize;
        assert_eq!((&bytes[16..20], length % 4), (&b"JSON"[..], 0));
        let json: serde_json::Value = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
        let binary = &bytes[20 + length..];
        assert_eq!((&binary[4..8], word(binary, 0) as usize), (&b"BIN\0"[..], binary.len() - 8));
        assert_eq!(json["asset"]["version"], "2.0");
        assert_eq!(json["buffers"][0]["byteLength"], binary.len() - 8);
        let primitive = &json["meshes"][0]["primitives"][0];
        let accessor = |i: &serde_json::Value| &json["accessors"][i.as_u64().unwrap() as usize];
        let bytes_of = |accessor: &serde_json::Value| {
            let view = &json["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
            let [from, length] = ["byteOffset", "byteLength"].map(|k| view[k].as_u64().unwrap() as usize);
            assert_eq!(from % 4, 0);
            &binary[8 + from..8 + from + length]
        };
        let (positions, indices) =
            (accessor(&primitive["attributes"]["POSITION"]), accessor(&primitive["indices"]));
        assert_eq!(
            (positions["componentType"].clone(), positions["type"].clone()),
            (5126.into(), "VEC3".into())
        );
        assert_eq!(
            (indices["componentType"].clone(), indices["type"].clone()),
            (5125.into(), "SCALAR".into())
        );
        assert_eq!(bytes_of(positions), bytemuck::cast_slice::<_, u8>(&mesh.positions));
        assert_eq!(bytes_of(indices), bytemuck::cast_slice::<_, u8>(&mesh.triangles));
        assert_eq!(positions["count"], mesh.positions.len());
        assert_eq!(indices["count"], 3 * mesh.triangles.len());
        let bounds = mesh.bounds();
        for (key, expected) in [("min", bounds.min), ("max", bounds.max)] {
            let given: Vec<f32> = serde_json::from_value(positions[key].clone()).unwrap();
            assert_eq!(given, expected, "{key}");
        }
        let node = &json["nodes"][json["scenes"][0]["nodes"][0].as_u64().unwrap() as usize];
        assert_eq!(node["scale"], serde_json::json!([0.001, 0.001, 0.001]));
        let q: Vec<f64> = serde_json::from_value(node["rotation"].clone()).unwrap();
        assert!((q.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-6);
        // z up becomes y up.
        let up = [2.0 * (q[0] * q[2] + q[1] * q[3]), 2.0 * (q[1] * q[2] - q[0] * q[3])];
        assert!(up[0].abs() < 1e-6 && (up[1] - 1.0).abs() < 1e-6, "{up:?}");
    }
    let empty = written(&TriMesh::default(), MeshFormat::GLB);
    assert_eq!(empty.len(), word(&empty, 8) as usize);
    assert!(serde_json::from_slice::<serde_json::Value>(&empty[20..]).is_ok());
}

#[test]
fn glb_is_not_read_and_says_so() {
    let error = MeshFormat::of_filename("Part.GLB").unwrap_err().to_string();
    assert_eq!(error, "GLB is written but not read here, expected one of stl, obj, ply, 3mf");
    let result = read_mesh(b"glTF", MeshFormat::GLB, &MeshLimits::default(), &Monitor::none());
    assert!(matches!(result, Err(FormatError::WriteOnly { format: "GLB", .. })));
    assert_eq!(MeshFormat::of_extension("GLB"), Some(MeshFormat::GLB));
    assert_eq!(MeshFormat::of_extension("step"), None);
}

#[test]
fn batches_do_not_show_in_the_bytes() {
    // More than one group of batches of vertices and of triangles.
    let mesh = sphere([0.1, 0.2, 0.3], 20.0, 190);
    let mut stl = b"binary STL".to_vec();
    stl.resize(80, 0);
    stl.extend((mesh.triangles.len() as u32).to_le_bytes());
    let bytes = written(&mesh, MeshFormat::STL);
    assert_eq!(&bytes[..84], &stl[..]);
    assert_eq!(bytes.len(), 84 + 50 * mesh.triangles.len());
    for (t, record) in bytes[84..].chunks(50).enumerate() {
        let corners = mesh.corners(t);
        assert_eq!(&record[12..48], bytemuck::cast_slice::<_, u8>(&corners));
        let n = [0, 4, 8].map(|at| float(record, at));
        assert!((n.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(&record[48..], [0, 0]);
    }
    let mut obj = String::new();
    mesh.positions.iter().for_each(|[x, y, z]| obj += &format!("v {x:?} {y:?} {z:?}\n"));
    mesh.triangles.iter().for_each(|[a, b, c]| obj += &format!("f {} {} {}\n", a + 1, b + 1, c + 1));
    assert!(written(&mesh, MeshFormat::OBJ) == obj.into_bytes());
    for format in [MeshFormat::PLY, MeshFormat::THREE_MF] {
        let back =
            read_mesh(&written(&mesh, format), format, &MeshLimits::default(), &Monitor::none()).unwrap();
        assert!(back.mesh == mesh, "{format:?}");
    }
}

#[test]
fn svg_is_to_scale_and_y_down() {
    let (patch, samples) = ball();
    let polygons = slice(&patch, &samples);
    assert_eq!(polygons.len(), 2);
    let text = String::from_utf8(svg::layer(&polygons, [-2.0, 10.0], [5.0, 4.0])).unwrap();
    assert!(text.starts_with(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"5mm\" height=\"4mm\" viewBox=\"0 0 5 4\">"
    ));
    assert!(text.contains("fill-rule=\"evenodd\"") && text.ends_with("</svg>\n"));
    let path = text.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let paths: Vec<&str> = path.split_terminator("Z\n").collect();
    assert_eq!(paths.len(), 2);
    for (polygon, path) in polygons.iter().zip(paths) {
        let points: Vec<[f64; 2]> = path
            .split(['M', 'L'])
            .skip(1)
            .map(|p| p.split_once(' ').unwrap())
            .map(|(x, y)| [x.parse::<f64>().unwrap() - 2.0, 14.0 - y.parse::<f64>().unwrap()])
            .collect();
        assert_eq!(points.len(), polygon.points().len());
        for (a, b) in points.iter().zip(polygon.points()) {
            assert!((a[0] - b[0]).abs() < 6e-6 && (a[1] - b[1]).abs() < 6e-6);
        }
    }
}

/// What a CLI file holds: layers with polylines of (direction, points).
type Build = Vec<(f64, Vec<(u32, Vec<[f64; 2]>)>)>;

fn read_ascii(bytes: &[u8]) -> Build {
    let text = std::str::from_utf8(bytes).unwrap();
    let (header, geometry) = text.split_once("$$HEADEREND\r\n$$GEOMETRYSTART\r\n").unwrap();
    assert!(header.starts_with("$$HEADERSTART\r\n$$ASCII\r\n$$UNITS/1\r\n$$VERSION/200\r\n"));
    let mut build = Build::new();
    for line in geometry.strip_suffix("$$GEOMETRYEND\r\n").unwrap().lines() {
        if let Some(z) = line.strip_prefix("$$LAYER/") {
            build.push((z.parse().unwrap(), Vec::new()));
        } else {
            let values: Vec<f64> =
                line.strip_prefix("$$POLYLINE/").unwrap().split(',').map(|v| v.parse().unwrap()).collect();
            assert_eq!((values[0], values[2] as usize * 2), (1.0, values.len() - 3));
            let points = values[3..].chunks(2).map(|p| [p[0], p[1]]).collect();
            build.last_mut().unwrap().1.push((values[1] as u32, points));
        }
    }
    build
}

fn read_binary(bytes: &[u8]) -> Build {
    let end = bytes.windows(11).position(|w| w == b"$$HEADEREND").unwrap() + 11;
    assert!(bytes.starts_with(b"$$HEADERSTART\r\n$$BINARY\r\n$$UNITS/1\r\n"));
    let (mut at, mut build) = (end, Build::new());
    while at < bytes.len() {
        let command = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        at += 2;
        if command == 127 {
            build.push((f64::from(float(bytes, at)), Vec::new()));
            at += 4;
            continue;
        }
        assert_eq!((command, word(bytes, at)), (130, 1));
        let (direction, n) = (word(bytes, at + 4), word(bytes, at + 8) as usize);
        at += 12;
        let point = |i: usize| [0, 4].map(|k| f64::from(float(bytes, at + 8 * i + k)));
        build.last_mut().unwrap().1.push((direction, (0..n).map(point).collect()));
        at += 8 * n;
    }
    build
}

#[test]
fn cli_says_the_same_as_text_and_binary() {
    let (patch, samples) = ball();
    let layers = Layers::new(&patch, 0.7, 100).unwrap();
    let polygons = slice(&patch, &samples);
    let header = Header { min: [-2.0, 10.0, 1.0], max: [3.0, 14.0, layers.top(4)], layers: layers.count() };
    let write = |encoding| {
        let mut writer = CliWriter::new(Vec::new(), encoding, &header).unwrap();
        (0..layers.count()).for_each(|k| writer.layer(layers.top(k), &polygons[..k as usize % 3]).unwrap());
        writer.finish().unwrap()
    };
    for (encoding, tolerance) in [(Encoding::Ascii, 6e-6), (Encoding::Binary, 1e-6)] {
        let bytes = write(encoding);
        assert_eq!(bytes, write(encoding), "the same bytes again");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The grid ends at 4 mm, and the last layer with it.
        assert!(text.contains("$$DIMENSION/-2,10,1,3,14,4\r\n$$LAYERS/6\r\n$$HEADEREND"), "{text:.300}");
        let build = if encoding == Encoding::Ascii { read_ascii(&bytes) } else { read_binary(&bytes) };
        assert_eq!(build.len(), 6);
        assert_eq!((build[0].0, build[0].1.len()), (1.0, 0));
        for (k, (z, lines)) in build[1..].iter().enumerate() {
            assert!((z - (1.0 + 0.7 * (k as f64 + 1.0)).min(4.0)).abs() < 1e-6);
            assert_eq!(lines.len(), k % 3);
            for ((direction, points), polygon) in lines.iter().zip(&polygons) {
                assert_eq!(*direction, u32::from(!polygon.is_hole()));
                assert_eq!(points.first(), points.last());
                assert_eq!(points.len(), polygon.points().len() + 1);
                for (a, b) in points.iter().zip(polygon.points()) {
                    assert!((a[0] - b[0]).abs() < tolerance && (a[1] - b[1]).abs() < tolerance);
                }
            }
        }
    }
    let mut writer = CliWriter::new(Vec::new(), Encoding::Ascii, &header).unwrap();
    assert!(writer.layer(0.5, &[]).unwrap_err().to_string().contains("not above"));
    assert!(writer.finish().is_err());
}

#[test]
fn vti_holds_the_samples_behind_one_length() {
    let (patch, samples) = ball();
    let mut writer = VtiWriter::new(Vec::new(), &patch, Component::Float32, "dis<tance").unwrap();
    samples.chunks(777).for_each(|some| writer.floats(some).unwrap());
    let bytes = writer.finish().unwrap();
    let start = bytes.windows(2).position(|w| w == b"\n_").unwrap() + 2;
    let head = std::str::from_utf8(&bytes[..start]).unwrap();
    for part in [
        "WholeExtent=\"0 50 0 40 0 30\"",
        "Origin=\"-2 10 1\"",
        "Spacing=\"0.1 0.1 0.1\"",
        "Name=\"distance\"",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    let length = u64::from_le_bytes(bytes[start..start + 8].try_into().unwrap()) as usize;
    assert_eq!(&bytes[start + 8..start + 8 + length], bytemuck::cast_slice::<_, u8>(&samples));
    assert_eq!(&bytes[start + 8 + length..], b"\n</AppendedData>\n</VTKFile>\n");

    let mut writer = VtiWriter::new(Vec::new(), &patch, Component::Int8, "m").unwrap();
    assert!(writer.floats(&[1.0]).is_err());
    assert!(writer.bytes(&vec![0; samples.len() + 1]).is_err());
    writer.bytes(&[3; 100]).unwrap();
    assert!(writer.finish().err().unwrap().to_string().contains("missing"));
}

#[test]
fn a_stack_is_a_zip_of_layers_with_the_same_bytes_every_time() {
    let (patch, samples) = ball();
    let raster = Raster::new(&patch, [0.05, 0.05], 1 << 20).unwrap();
    let plane = Plane::new(&patch, &samples[15 * 51 * 41..16 * 51 * 41]);
    let mut pixels = vec![0; raster.pixels()];
    coverage(&plane, 0.0, &raster, &mut pixels, &Monitor::none()).unwrap();
    let build = || {
        let mut stack = Stack::new(Cursor::new(Vec::new()));
        stack.add("layer_00000.png", &stack::png(&raster, &pixels).unwrap()).unwrap();
        let polygons = slice(&patch, &samples);
        stack.add("layer_00000.svg", &svg::layer(&polygons, [-2.0, 10.0], [5.0, 4.0])).unwrap();
        stack.finish().unwrap().into_inner()
    };
    let bytes = build();
    assert_eq!(bytes, build());
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(zip.len(), 2);
    let mut file = Vec::new();
    zip.by_name("layer_00000.png").unwrap().read_to_end(&mut file).unwrap();
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
    assert_eq!(reader.info().pixel_dims.unwrap().xppu, 20_000);
    let mut back = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut back).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (100, 80, png::ColorType::Grayscale));
    assert!(back == pixels);
    assert!(stack::png(&raster, &pixels[1..]).is_err());
}
