//! Previews of graphs, from a real server and its process for them.

use crate::harness::{Server, bracket, fieldstone};
use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// A server with a project that holds the bracket.
struct Bench {
    dir: tempfile::TempDir,
    server: Server,
    http: Client,
}

/// What a preview answered: its line, its samples.
type Seen = (Value, Vec<u8>);

impl Bench {
    fn new(settings: &[(&str, &str)]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let mut command = fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
        let server = Server::start({
            command.envs(settings.iter().copied());
            command
        });
        fieldstone_engine::choose_cryptography();
        let http = Client::builder().no_proxy().timeout(None).build().unwrap();
        let bench = Bench { dir, server, http };
        bench.post("/projects", &json!({"name": "previews"}));
        let part = Part::bytes(std::fs::read(bracket()).unwrap()).file_name("part.stl");
        let form = Form::new().part("file", part);
        let url = format!("{}/projects/1/assets", bench.server.url);
        let reply = bench.http.post(url).bearer_auth(bench.token()).multipart(form).send().unwrap();
        assert_eq!(reply.status(), 201);
        bench
    }

    fn token(&self) -> &str {
        self.server.token.as_deref().unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let request = self.http.post(format!("{}{path}", self.server.url)).bearer_auth(self.token());
        let reply = request.json(body).send().unwrap();
        (reply.status().as_u16(), reply.bytes().unwrap().to_vec())
    }

    fn try_preview(&self, body: &Value) -> Result<Seen, (u16, String)> {
        let (status, bytes) = self.post("/projects/1/preview", body);
        if status != 200 {
            let error: Value = serde_json::from_slice(&bytes).unwrap();
            return Err((status, error["description"].as_str().unwrap().to_owned()));
        }
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        Ok((serde_json::from_slice(&bytes[..end]).unwrap(), bytes[end + 1..].to_vec()))
    }

    fn preview(&self, body: &Value) -> Seen {
        self.try_preview(body).unwrap_or_else(|(status, text)| panic!("{status}: {text}"))
    }

    /// Process ids of the server's processes for previews.
    #[cfg(target_os = "linux")]
    fn previewers(&self) -> Vec<i32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let ours = status.lines().any(|line| line == format!("PPid:\t{}", self.server.pid()));
            if ours && command.ends_with(b"previews\0") {
                found.push(pid);
            }
        }
        found
    }
}

/// A ball of radius 1 in a box of 4 mm.
fn ball() -> Value {
    let points = json!({"size": [4, 4, 4], "offset": [-2, -2, -2], "resolution": [200, 200, 200]});
    json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": points},
            {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2, 2, 2]}},
        ],
        "edges": [{"source": 0, "target": [1, "Points"]}],
    })
}

/// The bracket filled with a lattice.
fn infill() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/infill.json");
    let text = std::fs::read_to_string(path).unwrap().replace("\"path\": \"part\"", "\"path\": \"part.stl\"");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_volume_is_a_narrow_band_of_bytes_where_the_ball_is() {
    let bench = Bench::new(&[]);
    let (line, samples) = bench.preview(&json!({"graph": ball(), "resolution": 33}));
    assert_eq!((&line["resolution"], &line["samples"]), (&json!([33, 33, 33]), &json!("int8")));
    assert_eq!((&line["promise"], &line["cell"]), (&json!("distance"), &json!(0.125)));
    let band = line["band"].as_f64().unwrap();
    assert_eq!(band, 0.5);
    for (i, byte) in samples.iter().enumerate() {
        let at = |k: usize| -2.0 + 0.125 * k as f64;
        let [x, y, z] = [at(i % 33), at(i / 33 % 33), at(i / 33 / 33)];
        let exact = (x * x + y * y + z * z).sqrt() - 1.0;
        let seen = f64::from(*byte as i8) / 127.0 * band;
        let off = (seen - exact.clamp(-band, band)).abs();
        // Half a step of the byte; what is farther than anybody sees keeps its sign alone.
        assert!(
            off <= band / 254.0 * 1.001 || exact.abs() > band && seen * exact > 0.0,
            "{i}: {seen} {exact}"
        );
    }
    let bounds = &line["bounds"];
    for k in 0..3 {
        let (low, high) = (bounds["min"][k].as_f64().unwrap(), bounds["max"][k].as_f64().unwrap());
        assert!((-1.125..=-1.0).contains(&low) && (1.0..=1.125).contains(&high), "{bounds}");
    }
    // A node on the way, and text in place of a document.
    let text = json!({"graph": ball().to_string(), "node": 1, "resolution": 33});
    assert_eq!(bench.preview(&text).1, samples);
}

