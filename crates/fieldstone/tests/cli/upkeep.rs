//! `fieldstone check`, `gc` and `backup`, alone and beside a running server.

use crate::harness::{Server, bracket, call, fieldstone, names, refusal};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// A served data folder with two assets and a finished job.
pub fn served(dir: &Path, data: &str) -> (Server, String) {
    let server = Server::start(fieldstone(dir, &["serve", "--listen", "127.0.0.1:0", "--data", data]));
    let token = server.token.clone().expect("a new folder");
    let project =
        post(&server, &token, "/projects", &json!({"name": "p"}))["id"].as_str().unwrap().to_owned();
    let assets = format!("/projects/{project}/assets");
    for name in ["part.stl", "again.stl"] {
        let part = reqwest::blocking::multipart::Part::file(bracket()).unwrap().file_name(name);
        let form = reqwest::blocking::multipart::Form::new().part("file", part);
        let request = client().post(format!("{}{assets}", server.url)).bearer_auth(&token).multipart(form);
        assert_eq!(request.send().unwrap().status(), 201);
    }
    let job = json!({"type": "mesh/preprocess", "assets": {"mesh": "part.stl"}});
    let job = post(&server, &token, &format!("/projects/{project}/jobs"), &job);
    let path = format!("/projects/{project}/jobs/{}/status", job["id"].as_str().unwrap());
    while server.get(&path, &token).0 == 202 {}
    assert_eq!(server.get(&path, &token).0, 201);
    (server, token)
}

pub fn client() -> reqwest::blocking::Client {
    fieldstone_engine::choose_cryptography();
    reqwest::blocking::Client::builder().no_proxy().build().unwrap()
}

fn post(server: &Server, token: &str, path: &str, body: &Value) -> Value {
    let request = client().post(format!("{}{path}", server.url)).bearer_auth(token).json(body);
    request.send().unwrap().json().unwrap()
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn blobs(data: &Path) -> Vec<PathBuf> {
    let top = data.join("blobs/sha256");
    let inside =
        |folder: PathBuf| names(&folder).into_iter().map(move |n| folder.join(n)).collect::<Vec<_>>();
    names(&top).into_iter().flat_map(|f| inside(top.join(f))).collect()
}

/// Puts bytes where a blob with their checksum lies.
fn plant(data: &Path, bytes: &[u8]) -> PathBuf {
    use sha2::{Digest, Sha256};
    let digits = hex::encode(Sha256::digest(bytes));
    let path = data.join("blobs/sha256").join(&digits[..2]).join(&digits[2..]);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn old(path: &Path) {
    let three_hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 3600);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(three_hours_ago).unwrap();
}

#[test]
fn a_sound_folder_has_no_findings_and_each_fault_has_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d");
    let check = || text(&call(dir.path(), &["check", "--data", "d"]));
    let (server, _) = served(dir.path(), "d");
    let (code, found, summary) = check();
    assert_eq!((code, found.as_str()), (Some(0), ""), "beside the server: {summary}");
    assert!(summary.starts_with("3 assets, 1 jobs, 0 workflows, 2 blobs ("), "{summary}");
    drop(server);
    assert_eq!(check().0, Some(0), "without a server");

    let young = plant(&data, b"left by a crash");
    let (code, found, summary) = check();
    assert_eq!((code, found.as_str()), (Some(0), ""));
    assert!(summary.contains(" 3 blobs (") && summary.contains("1 of them unnamed"), "{summary}");
    old(&young);
    std::fs::create_dir_all(data.join("blobs/sha256/00")).unwrap();
    std::fs::write(data.join("blobs/sha256/00/stray"), "?").unwrap();
    let all = blobs(&data);
    let mesh = all.iter().max_by_key(|p| std::fs::metadata(p).unwrap().len()).unwrap();
    let whole = std::fs::read(mesh).unwrap();
    let mut damaged = whole.clone();
    damaged[1000] ^= 1;
    std::fs::write(mesh, &damaged).unwrap();
    let (code, found, _) = check();
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert!(
        lines.iter().any(|l| l.starts_with("blob ") && l.contains("no row names its 15 bytes")),
        "{found}"
    );
    assert!(lines.iter().any(|l| l.contains("stray: no blob has such a name")), "{found}");
    assert!(lines.iter().any(|l| l.contains("its bytes have the checksum sha256:")), "{found}");

    std::fs::remove_file(mesh).unwrap();
    let (_, found, _) = check();
    assert!(found.lines().any(|l| l.starts_with("asset ") && l.contains("is missing")), "{found}");
    std::fs::write(mesh, &whole[..99]).unwrap();
    let (_, found, _) = check();
    assert!(found.lines().any(|l| l.starts_with("asset ") && l.ends_with("has 99")), "{found}");
}

#[test]
fn gc_takes_what_nothing_names_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d");
    let (server, token) = served(dir.path(), "d");
    plant(&data, b"left by a crash");
    let (code, out, summary) = text(&call(dir.path(), &["gc", "--data", "d"]));
    assert_eq!(
        (code, out.as_str(), summary.as_str()),
        (Some(0), "", "1 blobs (15 B) moved to quarantine, 0 (0 B) deleted from it, 2 kept\n")
    );
    assert_eq!(blobs(&data).len(), 2);
    assert_eq!(server.get("/projects/1/assets", &token).1.as_array().unwrap().len(), 3);
    assert_eq!(call(dir.path(), &["check", "--data", "d"]).status.code(), Some(0));
}

