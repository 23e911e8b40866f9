//! The audit log of a server and of the commands beside it.

use crate::harness::{Server, call, fieldstone, names};
use serde_json::Value;
use std::path::Path;

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--data", "d"];

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_server_and_commands_beside_it_write_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(fieldstone(dir.path(), &SERVE));
    let made = call(
        dir.path(),
        &["keys", "create", "--name", "guest", "--user", "eve", "--scope", "jobs:read", "--data", "d"],
    );
    let token = String::from_utf8(made.stdout).unwrap();
    let id = &token[4..12];
    let client = call(dir.path(), &["clients", "create", "--name", "pipeline", "--data", "d"]);
    assert!(call(dir.path(), &["keys", "revoke", id, "--data", "d"]).status.success());
    assert!(!call(dir.path(), &["keys", "revoke", "nobody", "--data", "d"]).status.success());
    assert!(call(dir.path(), &["gc", "--data", "d"]).status.success());
    assert_eq!(server.terminate().0, Some(0));
    let path = dir.path().join("d/audit.jsonl");
    let lines = lines(&path);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let expected = ["server.start", "key.create", "client.create", "key.revoke", "data.gc", "server.stop"];
    assert_eq!(events, expected);
    assert_eq!(
        (&lines[1]["key"], &lines[1]["for"], &lines[1]["with"]),
        (&id.into(), &"eve".into(), &"command".into())
    );
    assert_eq!((&lines[3]["key"], &lines[3]["outcome"]), (&id.into(), &"done".into()));
    assert_eq!(lines[1]["scopes"], serde_json::json!(["jobs:read"]));
    let text = std::fs::read_to_string(&path).unwrap();
    let secret = String::from_utf8(client.stdout).unwrap();
    let secret = secret.lines().nth(1).unwrap().strip_prefix("client_secret=").unwrap().to_owned();
    for secret in [token[13..].trim(), &secret] {
        assert!(!text.contains(secret));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn it_lies_where_the_settings_say_or_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let with = |args: &[&str]| Server::start(fieldstone(dir.path(), &[&SERVE, args].concat())).terminate();
    assert_eq!(with(&["--audit-files", "0"]).0, Some(0));
    assert!(!names(&dir.path().join("d")).iter().any(|name| name.starts_with("audit")));
    assert_eq!(with(&["--audit-log", "elsewhere", "--audit-size", "200", "--audit-files", "2"]).0, Some(0));
    assert_eq!(names(dir.path()), ["d", "elsewhere"]);
    assert_eq!(with(&["--audit-log", "elsewhere", "--audit-size", "200", "--audit-files", "2"]).0, Some(0));
    assert_eq!(names(dir.path()), ["d", "elsewhere", "elsewhere.1"]);
}
