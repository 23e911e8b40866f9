//! `fieldstone serve`: settings in their order, the first start, the end.

use crate::harness::{Server, fieldstone, names, refusal};
use std::path::Path;

#[test]
fn the_first_start_shows_a_key_once_and_sigterm_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let command = || fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "d"]);
    let first = Server::start(command());
    let token = first.token.clone().expect("a new data folder gets an admin key");
    assert_eq!(first.get("/projects", &token), (200, serde_json::json!([])));
    let (code, rest) = first.terminate();
    assert_eq!(code, Some(0), "{rest}");
    assert!(rest.ends_with("stopped\n"), "{rest}");
    let second = Server::start(command());
    assert_eq!(second.token, None);
    assert_eq!(second.get("/projects", &token).0, 200);
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let data_of = |flag: &[&str], variable: Option<&str>| {
        let mut command = fieldstone(dir.path(), &["serve"]);
        command.args(flag);
        if let Some(value) = variable {
            command.env("FIELDSTONE_DATA", value).env("FIELDSTONE_UNRELATED", "ignored");
        }
        let before = names(dir.path());
        drop(Server::start(command));
        names(dir.path()).into_iter().filter(|n| !before.contains(n)).collect::<Vec<_>>()
    };
    write(dir.path(), "listen = \"127.0.0.1:0\"\n");
    assert_eq!(data_of(&[], None), ["fieldstone-data"]);
    write(dir.path(), "listen = \"127.0.0.1:0\"\ndata = \"of-file\"\nmax_upload = \"1 GiB\"\n");
    assert_eq!(data_of(&[], None), ["of-file"]);
    assert_eq!(data_of(&[], Some("of-variable")), ["of-variable"]);
    assert_eq!(data_of(&["--data", "of-flag"], Some("of-variable")), ["of-flag"]);
}

#[test]
fn a_wrong_setting_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let error = |args: &[&str]| refusal(dir.path(), &[&["serve"], args].concat(), 1);
    write(dir.path(), "listne = \"127.0.0.1:0\"\n");
    let text = error(&[]);
    assert!(text.starts_with("error: unknown setting \"listne\" in fieldstone.toml"), "{text}");
    write(dir.path(), "max_upload = \"2 apples\"\n");
    let text = error(&[]);
    let expected = "error: setting max_upload in fieldstone.toml: expected a size such as 512MiB or 2GiB, got \"2 apples\"\n";
    assert_eq!(text, expected);
    write(dir.path(), "");
    assert!(error(&["--max-attempts", "0"]).contains("setting max_attempts is 0, expected at least 1"));
    assert!(error(&["--public-url", "fields"]).contains("got \"fields\""));
    assert!(error(&["--listen", "nowhere"]).contains("cannot listen on \"nowhere\""));
    assert!(error(&["--tls-cert", "c.pem"]).contains("settings tls_cert and tls_key: expected both or none"));
    let tls = [
        "--listen",
        "127.0.0.1:0",
        "--tls-listen",
        "127.0.0.1:0",
        "--tls-cert",
        "c.pem",
        "--tls-key",
        "k.pem",
    ];
    assert!(error(&tls).contains("c.pem: cannot read certificates"));
    assert!(error(&["--audience", "a"]).contains("setting audience says something about the setting issuer"));
    assert!(error(&["--issuer-client", "a"]).contains("about the setting issuer, which is not set"));
    assert!(error(&["--issuer-scopes", "a"]).contains("about the setting issuer_client, which is not set"));
    let issuer = ["--listen", "127.0.0.1:0", "--issuer"];
    let with = |rest: &[&'static str]| error(&[&issuer[..], rest].concat());
    assert!(with(&["https://i.example/"]).contains("setting issuer needs the setting audience"));
    assert!(with(&["http://i.example/", "--audience", "a"]).contains("expected an https:// URL"));
    assert!(error(&["--config", "none.toml"]).contains("settings file none.toml does not exist"));
    let output = fieldstone(dir.path(), &["serve"]).env("FIELDSTONE_THREADS", "many").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: setting FIELDSTONE_THREADS: "), "{text}");
    let text = refusal(dir.path(), &["serve", "--max-upload", "2 apples"], 2);
    assert!(text.contains("got \"2 apples\""), "{text}");
    assert_eq!(names(dir.path()), ["fieldstone.toml"], "a refused start leaves nothing");
}

#[test]
fn a_data_folder_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", "d"];
    let _first = Server::start(fieldstone(dir.path(), &args));
    let text = refusal(dir.path(), &args, 1);
    assert!(text.contains("cannot open data folder d"), "{text}");
}

fn write(dir: &Path, text: &str) {
    std::fs::write(dir.join("fieldstone.toml"), text).unwrap();
}

#[test]
fn log_lines_carry_the_id_of_their_request() {
    let dir = tempfile::tempdir().unwrap();
    let lines = |format: &[&str]| {
        let args = [&["serve", "--listen", "127.0.0.1:0", "--data", "d", "--log", "debug"], format].concat();
        let server = Server::start(fieldstone(dir.path(), &args));
        let request = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let reply = request.get(format!("{}/healthz", server.url)).header("X-Request-Id", "mine-7").send();
        assert_eq!(reply.unwrap().headers()["x-request-id"], "mine-7");
        let (_, rest) = server.terminate();
        rest.lines().filter(|line| line.contains("mine-7")).map(str::to_owned).collect::<Vec<_>>()
    };
    // Not a terminal: JSON.
    for format in [&[][..], &["--log-format", "json"]] {
        let lines = lines(format);
        assert!(!lines.is_empty());
        for line in lines {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&line["span"]["id"], &line["span"]["path"]), (&"mine-7".into(), &"/healthz".into()));
            assert!(
                line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string()
            );
        }
    }
    let pretty = lines(&["--log-format", "pretty"]);
    assert!(
        !pretty.is_empty()
            && pretty.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_err())
    );
}

#[test]
fn a_stop_ends_streams_of_events_instead_of_waiting_for_them() {
    use std::io::{BufRead, BufReader, Read};
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(fieldstone(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "d"]));
    fieldstone_engine::choose_cryptography();
    let http = reqwest::blocking::Client::builder().no_proxy().timeout(None).build().unwrap();
    let token = server.token.clone().unwrap();
    let post = |path: &str, body: serde_json::Value| {
        let request = http.post(format!("{}{path}", server.url)).bearer_auth(&token).json(&body);
        request.send().unwrap().error_for_status().unwrap();
    };
    post("/projects", serde_json::json!({"name": "a"}));
    let stream = http.get(format!("{}/projects/1/events", server.url)).bearer_auth(&token).send().unwrap();
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    while !first.contains("ready") {
        stream.read_line(&mut first).unwrap();
    }
    let (code, said) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(!said.contains("cut off"), "{said}");
    // It ends as a stream does that is over, not in the middle.
    stream.read_to_string(&mut first).unwrap();
}