#[test]
fn a_backup_is_a_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (server, token) = served(dir.path(), "d");
    plant(&dir.path().join("d"), b"left by a crash");
    let (code, out, summary) = text(&call(dir.path(), &["backup", "--data", "d", "b"]));
    assert_eq!((code, out.as_str()), (Some(0), ""), "{summary}");
    assert!(summary.starts_with("b: 2 blobs linked, 0 copied ("), "{summary}");
    assert_eq!(blobs(&dir.path().join("b")).len(), 2, "what nothing names is left out");
    assert_eq!(text(&call(dir.path(), &["check", "--data", "b"])).1, "");
    let again = refusal(dir.path(), &["backup", "--data", "d", "b"], 1);
    assert!(again.contains("b exists already"), "{again}");

    // What happens to the original afterwards does not reach the backup.
    let assets = server.get("/projects/1/assets", &token).1;
    let delete = client().delete(format!("{}/projects/1", server.url)).bearer_auth(&token);
    assert_eq!(delete.send().unwrap().status(), 200);
    assert!(blobs(&dir.path().join("d")).len() < 2, "the original's blobs are swept");
    drop(server);
    let restored =
        Server::start(fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "b"]));
    assert_eq!(restored.token, None, "its keys came along");
    assert_eq!(restored.get("/projects/1/assets", &token), (200, assets));
    let link =
        restored.get("/projects/1/assets/1?download=true", &token).1["link"].as_str().unwrap().to_owned();
    let bytes = client().get(link).send().unwrap().bytes().unwrap();
    assert_eq!(bytes, std::fs::read(bracket()).unwrap());
    assert_eq!(names(dir.path()), ["b", "d"], "nothing half-made is left");
}

/// Takes from a folder and all in it the right to be written to, and gives it to `owner`.
#[cfg(unix)]
fn make_read_only(path: &Path, owner: Option<u32>) {
    use std::os::unix::fs::{PermissionsExt, chown};
    let is_folder = path.is_dir();
    if is_folder {
        names(path).iter().for_each(|name| make_read_only(&path.join(name), owner));
    }
    if owner.is_some() {
        chown(path, owner, owner).unwrap();
    }
    let mode = if is_folder { 0o500 } else { 0o400 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Lets the owner of a folder remove what is in it.
#[cfg(unix)]
fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).unwrap();
    for name in names(folder).iter().filter(|name| folder.join(name).is_dir()) {
        make_writable(&folder.join(name));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_can_be_backed_up() {
    use std::os::unix::fs::chown;
    use std::os::unix::process::CommandExt;
    /// Somebody whom permissions bind; they do not bind root.
    const NOBODY: u32 = 65534;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(served(dir.path(), "d").0.terminate().0, Some(0));
    let data = dir.path().join("d");
    let owner = rustix::process::geteuid().is_root().then_some(NOBODY);
    let as_owner = |args: &[&str]| {
        let mut command = fieldstone(dir.path(), args);
        if let Some(owner) = owner {
            command.uid(owner).gid(owner);
        }
        command.output()
    };
    make_read_only(&data, owner);
    if owner.is_some() {
        chown(dir.path(), owner, owner).unwrap();
        if let Err(e) = as_owner(&["--version"]) {
            return eprintln!("skipped: user {NOBODY} cannot run the program where it was built: {e}");
        }
    }
    let before: Vec<_> = names(&data);
    let (code, _, summary) = text(&as_owner(&["backup", "--data", "d", "b"]).unwrap());
    assert_eq!(code, Some(0), "{summary}");
    assert!(summary.starts_with("b: 2 blobs linked, 0 copied ("), "{summary}");
    assert_eq!(names(&data), before, "nothing is written beside the ledger");
    let (code, found, summary) = text(&as_owner(&["check", "--data", "b"]).unwrap());
    assert_eq!((code, found.as_str()), (Some(0), ""), "{summary}");
    make_writable(&data);
}

#[test]
fn there_must_be_a_ledger() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["check", "--data", "d"][..], &["gc", "--data", "d"], &["backup", "--data", "d", "b"]] {
        let text = refusal(dir.path(), args, 1);
        assert!(text.contains("the ledger d/ledger.sqlite does not exist"), "{text}");
    }
    assert!(names(dir.path()).is_empty(), "nothing is made");
}

/// As by a server that was stopped in the middle of storing a file.
#[test]
fn a_sweep_that_waits_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = served(folder.path(), "data");
    let lock = std::fs::File::options().write(true).open(folder.path().join("data/blobs.lock")).unwrap();
    lock.lock_shared().unwrap();
    let mut gc = fieldstone(folder.path(), &["gc", "--data", "data"]);
    let mut gc = gc.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(gc.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.next().expect("it says that it waits");
    assert!(said.contains("blobs.lock") && said.contains("has been waited for for 3 s"), "{said}");
    drop(lock);
    assert!(gc.wait().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("0 blobs")), "{rest:?}");
    drop(server);
}
