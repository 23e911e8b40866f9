//! `fieldstone keys create`, alone and beside a running server.

use crate::harness::{Server, call, fieldstone, refusal};

#[test]
fn a_key_made_beside_a_running_server_works_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "d"]));
    let output = call(dir.path(), &["keys", "create", "--name", "laptop", "--data", "d"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let token = stdout.strip_suffix('\n').unwrap();
    assert!(token.starts_with("fst_") && !token.contains(char::is_whitespace), "{stdout:?}");
    assert!(output.stderr.is_empty());
    assert_eq!(server.get("/projects", token).0, 200);
    let (status, body) = server.get("/projects", "fst_nobody");
    assert_eq!((status, &body["code"]), (401, &401.into()));
}

#[test]
fn a_key_may_be_limited_and_comes_before_the_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["keys", "create", "--name", "viewer", "--scope", "projects:read", "--data", "d"];
    let output = call(dir.path(), &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let server = Server::start(fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "d"]));
    assert_eq!(server.token, None, "a folder with a key gets no admin key");
    assert_eq!(server.get("/projects", token.trim()).0, 200);
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    let dir = tempfile::tempdir().unwrap();
    let scope = refusal(dir.path(), &["keys", "create", "--name", "a", "--scope", "all"], 2);
    assert!(scope.contains("'all'") && scope.contains("jobs:read"), "{scope}");
    let dialect = refusal(dir.path(), &["keys", "create", "--name", "a", "--dialect", "v1"], 2);
    assert!(dialect.contains("'v1'") && dialect.contains("sdk-legacy"), "{dialect}");
    let name = refusal(dir.path(), &["keys", "create", "--name", ""], 1);
    assert!(name.starts_with("error: ") && name.contains("name"), "{name}");
}
