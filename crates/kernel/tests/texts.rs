//! Mesh files as text editors, old programs and other machines leave them: the same mesh whatever the letters are made of.

use fieldstone_kernel::format::{MeshFormat, MeshLimits, ReadMesh, read_mesh};
use fieldstone_kernel::{Monitor, TriMesh};

const CUBE: [[u32; 3]; 12] = [
    [0, 2, 1],
    [1, 2, 3],
    [4, 5, 6],
    [5, 7, 6],
    [0, 1, 4],
    [1, 5, 4],
    [2, 6, 3],
    [3, 6, 7],
    [0, 4, 2],
    [2, 4, 6],
    [1, 3, 5],
    [3, 7, 5],
];

fn corner(i: u32) -> [f32; 3] {
    [0, 1, 2].map(|axis| if i >> axis & 1 == 1 { 20.0 } else { 0.0 })
}

fn vertices(begin: &str) -> String {
    (0..8).map(corner).map(|[x, y, z]| format!("{begin}{x} {y} {z}\n")).collect()
}

fn faces(begin: &str, first: u32, end: &str) -> String {
    CUBE.iter().map(|t| t.map(|i| i + first)).map(|[a, b, c]| format!("{begin}{a} {b} {c}{end}\n")).collect()
}

fn obj() -> String {
    format!("# a cube\n{}{}", vertices("v "), faces("f ", 1, ""))
}

fn ply_header(encoding: &str, element: &str) -> String {
    format!(
        "ply\nformat {encoding} 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n{element}\nend_header\n"
    )
}

const FACES: &str = "element face 12\nproperty list uchar int vertex_indices";

fn ply() -> String {
    ply_header("ascii", FACES) + &vertices("") + &faces("3 ", 0, "")
}

fn facet(t: [u32; 3]) -> String {
    let corners: String = t.map(corner).iter().map(|[x, y, z]| format!("   vertex {x} {y} {z}\n")).collect();
    format!(" facet normal 0 0 0\n  outer loop\n{corners}  endloop\n endfacet\n")
}

fn stl() -> String {
    format!("solid a\n{}endsolid a\n", CUBE.map(facet).concat())
}

fn read(bytes: &[u8], format: &MeshFormat) -> Result<ReadMesh, String> {
    read_mesh(bytes, format, &MeshLimits::default(), &Monitor::none()).map_err(|e| e.to_string())
}

/// The mesh, of which nothing was noted.
fn mesh(bytes: &[u8], format: &MeshFormat) -> TriMesh {
    let ReadMesh { mesh, notes } =
        read(bytes, format).unwrap_or_else(|e| panic!("{e}\n{}", String::from_utf8_lossy(bytes)));
    assert_eq!(notes, Vec::<String>::new());
    mesh
}

fn notes(bytes: &[u8], format: &MeshFormat) -> String {
    read(bytes, format).unwrap().notes.join("|")
}

fn corners(mesh: &TriMesh) -> Vec<[[f32; 3]; 3]> {
    (0..mesh.triangles.len()).map(|t| mesh.corners(t)).collect()
}

fn cube_corners() -> Vec<[[f32; 3]; 3]> {
    CUBE.map(|t| t.map(corner)).to_vec()
}

fn assert_cube(bytes: &[u8], format: &MeshFormat) {
    assert_eq!(corners(&mesh(bytes, format)), cube_corners(), "{}", String::from_utf8_lossy(bytes));
}

/// A format, and a cube as its text.
type Text = (&'static MeshFormat, fn() -> String);

const TEXTS: [Text; 3] = [(MeshFormat::STL, stl), (MeshFormat::OBJ, obj), (MeshFormat::PLY, ply)];

#[test]
fn line_ends_encodings_and_padding_do_not_matter() {
    for (format, text) in TEXTS {
        let text = text();
        let mixed: String = text
            .split_inclusive('\n')
            .enumerate()
            .map(|(i, l)| l.replace('\n', ["\n", "\r", "\r\n", "\r\r\n"][i % 4]))
            .collect();
        // The first line end says what the header's are; here each kind is first once.
        let turned = |k: usize| -> String {
            text.split_inclusive('\n')
                .enumerate()
                .map(|(i, l)| l.replace('\n', ["\n", "\r", "\r\n"][(i + k) % 3]))
                .collect()
        };
        let lines = [
            text.clone(),
            text.replace('\n', "\r"),
            text.replace('\n', "\r\n"),
            text.trim_end().to_owned(),
            mixed,
            turned(0),
            turned(1),
            turned(2),
        ];
        for lines in lines {
            assert_cube(lines.as_bytes(), format);
            assert_cube(format!("\u{feff}{lines}").as_bytes(), format);
            for padding in ["\0", "\u{1a}", "\u{1a}\0\0\0\0", "\n\u{1a}\n", " \r\n\0\u{1a}\0 "] {
                assert_cube(format!("{lines}{padding}").as_bytes(), format);
            }
            assert_cube(format!("{lines}{}", "\0".repeat(2000)).as_bytes(), format);
            for mark in ["", "\u{feff}"] {
                let units = || format!("{mark}{lines}\0").encode_utf16().collect::<Vec<_>>();
                assert_cube(&units().into_iter().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), format);
                assert_cube(&units().into_iter().flat_map(u16::to_be_bytes).collect::<Vec<_>>(), format);
            }
        }
        let utf_32: Vec<u8> =
            format!("\u{feff}{text}").chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert!(read(&utf_32, format).unwrap_err().contains("UTF-32"));
    }
}

