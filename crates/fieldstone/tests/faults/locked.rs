//! Another process that keeps the ledger locked: a backup tool, somebody's `sqlite3`.

use crate::served::{Api, Served, box_stl, check, token};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection of our own, as any other process has it.
struct Other {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

impl Other {
    fn open(data: &Path) -> Other {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = SqliteConnectOptions::new().filename(data.join("ledger.sqlite"));
        let options = options.busy_timeout(Duration::from_secs(60));
        let connection = runtime.block_on(SqliteConnection::connect_with(&options)).unwrap();
        Other { runtime, connection }
    }

    fn lock(&mut self) {
        self.runtime.block_on(self.connection.execute("BEGIN EXCLUSIVE")).unwrap();
    }

    fn unlock(&mut self) {
        self.runtime.block_on(self.connection.execute("COMMIT")).unwrap();
    }
}

#[test]
fn a_locked_ledger_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn")]);
    let api = Api::new(&server.url, &token);
    let project = api.project("locked");
    api.must_upload(&project, "part.stl", &box_stl([10.0, 20.0, 30.0], 8));
    let sample = |resolution: u32| {
        let parameters = json!({"mesh_filename": "part.stl", "max_resolution": resolution});
        let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
        api.post(&format!("/projects/{project}/jobs"), &body).unwrap()
    };
    let mut other = Other::open(&data);

    // A short lock is only a longer answer, and readers do not notice.
    other.lock();
    let late = std::thread::scope(|scope| {
        let late = scope.spawn(|| sample(16));
        for _ in 0..50 {
            assert_eq!(api.get(&format!("/projects/{project}/jobs")).unwrap(), (200, json!([])));
        }
        assert!(!late.is_finished(), "it cannot be acknowledged before it is written");
        other.unlock();
        late.join().unwrap()
    });
    assert_eq!(late.0, 202, "{}", late.1);
    assert_eq!(api.finished(&format!("/projects/{project}/jobs/1/status")).0, 201);

    // A long one is refused in time, and a job that ends meanwhile keeps its result.
    let (status, job) = sample(64);
    assert_eq!(status, 202, "{job}");
    let path = format!("/projects/{project}/jobs/{}", job["id"].as_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    while api.get(&path).unwrap().1["state"] == "pending" {
        assert!(Instant::now() < deadline, "it never starts");
    }
    other.lock();
    let (status, body) = api.post("/projects", &json!({"name": "refused"})).unwrap();
    assert_eq!((status, &body["code"]), (503, &json!(503)), "{body}");
    assert!(body["msg"].as_str().unwrap().contains("locked"), "{body}");
    other.unlock();
    assert_eq!(api.finished(&format!("{path}/status")).0, 201);
    let log = api.get(&format!("{path}/log")).unwrap().1;
    let starts = log.as_array().unwrap().iter().filter(|l| l["text"].as_str().unwrap().ends_with("started"));
    assert_eq!(starts.count(), 1, "its work was not done twice: {log:#}");
    let projects = api.get("/projects").unwrap().1;
    assert_eq!(projects.as_array().unwrap().len(), 1, "nothing is left of what was refused: {projects}");
    check(&data, "check");
    drop(server);
    check(&data, "check");
}
