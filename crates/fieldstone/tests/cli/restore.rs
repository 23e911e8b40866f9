//! The restore drill of docs/restore.md, with the commands of the page itself: backup, destroy, restore, check, serve.

use crate::harness::{Server, fieldstone, names};
use crate::upkeep::{client, served};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The blocks of commands of the page, in order.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/restore.md");
    let text = std::fs::read_to_string(page).unwrap();
    text.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

/// Runs a block in `folder`, where `fieldstone` is the binary under test; each command must succeed.
fn run(folder: &Path, block: &str) {
    let binary = Path::new(env!("CARGO_BIN_EXE_fieldstone"));
    let path = std::env::join_paths(
        [binary.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output =
        Command::new("sh").args(["-euc", block]).current_dir(folder).env("PATH", path.unwrap()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// All that a client sees, with the bytes of every asset.
fn seen(server: &Server, token: &str) -> (Vec<Value>, Vec<Vec<u8>>) {
    let lists = ["/projects", "/projects/1/assets", "/projects/1/jobs", "/projects/1/workflows"];
    let lists = lists.map(|path| {
        let (status, list) = server.get(path, token);
        assert_eq!(status, 200, "{path}: {list}");
        list
    });
    let bytes = lists[1].as_array().unwrap().iter().map(|asset| {
        let path = format!("/projects/1/assets/{}?download=true", asset["id"].as_str().unwrap());
        let link = server.get(&path, token).1["link"].as_str().unwrap().to_owned();
        let reply = client().get(link).send().unwrap();
        assert_eq!(reply.status(), 200);
        reply.bytes().unwrap().to_vec()
    });
    let bytes: Vec<_> = bytes.collect();
    assert!(bytes.len() >= 3 && bytes.iter().all(|b| !b.is_empty()));
    (lists.to_vec(), bytes)
}

#[test]
fn the_page_restores_what_it_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let [backup, destroy, restore] = blocks().try_into().expect("three blocks of commands");
    let (server, token) = served(dir.path(), "fieldstone-data");
    std::fs::create_dir(dir.path().join("backups")).unwrap();
    let before = seen(&server, &token);
    run(dir.path(), &backup);
    let late = client().post(format!("{}/projects", server.url)).bearer_auth(&token);
    assert_eq!(late.json(&serde_json::json!({"name": "late"})).send().unwrap().status(), 201);
    drop(server);
    run(dir.path(), &destroy);
    assert_eq!(names(dir.path()), ["backups"]);
    run(dir.path(), &restore);
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", "fieldstone-data"];
    let restored = Server::start(fieldstone(dir.path(), &args));
    assert_eq!(restored.token, None, "its keys came along");
    assert_eq!(seen(&restored, &token), before);
}