#[test]
fn messages_count_the_lines_of_the_file() {
    let text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 2 9\n";
    for text in
        [text.to_owned(), text.replace('\n', "\r"), text.replace('\n', "\r\n"), format!("\u{feff}{text}")]
    {
        let error = read(text.as_bytes(), MeshFormat::OBJ).unwrap_err();
        assert_eq!(error, "OBJ line 5: vertex index 9 is out of range, the file has 3 vertices");
        let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&utf_16, MeshFormat::OBJ).unwrap_err(), error);
    }
}

#[test]
fn stl_words_count_and_not_lines() {
    let text = stl();
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let loose = [
        one_line.clone(),
        one_line.replacen("solid a", "solid", 1),
        one_line.replacen("solid a", "SOLID a facet of my life", 1).to_uppercase(),
        format!("solid nothing endsolid nothing {one_line}"),
        text.replace("endloop", "end loop").replace("endfacet", "end facet").replace("endsolid", "end solid"),
        text.replace(" endfacet\n", ""),
        text.replace(" endfacet\n", "").replace(" facet normal 0 0 0\n", ""),
        text.replace(" endfacet\n", "").replace(" facet normal 0 0 0\n", "").replace("  endloop\n", ""),
        text.replace(" facet normal 0 0 0\n", ""),
        text.replace("normal 0 0 0", ""),
        text.replace("normal 0 0 0", "normal"),
        text.replace("normal 0 0 0", "normal nan nan -nan(ind)"),
        text.replace("  outer loop\n", ""),
        text.replace(" endfacet\n", " endfacet\n\n\n"),
        text.replace('\n', "\t"),
        text.replace("endsolid a", "endsolid"),
    ];
    for text in loose {
        assert_cube(text.as_bytes(), MeshFormat::STL);
    }
    let two = format!("{text}{}", text.replace("solid a", "solid facet b"));
    assert_eq!(mesh(two.as_bytes(), MeshFormat::STL).triangles.len(), 24);
    // Cut off between two facets nothing is wrong but the missing end.
    let cut = &text[..text.len() - "endsolid a\n".len()];
    assert_eq!(
        notes(cut.as_bytes(), MeshFormat::STL),
        "line 85: the file ends without \"endsolid\", after 12 triangles"
    );
    let cut = &text[..text.rfind("   vertex").unwrap()];
    let error = read(cut.as_bytes(), MeshFormat::STL).unwrap_err();
    assert_eq!(error, "STL line 82: a facet has 2 vertices before \"the end\", expected 3");
    let five =
        text.replacen("  endloop\n", "   vertex 1 1 1\n   vertex 1 1 2\n   vertex 1 1 3\n  endloop\n", 1);
    assert!(read(five.as_bytes(), MeshFormat::STL).unwrap_err().contains("a facet has 6 vertices"));
}

#[test]
fn stl_that_is_other_text_is_refused_whatever_its_size() {
    // 84 bytes and whole facets long, which a binary file with a wrong count would be.
    for letter in ["Sehr geehrte Damen, ähnlich schöne Grüße. ", "Dear Sir, dear Madam. "] {
        let text = letter.repeat(200);
        let bytes = &text.as_bytes()[..84 + 50 * 40];
        assert!(read(bytes, MeshFormat::STL).unwrap_err().contains("this is text"));
    }
}