#[test]
fn a_section_is_exact_where_the_graph_is_a_formula_and_close_elsewhere() {
    let bench = Bench::new(&[]);
    let floats =
        |bytes: &[u8]| -> Vec<f32> { bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect() };
    for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
        let wanted = json!({"graph": ball(), "resolution": 41, "section": {"axis": name, "offset": 0.377}});
        let (line, bytes) = bench.preview(&wanted);
        let mut resolution = [41; 3];
        resolution[axis] = 1;
        assert_eq!((&line["resolution"], &line["offset"][axis]), (&json!(resolution), &json!(0.377)));
        for (i, seen) in floats(&bytes).into_iter().enumerate() {
            let (u, v) = (-2.0 + 0.1 * (i % 41) as f64, -2.0 + 0.1 * (i / 41) as f64);
            let exact = (u * u + v * v + 0.377 * 0.377).sqrt() - 1.0;
            assert!((f64::from(seen) - exact).abs() < 1e-5, "{name} {i}: {seen} {exact}");
        }
        // Of samples on a grid: linear between its planes, which errs by an eighth of the square of a cell over the radius of curvature.
        let mut graph = ball();
        graph["operators"].as_array_mut().unwrap().push(json!({"type": "Redistance"}));
        graph["edges"].as_array_mut().unwrap().push(json!({"source": 1, "target": [2, "Samples"]}));
        let mut of_grid = wanted.clone();
        of_grid["graph"] = graph;
        let (_, bytes) = bench.preview(&of_grid);
        assert_eq!(bytes.len(), 41 * 41 * 4);
        for (i, seen) in floats(&bytes).into_iter().enumerate() {
            let (u, v) = (-2.0 + 0.1 * (i % 41) as f64, -2.0 + 0.1 * (i / 41) as f64);
            let exact = (u * u + v * v + 0.377 * 0.377).sqrt() - 1.0;
            assert!((f64::from(seen) - exact).abs() < 0.01, "{name} {i}: {seen} {exact}");
        }
    }
    let outside = json!({"graph": ball(), "section": {"axis": "z", "offset": 2.5}});
    let (status, text) = bench.try_preview(&outside).unwrap_err();
    assert_eq!(status, 400);
    assert!(text.contains("z = 2.5 mm") && text.contains("-2 to 2"), "{text}");
}

#[test]
fn what_the_samples_do_not_hold_is_told_as_a_job_tells_it() {
    let bench = Bench::new(&[]);
    let points = json!({"size": [4, 4, 4], "offset": [-2, -2, -2], "resolution": [33, 33, 33]});
    let graph = json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": points},
            {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [4.4, 4.4, 4.4]}},
            {"type": "Shell", "parameters": {"offset": 0, "thickness": 0.15}},
        ],
        "edges": [{"source": 0, "target": [1, "Points"]}, {"source": 1, "target": [2, "Samples"]}],
    });
    let job = json!({"type": "implicit/evaluate", "parameters": {"graph": graph.to_string()}});
    let (status, made) = bench.post("/projects/1/jobs", &job);
    assert_eq!(status, 202);
    let made: Value = serde_json::from_slice(&made).unwrap();
    let events = format!("{}/projects/1/jobs/{}/events", bench.server.url, made["id"].as_str().unwrap());
    // The stream ends with the job.
    bench.http.get(&events).bearer_auth(bench.token()).send().unwrap().text().unwrap();
    let done = bench.http.get(events.trim_end_matches("/events")).bearer_auth(bench.token()).send().unwrap();
    let done: Value = serde_json::from_slice(&done.bytes().unwrap()).unwrap();
    let told = done["outputs"]["params"]["warnings"].as_str().unwrap();
    let (line, samples) = bench.preview(&json!({"graph": graph, "resolution": 33, "watch": true}));
    assert_eq!(line["warnings"], serde_json::from_str::<Value>(told).unwrap());
    let kinds: Vec<&str> =
        line["warnings"].as_array().unwrap().iter().map(|w| w["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thin_wall", "cut_off"]);
    let [wall, cut] = [0, 1].map(|i| &line["warnings"][i]["places"]);
    let thickness = wall[0]["thickness"].as_f64().unwrap();
    assert!((thickness - 0.15).abs() < 0.02, "{wall}");
    let radius = [0, 1, 2].map(|k| wall[0]["at"][k].as_f64().unwrap().powi(2)).iter().sum::<f64>().sqrt();
    assert!((radius - 2.2).abs() < 0.1, "{wall}");
    assert_eq!(cut.as_array().unwrap().len(), 6, "{cut}");
    let (plain, same) = bench.preview(&json!({"graph": graph, "resolution": 33}));
    assert_eq!((&plain["warnings"], same), (&json!([]), samples));
}

