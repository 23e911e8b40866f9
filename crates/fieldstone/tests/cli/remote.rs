//! The commands that talk to a server, against a real one.

use crate::harness::{Server, bracket, call, checksum, fieldstone, names, read_json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

/// A server, and a folder in which commands know it.
struct Desk {
    dir: tempfile::TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
        let server = Server::start(fieldstone(dir.path(), &serve));
        std::fs::copy(bracket(), dir.path().join("part.stl")).unwrap();
        Desk { dir, server }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn call(&self, args: &[&str]) -> Output {
        self.send(args, b"")
    }

    /// The command with something on its standard input.
    fn send(&self, args: &[&str], input: &[u8]) -> Output {
        let mut command = fieldstone(self.dir.path(), args);
        command.env("FIELDSTONE_SERVER", &self.server.url);
        command.env("FIELDSTONE_TOKEN", self.server.token.as_deref().unwrap());
        command.env("XDG_CONFIG_HOME", self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that must succeed.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.call(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    /// Standard error of a command that must end with this code.
    fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.call(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        stderr
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn a_part_goes_to_a_server_and_its_field_comes_back() {
    let desk = Desk::new();
    assert_eq!(desk.ok(&["projects", "create", "brackets"]), "1\n");
    let run = ["jobs", "run", "implicit/from-mesh", "-p", "brackets", "--input", "mesh=@part.stl"];
    let output = desk.ok(&[&run[..], &["--param", "resolution=32", "--out", "field"]].concat());
    assert_eq!(output, "field/volume.bin\n");
    let job = desk.json(&["jobs", "get", "-p", "1", "1"]);
    assert_eq!(job["state"], "success");
    assert_eq!(job["outputs"]["assets"]["volume"]["checksum"], checksum(&desk.path("field/volume.bin")));
    let listed = desk.ok(&["jobs", "list", "-p", "brackets"]);
    assert!(listed.contains("implicit/from-mesh") && listed.contains("success"), "{listed}");
    assert!(desk.ok(&["jobs", "logs", "-p", "1", "1", "--follow"]).contains("attempt 1 started"));
    assert_eq!(desk.json(&["wait", "-p", "1", "1"])[0]["id"], "1");
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sample-mesh.yaml");
    let run =
        ["workflows", "run", workflow.to_str().unwrap(), "-p", "1", "--input", "preprocess.mesh=part.stl"];
    desk.ok(&[&run[..], &["--param", "sample-mesh.resolution=16", "--out", "all"]].concat());
    assert_eq!(
        names(&desk.path("all")),
        ["compute-bvh.bvh.bin", "preprocess.mesh.ply", "sample-mesh.volume.bin"]
    );
}

#[test]
fn files_go_up_and_assets_come_down_also_through_pipes_and_after_a_break() {
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    let part = std::fs::read(desk.path("part.stl")).unwrap();
    assert_eq!(desk.ok(&["assets", "cp", "part.stl", "b:"]), "1\n");
    let piped = desk.send(&["assets", "cp", "-", "b:piped.stl"], &part);
    assert_eq!(piped.stdout, b"2\n", "{}", String::from_utf8_lossy(&piped.stderr));
    assert_eq!(lines(&desk.ok(&["assets", "cp", "b:*.stl", "out/"])), ["out/piped.stl", "out/part.stl"]);
    assert_eq!(names(&desk.path("out")), ["part.stl", "piped.stl"]);
    assert_eq!(desk.call(&["assets", "cp", "b:part.stl", "-"]).stdout, part);

    // What is there of a download that broke off is not asked for again; one that is wrong is found and begun anew.
    let sha = checksum(&desk.path("part.stl"));
    let half = desk.path(&format!("again.stl.{}.part", &sha["sha256:".len()..][..12]));
    std::fs::write(&half, &part[..300_000]).unwrap();
    desk.ok(&["assets", "cp", "b:part.stl", "again.stl"]);
    assert_eq!(std::fs::read(desk.path("again.stl")).unwrap(), part);
    std::fs::write(&half, vec![7; 300_000]).unwrap();
    let wrong = desk.refused(&["assets", "cp", "b:part.stl", "again.stl"], 1);
    assert!(wrong.contains("checksum") && wrong.contains(&sha), "{wrong}");
    assert!(
        !half.exists() && std::fs::read(desk.path("again.stl")).unwrap() == part,
        "nothing wrong has its name"
    );

    desk.ok(&["assets", "delete", "-p", "b", "part.stl"]);
    assert_eq!(desk.json(&["assets", "list", "-p", "b"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_large_file_goes_on_where_an_upload_broke_off() {
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|n| (n ^ (n >> 11)) as u8).collect();
    std::fs::write(desk.path("large.bin"), &bytes).unwrap();
    // A command that was killed has left this.
    let sum = checksum(&desk.path("large.bin"));
    let token = desk.server.token.clone().unwrap();
    fieldstone_engine::choose_cryptography();
    let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let ask = |method: reqwest::Method, path: &str| {
        let request = http.request(method, format!("{}/projects/1/uploads{path}", desk.server.url));
        request.bearer_auth(&token).header("Tus-Resumable", "1.0.0")
    };
    let half = |name: &str, sum: &str, bytes: &[u8]| {
        let metadata = format!("filename {},checksum {}", STANDARD.encode(name), STANDARD.encode(sum));
        let begin = ask(reqwest::Method::POST, "").header("Upload-Length", "9000000");
        let begun = begin.header("Upload-Metadata", metadata).send().unwrap();
        let id = begun.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let piece = ask(reqwest::Method::PATCH, &format!("/{id}")).header("Upload-Offset", "0");
        let kind = "application/offset+octet-stream";
        let kept = piece.header("Content-Type", kind).body(bytes.to_vec()).send().unwrap();
        assert_eq!(kept.headers()["upload-offset"], "4000000");
        id
    };
    let ours = half("large.bin", &sum, &bytes[..4_000_000]);
    // One of another file with this name is left alone.
    let other = half("large.bin", &format!("sha256:{}", "0".repeat(64)), &vec![7; 4_000_000]);
    let asset = desk.ok(&["assets", "cp", "large.bin", "b:"]);
    let became =
        |id: &str| -> Value { ask(reqwest::Method::GET, &format!("/{id}")).send().unwrap().json().unwrap() };
    assert_eq!(
        (&became(&ours)["asset_id"], &became(&ours)["offset"]),
        (&json!(asset.trim()), &json!(9_000_000))
    );
    assert_eq!((&became(&other)["asset_id"], &became(&other)["offset"]), (&json!(null), &json!(4_000_000)));
    assert_eq!(desk.json(&["assets", "get", "-p", "b", "large.bin"])["checksum"], sum);
    // Once more, from the beginning: nothing is left of the first.
    assert_eq!(desk.ok(&["assets", "cp", "large.bin", "b:again.bin"]).trim(), "2");
    assert_eq!(desk.json(&["assets", "get", "-p", "b", "again.bin"])["checksum"], sum);
}

#[test]
fn a_job_is_canceled() {
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    let graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"size": [9, 9, 9], "offset": [0, 0, 0], "resolution": [300, 300, 300]}},
        {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [1, 1, 1]}},
        {"type": "Redistance"}
    ], "edges": [{"source": 0, "target": [1, "Points"]}, {"source": 1, "target": [2, "Samples"]}]});
    let param = format!("graph={graph}");
    let id = desk.ok(&["jobs", "run", "implicit/evaluate", "-p", "b", "--param", &param]);
    assert_eq!(desk.ok(&["jobs", "cancel", "-p", "b", id.trim()]), "");
    assert_eq!(desk.json(&["jobs", "cancel", "-p", "b", id.trim()])["state"], "canceled");
    desk.refused(&["wait", "-p", "b", id.trim()], 1);
    desk.refused(&["jobs", "cancel", "-p", "b", "99"], 3);
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    assert!(desk.refused(&["projects", "get", "99"], 3).contains("project 99 does not exist"));
    assert!(desk.refused(&["projects", "get", "nothing"], 3).contains("\"nothing\""));
    assert!(desk.refused(&["assets", "cp", "b:*.x", "."], 3).contains("*.x"));
    let error = desk.refused(&["jobs", "get", "-p", "1", "7", "--json"], 3);
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["code"], 3);
    desk.refused(&["jobs", "list"], 2);
    let failing = ["jobs", "run", "nobody/knows", "-p", "b", "--wait"];
    assert!(desk.refused(&failing, 1).contains("job 1 ended as failure"));
    assert!(desk.refused(&["wait", "-p", "b", "1"], 1).contains("job 1 ended as failure"));
    assert_eq!(
        desk.ok(&["api", "POST", "/projects", "--body", r#"{"name": "c"}"#]).get(..6),
        Some("{\"id\":")
    );
    let output = desk.call(&["api", "/projects/99"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("project 99 does not exist"));

    let dir = desk.dir.path();
    let nobody = fieldstone(dir, &["projects", "list", "--server", &desk.server.url]);
    let with = |mut command: std::process::Command, token: &str| {
        command.env("FIELDSTONE_TOKEN", token).env("XDG_CONFIG_HOME", dir).output().unwrap().status.code()
    };
    assert_eq!(with(nobody, "fst_wrong"), Some(4));
    let nobody = fieldstone(dir, &["projects", "list", "--server", &desk.server.url]);
    assert_eq!(with(nobody, ""), Some(4));
    // Port 1 of loopback: nothing listens there.
    let nowhere = fieldstone(dir, &["projects", "list", "--server", "http://127.0.0.1:1"]);
    assert_eq!(with(nowhere, "fst_any"), Some(5));
}

#[test]
fn a_refused_document_is_shown_with_its_place() {
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    std::fs::write(desk.path("bad.yaml"), "jobs:\n  a:\n    type: [x\n").unwrap();
    let yaml = desk.refused(&["workflows", "run", "bad.yaml", "-p", "b"], 1);
    assert!(yaml.contains("bad.yaml:3:11") && yaml.contains("3 |     type: [x"), "{yaml}");
    let graph = "{\"operators\": [\n  {\"type\": \"Redistance\"},\n  {\"type\": \"CGS\"}], \"edges\": []}";
    std::fs::write(desk.path("bad.json"), graph).unwrap();
    let args = ["jobs", "run", "implicit/evaluate", "-p", "b", "--param", "graph=@bad.json"];
    let refused = desk.refused(&args, 1);
    assert!(refused.contains("bad.json:3:3") && refused.contains("operators[1]"), "{refused}");
    let local = desk.refused(&["eval", "bad.json", "-o", "x.stl"], 1);
    assert!(local.contains("bad.json:3:3"), "{local}");
    assert!(!desk.path("x.stl").exists());
}

#[test]
fn a_key_is_kept_for_its_server_alone_and_read_by_its_owner_alone() {
    let desk = Desk::new();
    let dir = desk.dir.path();
    let run = |args: &[&str], input: &str| {
        let mut command = fieldstone(dir, args);
        command.env("XDG_CONFIG_HOME", dir.join("config"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().status.code()
    };
    let server = ["--server", &desk.server.url];
    assert_eq!(run(&[&["login"], &server[..]].concat(), "fst_wrong\n"), Some(4));
    assert_eq!(run(&["projects", "list"], ""), Some(4), "a key that does not work is not kept");
    let token = format!("{}\n", desk.server.token.as_deref().unwrap());
    assert_eq!(run(&[&["login"], &server[..]].concat(), &token), Some(0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let kept = dir.join("config/fieldstone/login.json");
        assert_eq!(std::fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(run(&["projects", "list"], ""), Some(0));
    assert_eq!(
        run(&["projects", "list", "--server", "http://127.0.0.1:1"], ""),
        Some(4),
        "another server's key"
    );
    assert_eq!(run(&["logout"], ""), Some(0));
    assert_eq!(run(&["projects", "list"], ""), Some(4));
}

#[test]
fn a_graph_becomes_what_the_name_of_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let points = json!({"size": [4.0, 4.0, 4.0], "offset": [-2.0, -2.0, -2.0], "resolution": [33, 33, 33]});
    let graph = json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": points},
            {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2, 2, 2]}},
        ],
        "edges": [{"source": 0, "target": [1, "Points"]}],
    });
    std::fs::write(dir.path().join("ball.json"), graph.to_string()).unwrap();
    let made = |out: &str| {
        let output = call(dir.path(), &["eval", "ball.json", "-o", out]);
        assert!(output.status.success(), "{out}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(dir.path().join(out)).unwrap()
    };
    let stl = made("ball.stl");
    let count = u32::from_le_bytes(stl[80..84].try_into().unwrap()) as usize;
    assert_eq!(stl.len(), 84 + 50 * count);
    assert!(made("ball.3mf").starts_with(b"PK") && made("ball.zip").starts_with(b"PK"));
    assert_eq!(made("ball.bin").len(), 33 * 33 * 33 * 4);
    made("ball.measures.json");
    let measures = read_json(&dir.path().join("ball.measures.json"));
    let volume: f64 = measures["interior_volume"].as_str().unwrap().parse().unwrap();
    // A ball of radius 1; the cell is 1/8, and the mesh lies inside by at most a tenth of its square over the radius.
    let exact = std::f64::consts::PI * 4.0 / 3.0;
    assert!((volume / exact - 1.0).abs() < 0.01, "{volume}");
    let unknown = call(dir.path(), &["eval", "ball.json", "-o", "ball.doc"]);
    let unknown = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.contains(".doc") && unknown.contains("3mf"), "{unknown}");
    assert_eq!(
        names(dir.path()).iter().filter(|name| name.starts_with('.')).count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn a_doctor_finds_what_keeps_a_server_from_working() {
    let desk = Desk::new();
    let address = desk.server.url.strip_prefix("http://").unwrap().to_owned();
    let look = |address: &str, data: &str| {
        let mut command = fieldstone(desk.dir.path(), &["doctor", "--json", "--data", data]);
        let output = command.env("FIELDSTONE_LISTEN", address).output().unwrap();
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bad = findings.as_array().unwrap().iter().filter(|f| f["verdict"] == "bad");
        let bad: Vec<String> = bad.map(|f| f["check"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), bad)
    };
    assert_eq!(look(&address, "data"), (Some(0), vec![]), "a running server is well");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stranger = taken.local_addr().unwrap().to_string();
    let answer = std::thread::spawn(move || drop(taken.accept()));
    assert_eq!(look(&stranger, "data"), (Some(1), vec!["address".to_owned()]));
    answer.join().unwrap();
    std::fs::create_dir(desk.path("other")).unwrap();
    std::fs::write(desk.path("other/ledger.sqlite"), "no database").unwrap();
    let (code, bad) = look("127.0.0.1:0", "other");
    assert_eq!((code, bad), (Some(1), vec!["keys".to_owned()]));
}

#[test]
fn what_happens_in_a_project_is_shown_as_it_happens() {
    use std::io::{BufRead, BufReader};
    let desk = Desk::new();
    desk.ok(&["projects", "create", "b"]);
    let mut command = fieldstone(desk.dir.path(), &["events", "-p", "b", "--json"]);
    command.env("FIELDSTONE_SERVER", &desk.server.url);
    command.env("FIELDSTONE_TOKEN", desk.server.token.as_deref().unwrap());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| -> Value { serde_json::from_str(&line.unwrap()).unwrap() });
    assert_eq!(events.next().unwrap()["event"], "ready");
    desk.ok(&["assets", "cp", "part.stl", "b:"]);
    let made = events.next().unwrap();
    assert_eq!((&made["event"], &made["data"]["filename"]), (&json!("asset"), &json!("part.stl")));
    // The project's end is the stream's.
    desk.ok(&["projects", "delete", "b"]);
    events.for_each(drop);
    child.wait().unwrap();
}

#[test]
fn a_system_without_authorities_still_speaks_to_a_server_without_tls() {
    let desk = Desk::new();
    let list = |server: &str| {
        let mut command = fieldstone(desk.dir.path(), &["projects", "list"]);
        command
            .env("FIELDSTONE_SERVER", server)
            .env("FIELDSTONE_TOKEN", desk.server.token.as_deref().unwrap());
        command.env("SSL_CERT_FILE", "none.pem").env("SSL_CERT_DIR", "none");
        command.output().unwrap()
    };
    let plain = list(&desk.server.url);
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stderr));
    assert!(!list(&desk.server.url.replace("http:", "https:")).status.success());
}