#[test]
fn obj_comments_and_names_may_end_in_a_backslash() {
    let face_lines = faces("f ", 1, "");
    let spoiled = [
        obj().replace("# a cube", "# C:\\parts\\"),
        obj().replace("# a cube", "g C:\\parts\\"),
        obj().replace("# a cube", "mtllib C:\\parts\\\nusemtl left\\"),
        obj().replace(&face_lines, &faces("f ", 1, "# c \\")),
        obj().replace(&face_lines, &faces("f ", 1, " # c:\\")),
        obj().replace(&face_lines, &faces("f ", 1, "# c")),
        obj().replace(&face_lines, &faces("f ", 1, "#")),
        obj().replace(&face_lines, &faces("f ", 1, "/1/2# c")),
        obj().replace(&face_lines, &faces("f \\\n", 1, "")),
        obj().replace(&face_lines, &faces("f \\ \t\n", 1, " \\\n\\\n")),
        obj().replace(" 20\n", " \\\r\n20# c\\\n").replace("\nv ", "\nv\t\\\n"),
        obj().replace("f ", "g a\\\n  f "),
        obj().replace("\n", " # c\n"),
    ];
    for text in spoiled {
        assert_cube(text.as_bytes(), MeshFormat::OBJ);
        assert_cube(text.replace("\r\n", "\n").replace('\n', "\r").as_bytes(), MeshFormat::OBJ);
    }
    let error = read(obj().replace("v 20 0 0", "v 20 0 1.#INF").as_bytes(), MeshFormat::OBJ).unwrap_err();
    assert_eq!(error, "OBJ line 3: the coordinate \"1.#INF\" is not finite");
    let joined = read(obj().replace("f 1 3 2", "f 1 3 \\\n9 \\\n2").as_bytes(), MeshFormat::OBJ).unwrap_err();
    assert_eq!(joined, "OBJ line 11: vertex index 9 is out of range, the file has 8 vertices");
}

/// A PLY whose triangles are strips with these indices.
fn strip_ply(encoding: &str, item: &str, rows: &[Vec<i64>]) -> Vec<u8> {
    let element = format!("element tristrips {}\nproperty list int {item} vertex_index", rows.len());
    let mut out = ply_header(encoding, &element).into_bytes();
    if encoding == "ascii" {
        out.extend(vertices("").into_bytes());
        for row in rows {
            let items: String = row.iter().map(|i| format!(" {i}")).collect();
            out.extend(format!("{}{items}\n", row.len()).into_bytes());
        }
        return out;
    }
    let big = encoding.contains("big");
    let mut put = |bytes: &[u8]| match big {
        true => out.extend(bytes.iter().rev()),
        false => out.extend(bytes),
    };
    (0..8).flat_map(corner).for_each(|v| put(&v.to_le_bytes()));
    let size = if item == "int" || item == "uint" { 4 } else { 1 };
    for row in rows {
        put(&(row.len() as i32).to_le_bytes());
        row.iter().for_each(|i| put(&i.to_le_bytes()[..size]));
    }
    out
}

#[test]
fn ply_strips_are_triangles() {
    let single: Vec<i64> = CUBE.iter().flat_map(|t| t.map(i64::from).into_iter().chain([-1])).collect();
    for encoding in ["ascii", "binary_little_endian", "binary_big_endian"] {
        for item in ["int", "char"] {
            assert_cube(&strip_ply(encoding, item, std::slice::from_ref(&single)), MeshFormat::PLY);
        }
        let rows: Vec<Vec<i64>> = CUBE.iter().map(|t| t.map(i64::from).to_vec()).collect();
        assert_cube(&strip_ply(encoding, "uchar", &rows), MeshFormat::PLY);
        // Every other triangle is turned; a corner that comes twice makes none, and the next strip begins anew.
        let strip = vec![0, 1, 2, 3, 3, 4, 5, -1, 5, 6, 7];
        let expected = [[0, 1, 2], [2, 1, 3], [3, 4, 5], [5, 6, 7]].map(|t: [u32; 3]| t.map(corner));
        let found =
            corners(&mesh(&strip_ply(encoding, "int", std::slice::from_ref(&strip)), MeshFormat::PLY));
        assert_eq!(found, expected, "{encoding}");
        let error = read(&strip_ply(encoding, "int", &[vec![0, 1, 8]]), MeshFormat::PLY).unwrap_err();
        assert!(error.contains("vertex index 8 is out of range"), "{error}");
    }
    for item in ["uint", "uchar"] {
        assert_cube(&strip_ply("binary_big_endian", item, std::slice::from_ref(&single)), MeshFormat::PLY);
    }
    let both = ply()
        .replace("end_header", "element tristrips 1\nproperty list int int vertex_indices\nend_header")
        + "5 0 1 2 3 -1\n";
    assert_eq!(mesh(both.as_bytes(), MeshFormat::PLY).triangles.len(), 14);
    assert!(
        read(&strip_ply("ascii", "int", &[]), MeshFormat::PLY)
            .unwrap_err()
            .contains("there are no triangles")
    );
}

