//! A ledger in PostgreSQL: what is refused at the start, and a database that goes away for a while.

use crate::served::{Api, Served, box_stl, check, patiently};
use fieldstone_engine::testing::Postgres;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn fieldstone(arguments: &[&str], data: &Path, database: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldstone"));
    command.args(arguments).arg("--data").arg(data).env("FIELDSTONE_DATABASE", database);
    command.output().expect("the binary runs")
}

/// What a server says that does not start.
fn refusal(data: &Path, database: &str) -> String {
    let output = fieldstone(&["serve", "--listen", "127.0.0.1:0"], data, database);
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_database_that_is_wrong_is_refused_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let nobody = refusal(&data, "postgres://me:s3cret@127.0.0.1:1/fields");
    let said = "the database postgres://127.0.0.1:1/fields cannot be reached: ";
    assert!(nobody.contains(said) && !nobody.contains("s3cret"), "{nobody}");
    let other = refusal(&data, "mysql://me:s3cret@127.0.0.1/fields");
    let said = "setting FIELDSTONE_DATABASE: database: expected postgres://user:password@host:port/name";
    assert!(other.contains(said) && !other.contains("s3cret"), "{other}");
}

#[test]
fn a_database_that_goes_away_comes_back() {
    let Some(database) = Postgres::start().expect("PostgreSQL starts") else {
        return eprintln!("left out: no PostgreSQL is installed (Debian: apt-get install postgresql)");
    };
    let (folder, url) = (tempfile::tempdir().unwrap(), database.url());
    let data = folder.path().join("data");
    let made = fieldstone(&["keys", "create", "--name", "test"], &data, &url);
    let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    assert!(!token.is_empty(), "{made:?}");
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn"), ("FIELDSTONE_DATABASE", &url)]);
    let api = Api::new(&server.url, &token);
    let project = api.project("away");
    assert!(!data.join("ledger.sqlite").exists());
    // Another server beside it would have to share its folder.
    let second = refusal(&folder.path().join("second"), &url);
    assert!(second.contains("uses the same database with another data folder than"), "{second}");
    api.must_upload(&project, "part.stl", &box_stl([10.0, 20.0, 30.0], 8));

    let parameters = json!({"mesh_filename": "part.stl", "max_resolution": 300});
    let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
    let (status, job) = api.post(&format!("/projects/{project}/jobs"), &body).unwrap();
    assert_eq!(status, 202, "{job}");
    let path = format!("/projects/{project}/jobs/{}", job["id"].as_str().unwrap());
    // It has its inputs and computes.
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let works = || entries(&data.join("work")).any(|server| entries(&server.path()).next().is_some());
    patiently("it never starts", || works().then_some(()));
    database.stop().unwrap();
    for path in ["/projects", "/readyz"] {
        let (status, said) = api.get(path).unwrap();
        assert_eq!(status, 503, "{path}: {said}");
    }
    let (status, said) = api.post("/projects", &json!({"name": "refused"})).unwrap();
    assert_eq!(status, 503, "{said}");
    assert!(said["msg"].as_str().unwrap().contains("does not answer"), "{said}");
    database.go_on().unwrap();
    patiently("it does not come back", || (api.get("/readyz").unwrap().0 == 200).then_some(()));
    assert_eq!(api.post("/projects", &json!({"name": "taken"})).unwrap().0, 201);
    assert_eq!(api.finished(&format!("{path}/status")).0, 201);
    let log = api.get(&format!("{path}/log")).unwrap().1;
    let starts = log.as_array().unwrap().iter().filter(|l| l["text"].as_str().unwrap().ends_with("started"));
    assert_eq!(starts.count(), 1, "its work was not done twice: {log:#}");
    for command in ["check", "gc"] {
        let output = fieldstone(&[command], &data, &url);
        assert!(output.status.success() && output.stdout.is_empty(), "{command}: {output:?}");
    }

    drop(server);
    let backup = fieldstone(&["backup", folder.path().join("copy").to_str().unwrap()], &data, &url);
    assert!(String::from_utf8_lossy(&backup.stderr).contains("pg_dump"), "{backup:?}");
    let elsewhere = refusal(&folder.path().join("elsewhere"), &url);
    assert!(elsewhere.contains("names files that are stored in another data folder"), "{elsewhere}");
    let mut copy = Command::new(env!("CARGO_BIN_EXE_fieldstone"));
    let copy = copy.args(["db", "copy", "--from", &url, "--to"]).arg(&data).output().unwrap();
    assert!(copy.status.success() && copy.stdout.starts_with(b"meta "), "{copy:?}");
    // The folder is whole by itself again.
    check(&data, "check");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("UPDATE _sqlx_migrations SET version = 999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").await.unwrap();
        connection.close().await.unwrap();
    });
    let newer = refusal(&data, &url);
    assert!(newer.contains("has schema version 999, this fieldstone knows up to"), "{newer}");
}

/// As docs/operations.md says.
#[test]
fn a_dump_and_a_copy_of_the_files_are_a_backup() {
    let Some(database) = Postgres::start().expect("PostgreSQL starts") else {
        return eprintln!("left out: no PostgreSQL is installed (Debian: apt-get install postgresql)");
    };
    let (folder, url) = (tempfile::tempdir().unwrap(), database.url());
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let made = fieldstone(&["keys", "create", "--name", "test"], &data, &url);
    let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "error"), ("FIELDSTONE_DATABASE", &url)]);
    let api = Api::new(&server.url, &token);
    let project = api.project("kept");
    let part = box_stl([10.0, 20.0, 30.0], 8);
    let asset = api.must_upload(&project, "part.stl", &part);
    std::fs::create_dir_all(backup.join("blobs")).unwrap();
    std::fs::copy(data.join("blobs/ledger.mark"), backup.join("blobs/ledger.mark")).unwrap();
    let dump = database.program("pg_dump").arg("postgres").output().unwrap();
    assert!(dump.status.success(), "{dump:?}");
    // What comes after the dump is no part of the backup and keeps nobody from using it.
    api.must_upload(&project, "late.stl", &box_stl([1.0, 2.0, 3.0], 2));
    copy_all(&data.join("blobs"), &backup.join("blobs"));
    drop(server);

    assert!(database.program("createdb").arg("restored").status().unwrap().success());
    let mut restore = database.program("psql");
    let restore = restore.args(["-q", "-d", "restored"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut restore = restore.unwrap();
    restore.stdin.take().unwrap().write_all(&dump.stdout).unwrap();
    assert!(restore.wait().unwrap().success());
    let restored = database.url_of("restored");
    let server = Served::start(&backup, &[("FIELDSTONE_LOG", "error"), ("FIELDSTONE_DATABASE", &restored)]);
    let api = Api::new(&server.url, &token);
    assert_eq!(api.download(&project, asset["id"].as_str().unwrap()), part);
    assert_eq!(api.get(&format!("/projects/{project}/assets")).unwrap().1.as_array().unwrap().len(), 1);
    let checked = fieldstone(&["check"], &backup, &restored);
    assert!(checked.status.success() && checked.stdout.is_empty(), "{checked:?}");
}

/// Every file but the mark.
fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_all(&entry.path(), &to),
            false if entry.file_name() == "ledger.mark" => {}
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}
