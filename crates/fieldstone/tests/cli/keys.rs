//! `fieldstone keys` and `fieldstone clients`, alone and beside a running server.

use crate::harness::{Server, call, fieldstone, refusal};
use std::path::Path;

/// Standard output of a call that must succeed.
fn output(folder: &Path, args: &[&str]) -> String {
    let output = call(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

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

#[test]
fn keys_are_listed_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let missing = refusal(dir.path(), &["keys", "list", "--data", "d"], 1);
    assert!(
        missing.contains("cannot list the keys of d: a ledger in data folder d does not exist"),
        "{missing}"
    );
    let server = Server::start(fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "d"]));
    let create = ["keys", "create", "--name", "guest", "--scope", "jobs:read", "--data", "d"];
    let token = output(dir.path(), &[&create[..], &["--expires", "2h", "--user", "eve"]].concat());
    let id = &token[4..12];
    let list = || output(dir.path(), &["keys", "list", "--data", "d"]);
    let text = list();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "titles, admin, guest: {text}");
    assert!(lines[0].starts_with("ID") && lines[1].contains("admin"));
    for word in [id, "guest", "eve", "jobs:read", "never", "active"] {
        assert!(lines[2].contains(word), "{word}: {text}");
    }
    assert!(!text.contains(token[13..].trim()));
    assert_eq!(server.get("/user/quota", token.trim()).0, 200);
    output(dir.path(), &["keys", "revoke", id, "--data", "d"]);
    let begun = std::time::Instant::now();
    while server.get("/user/quota", token.trim()).0 != 401 {
        assert!(begun.elapsed().as_secs() < 60, "it still works");
    }
    let text = list();
    assert!(
        text.lines().nth(2).unwrap().ends_with("revoked") && !text.lines().nth(2).unwrap().contains("never")
    );
    let unknown = refusal(dir.path(), &["keys", "revoke", "-unknown", "--data", "d"], 1);
    assert!(unknown.contains("key \"-unknown\" does not exist"), "{unknown}");
    let when = refusal(dir.path(), &["keys", "create", "--name", "a", "--expires", "soon"], 2);
    assert!(when.contains("expected a span such as 90d or 12h"), "{when}");
    let project = refusal(dir.path(), &["keys", "create", "--name", "a", "--project", "9", "--data", "d"], 1);
    assert!(project.contains("project 9 does not exist"), "{project}");
}

#[test]
fn a_client_buys_its_token_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data", "d"];
    let server = Server::start(fieldstone(dir.path(), &args));
    let made = output(dir.path(), &["clients", "create", "--name", "pipeline", "--data", "d"]);
    let of =
        |name: &str| made.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('=')).unwrap().to_owned();
    let (id, secret) = (of("client_id"), of("client_secret"));
    let line = server.seen.lines().find_map(|l| l.strip_prefix("TLS on ")).expect("it says where").to_owned();
    let (url, path) = line.split_once(", trust ").unwrap();
    let pem = std::fs::read(dir.path().join(path)).unwrap();
    let trusted = reqwest::Certificate::from_pem(&pem).unwrap();
    fieldstone_engine::choose_cryptography();
    let http = reqwest::blocking::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let body =
        serde_json::json!({"client_id": id, "client_secret": secret, "grant_type": "client_credentials"});
    let bought = http.post(format!("{url}/oauth/token")).json(&body).send().unwrap();
    let bought: serde_json::Value = bought.error_for_status().unwrap().json().unwrap();
    assert_eq!(server.get("/projects", bought["access_token"].as_str().unwrap()).0, 200);
    let list = output(dir.path(), &["clients", "list", "--data", "d"]);
    assert!(list.contains(&id) && !list.contains(&secret) && !list.contains("admin"), "{list}");
    output(dir.path(), &["clients", "revoke", &id, "--data", "d"]);
    let again = http.post(format!("{url}/oauth/token")).json(&body).send().unwrap();
    assert_eq!(again.status(), 401);
}