#[test]
fn ply_headers_of_old_programs_are_read_and_noted() {
    let old = ply().replace("element vertex", "Created by Blender3D 247 - source file:\nelement vertex");
    let note = "line 3: \"Created by Blender3D 247 - source file:\" was taken for a comment";
    assert_eq!(notes(old.as_bytes(), MeshFormat::PLY), note);
    assert_eq!(corners(&read(old.as_bytes(), MeshFormat::PLY).unwrap().mesh), cube_corners());
    let spelled = ply().replace("vertex_indices", "vertex_index").replace("uchar int", "int uint");
    assert_cube(spelled.as_bytes(), MeshFormat::PLY);
}

#[test]
fn ply_counts_that_do_not_match_are_refused_or_noted() {
    let more = ply().replace("face 12", "face 13");
    assert!(read(more.as_bytes(), MeshFormat::PLY).unwrap_err().contains("promises 13 rows"));
    let fewer = ply().replace("face 12", "face 11");
    assert_eq!(
        notes(fewer.as_bytes(), MeshFormat::PLY),
        "end of file: 1 lines behind the 19 promised rows were ignored"
    );
    let none = ply().replace("face 12", "face 0");
    assert!(read(none.as_bytes(), MeshFormat::PLY).unwrap_err().contains("there are no triangles"));

    for big in [false, true] {
        let encoding = if big { "binary_big_endian" } else { "binary_little_endian" };
        let file = |count: usize, line_end: &str, behind: &[u8]| {
            let header =
                ply_header(encoding, &FACES.replace("12", &count.to_string())).replace('\n', line_end);
            let mut out = header.into_bytes();
            let mut put = |bytes: [u8; 4]| {
                out.extend(if big { [bytes[3], bytes[2], bytes[1], bytes[0]] } else { bytes })
            };
            (0..8).flat_map(corner).for_each(|v| put(v.to_le_bytes()));
            for t in CUBE {
                out.push(3);
                t.iter().for_each(|i| out.extend(if big { i.to_be_bytes() } else { i.to_le_bytes() }));
            }
            out.extend(behind);
            out
        };
        for line_end in ["\n", "\r", "\r\n"] {
            assert_cube(&file(12, line_end, b""), MeshFormat::PLY);
            assert_cube(&file(12, line_end, b"\r\n\0\x1a"), MeshFormat::PLY);
            let header = ply_header(encoding, FACES).replace('\n', line_end).len();
            let end = header + 8 * 12 + 12 * 13;
            let note = format!("byte {end}: 3 bytes behind the last promised row were ignored");
            assert_eq!(notes(&file(12, line_end, b"abc"), MeshFormat::PLY), note);
            assert!(
                read(&file(13, line_end, b""), MeshFormat::PLY)
                    .unwrap_err()
                    .contains("face 12: the file ends")
            );
        }
        let notes = notes(&file(11, "\n", b""), MeshFormat::PLY);
        assert!(notes.ends_with("13 bytes behind the last promised row were ignored"), "{notes}");
    }
}

#[test]
fn meshes_far_from_the_origin_are_refused_with_both_numbers_or_noted() {
    let moved = |by: f64| -> [(&'static MeshFormat, String); 3] {
        let move_line = |line: &str, begin: &str| -> String {
            let Some(numbers) = line.trim_start().strip_prefix(begin) else { return format!("{line}\n") };
            let numbers: Vec<f64> = numbers.split_whitespace().map_while(|w| w.parse().ok()).collect();
            let [x, y, z] = numbers[..] else { return format!("{line}\n") };
            format!("{begin}{} {} {}\n", x + by, y, z - by)
        };
        let all = |text: String, begin: &str| text.lines().map(|l| move_line(l, begin)).collect::<String>();
        let (header, body) =
            ply().split_once("end_header\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
        let header = header.replace("float", "double");
        let ply = format!("{header}end_header\n{}", all(body, ""));
        [
            (MeshFormat::STL, all(stl(), "vertex ")),
            (MeshFormat::OBJ, all(obj(), "v ")),
            (MeshFormat::PLY, ply),
        ]
    };
    for (format, text) in moved(250.0) {
        assert_eq!(mesh(text.as_bytes(), format).triangles.len(), 12);
    }
    for (format, text) in moved(20_000.0) {
        let expected = "the mesh is 20 mm across and lies 20020 mm from the origin: single precision keeps its coordinates to 9.8e-4 mm, 4.9e-5 of its size";
        assert_eq!(notes(text.as_bytes(), format), expected, "{format:?}");
    }
    for by in [1e6, -4.5e6, 1e7] {
        for (format, text) in moved(by) {
            let error = read(text.as_bytes(), format).unwrap_err();
            assert!(error.starts_with("the mesh is 20 mm across and lies "), "{error}");
            assert!(error.contains(&format!("{} mm from the origin", by.abs() + 20.0)), "{error}");
        }
    }
}
