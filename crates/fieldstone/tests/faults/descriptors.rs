//! A process that may open no more files: requests that need one are told to come again, and all is well when it may.

use crate::served::{Api, Served, check, token};
use reqwest::blocking::multipart::{Form, Part};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

/// Lets the process open files with numbers below `most` alone; returns what it might before.
fn may_open(server: &Served, most: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(server.pid() as i32).unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: most, maximum }).unwrap().current
}

#[test]
fn no_descriptor_left_is_503_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = token(&data);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn")]);
    let api = Api::new(&server.url, &key);
    let project = api.project("crowded");
    let asset = api.must_upload(&project, "a.bin", b"all of it");
    let asset = asset["id"].as_str().unwrap();
    let path = format!("/projects/{project}/assets/{asset}?download=true");
    let link = api.get(&path).unwrap().1["link"].as_str().unwrap().to_owned();
    // One connection, open before: none has to be accepted in between.
    let client = reqwest::blocking::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let download = || {
        let reply = client.get(&link).send().unwrap();
        let (status, again) = (reply.status().as_u16(), reply.headers().contains_key("retry-after"));
        (status, again, reply.bytes().unwrap().to_vec())
    };
    let upload = || {
        let form = Form::new().part("file", Part::bytes(b"more".to_vec()).file_name("b.bin"));
        let url = format!("{}/projects/{project}/assets", server.url);
        let reply = client.post(url).bearer_auth(&key).multipart(form).send().unwrap();
        (
            reply.status().as_u16(),
            reply.headers().contains_key("retry-after"),
            reply.bytes().unwrap().to_vec(),
        )
    };
    assert_eq!(download(), (200, false, b"all of it".to_vec()));
    let before = may_open(&server, Some(3));
    for (status, again, body) in [download(), upload(), download()] {
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, again), (503, true), "{body}");
        assert!(body["msg"].as_str().unwrap().contains("no file descriptor left"), "{body}");
    }
    may_open(&server, before);
    assert_eq!(download(), (200, false, b"all of it".to_vec()));
    assert_eq!(upload().0, 201);
    drop(server);
    check(&data, "check");
}