#[test]
fn a_mesh_of_the_project_is_seen_and_nothing_is_left_of_it() {
    let bench = Bench::new(&[]);
    let wanted = json!({"graph": infill(), "resolution": 48});
    let (line, first) = bench.preview(&wanted);
    assert_eq!(bench.preview(&wanted).1, first, "what is kept gives what was made anew");
    let size: Vec<u64> = line["resolution"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(first.len() as u64, size.iter().product::<u64>());
    assert_eq!(size.iter().max(), Some(&48));
    assert!(first.iter().any(|b| (*b as i8) < 0));
    let count = |path: &str| bench.server.get(path, bench.token()).1.as_array().unwrap().len();
    assert_eq!((count("/projects/1/jobs"), count("/projects/1/assets")), (0, 1));
    assert_eq!(std::fs::read_dir(bench.dir.path().join("data/work")).unwrap().count(), 0);
    let absent = json!({"graph": infill().to_string().replace("part.stl", "lid.stl")});
    let (status, text) = bench.try_preview(&absent).unwrap_err();
    assert_eq!(status, 400);
    assert!(text.contains("\"lid.stl\""), "{text}");
}

#[test]
fn what_is_wrong_or_too_large_is_refused_with_the_place() {
    let bench = Bench::new(&[("FIELDSTONE_PREVIEW_MEMORY", "160MiB")]);
    let refused = |body: Value| bench.try_preview(&body).unwrap_err();
    let points = refused(json!({"graph": ball(), "node": 0}));
    assert!(points.0 == 400 && points.1.contains("operators[0] (GenerateSamplePoints)"), "{points:?}");
    assert!(refused(json!({"graph": ball(), "node": 7})).1.contains("0 to 1"));
    let (status, text) = refused(json!({"graph": infill(), "resolution": 192}));
    assert!(status == 413 && text.contains("preview_memory"), "{status} {text}");
    let typed = refused(json!({"graph": {"operators": [{"type": "Csg"}], "edges": []}}));
    assert!(typed.0 == 400 && typed.1.contains("did you mean \"CSG\""), "{typed:?}");
    bench.preview(&json!({"graph": ball(), "resolution": 33}));
}

#[test]
fn a_newer_preview_of_a_tab_ends_the_older() {
    let bench = Bench::new(&[]);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let long = scope.spawn(|| {
            let seen = bench.try_preview(&json!({"graph": infill(), "resolution": 192, "tab": "a"}));
            ended.store(true, Ordering::SeqCst);
            seen.map(|(line, _)| line)
        });
        // However late the long one comes, one of these comes after it.
        let mut small = Ok(Value::Null);
        while !ended.load(Ordering::SeqCst) {
            small = bench
                .try_preview(&json!({"graph": ball(), "resolution": 16, "tab": "a"}))
                .map(|(line, _)| line);
        }
        let (status, text) = long.join().unwrap().unwrap_err();
        assert!(status == 409 && text.contains("newer preview"), "{status} {text}");
        small.unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_dies_is_followed_by_another() {
    let bench = Bench::new(&[]);
    let wanted = json!({"graph": infill(), "resolution": 32});
    let (_, before) = bench.preview(&wanted);
    let pids = bench.previewers();
    assert_eq!(pids.len(), 1);
    let pid = rustix::process::Pid::from_raw(pids[0]).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    // The server may see its end only while it asks; then it says so, and the next is another's.
    let after = bench.try_preview(&wanted).or_else(|_| bench.try_preview(&wanted));
    assert_eq!(after.unwrap().1, before);
    assert_ne!(bench.previewers(), pids);
}

/// What a `GET` answers: status, tag, bytes.
fn got(bench: &Bench, path: &str, known: &str) -> (u16, String, Vec<u8>) {
    let request = bench.http.get(format!("{}{path}", bench.server.url)).bearer_auth(bench.token());
    let reply = request.header("If-None-Match", known).send().unwrap();
    let tag = reply.headers().get("etag").map_or("", |tag| tag.to_str().unwrap()).to_owned();
    (reply.status().as_u16(), tag, reply.bytes().unwrap().to_vec())
}

/// Width, height and the share of its pixels that show something.
fn seen(png: &[u8]) -> (u32, u32, f64) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let shown: f64 = pixels.chunks(4).map(|p| f64::from(p[3]) / 255.0).sum();
    (info.width, info.height, shown / f64::from(info.width * info.height))
}

#[test]
fn files_and_projects_have_small_pictures_where_there_is_something_to_see() {
    let bench = Bench::new(&[]);
    let path = "/projects/1/assets/1/thumbnail";
    let (status, tag, png) = got(&bench, path, "");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&png));
    let (width, height, shown) = seen(&png);
    assert_eq!((width, height), (192, 192));
    assert!((0.1..0.7).contains(&shown), "{shown}");
    assert_eq!(got(&bench, path, &tag), (304, tag.clone(), Vec::new()));
    assert_eq!(got(&bench, path, ""), (200, tag.clone(), png.clone()), "kept, or made the same again");
    let kept = bench.dir.path().join("data/thumbnails").join(format!("{}.png", tag.trim_matches('"')));
    assert_eq!(std::fs::read(kept).unwrap(), png);

    // Of the newest that has one.
    for (name, bytes) in [("broken.stl", &b"solid"[..]), ("notes.txt", b"text")] {
        let form = Form::new().part("file", Part::bytes(bytes.to_vec()).file_name(name));
        let url = format!("{}/projects/1/assets", bench.server.url);
        bench.http.post(url).bearer_auth(bench.token()).multipart(form).send().unwrap();
    }
    assert_eq!(got(&bench, "/projects/1/thumbnail", ""), (200, tag, png));
    for (asset, why) in [(2, "broken.stl"), (3, "no mesh")] {
        let (status, _, said) = got(&bench, &format!("/projects/1/assets/{asset}/thumbnail"), "");
        let said = String::from_utf8(said).unwrap();
        assert!(status == 404 && said.contains(why), "{status} {said}");
    }

    // A volume shows the solid that its samples are negative in.
    let graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"offset": [-3, -3, -3], "size": [6, 6, 6], "resolution": [33, 33, 33]}},
        {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [4, 4, 4]}}
    ], "edges": [{"source": 0, "target": [1, "Points"]}]});
    let job = json!({"type": "implicit/evaluate", "parameters": {"graph": graph}});
    assert_eq!(bench.post("/projects/1/jobs", &job).0, 202);
    while got(&bench, "/projects/1/jobs/1/status", "").0 == 202 {}
    let (status, _, png) = got(&bench, "/projects/1/assets/4/thumbnail", "");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&png));
    // A disc of 4 mm where the box is as wide or as high as this on the paper.
    let box_on_paper = 6.0 * f64::max(0.848_048 + 0.529_919, 0.224_860 + 0.359_850 + 0.905_516) / 0.94;
    let expected = std::f64::consts::PI * 4.0 / (box_on_paper * box_on_paper);
    assert!((seen(&png).2 - expected).abs() < 0.005, "{} {expected}", seen(&png).2);

    let (status, _, said) = got(&Bench::new(&[("FIELDSTONE_THUMBNAIL_CACHE", "0")]), path, "");
    assert!(status == 404 && String::from_utf8_lossy(&said).contains("thumbnail_cache"), "{status}");
}
