//! Clients, as patient as real ones: what is not answered, or answered with "later", is asked again, of any server.

use crate::served::{Answer, Api, Choices, checksum};
use crate::site::{HEADS, Site};
use crate::work::{self, VARIANTS};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A client that gets no answer for so long has lost its service.
const MOST: Duration = Duration::from_secs(240);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(40);

/// What was acknowledged.
#[derive(Default)]
pub struct Promises {
    /// Asset and checksum.
    pub uploads: Vec<(String, String)>,
    /// Assets that are gone.
    pub deleted: Vec<String>,
    /// Workflow and variant.
    pub workflows: Vec<(String, usize)>,
    /// Those of them that were cancelled before their end.
    pub cancelled: HashSet<String>,
    /// How often a request had to be sent again.
    pub again: usize,
}

pub struct Client<'a> {
    apis: [Api; HEADS],
    project: &'a str,
    choices: Choices,
    promises: &'a Mutex<Promises>,
}

impl<'a> Client<'a> {
    pub fn new(site: &Site, project: &'a str, choices: Choices, promises: &'a Mutex<Promises>) -> Client<'a> {
        Client { apis: std::array::from_fn(|head| site.api(head)), project, choices, promises }
    }

    /// Dispatches so many workflows, with uploads in between, and waits for them.
    pub fn work(&mut self, workflows: usize) {
        let mut mine = Vec::new();
        for _ in 0..workflows {
            for _ in 0..self.choices.below(3) {
                self.upload();
            }
            if self.choices.below(4) == 0 {
                self.delete();
            }
            let workflow = self.dispatch();
            match self.choices.below(8) {
                0 => self.cancel(&workflow),
                1..5 => self.wait_for(&workflow),
                _ => mine.push(workflow),
            }
        }
        mine.iter().for_each(|workflow| self.wait_for(workflow));
    }

    fn upload(&mut self) {
        let size =
            if self.choices.below(8) == 0 { 9 << 20 } else { 1 + self.choices.below(100_000) as usize };
        let word = self.choices.next();
        let bytes: Vec<u8> =
            (0..size).map(|i| (word.rotate_left(i as u32) as usize ^ (i >> 3)) as u8).collect();
        let (project, name) = (self.project, format!("file{word:x}.dat"));
        let (_, asset) = self
            .ask(&[201], |api| api.upload(project, &name, std::io::Cursor::new(bytes.clone()), size as u64));
        assert_eq!(asset["checksum"], checksum(&bytes), "{asset}");
        let id = asset["id"].as_str().unwrap().to_owned();
        self.promises.lock().unwrap().uploads.push((id, checksum(&bytes)));
    }

    fn dispatch(&mut self) -> String {
        let variant = self.choices.below(VARIANTS as u64) as usize;
        let (path, request) = (format!("/projects/{}/workflows", self.project), work::request(variant));
        let (_, workflow) = self.ask(&[202], |api| api.post(&path, &request));
        let id = workflow["id"].as_str().unwrap().to_owned();
        self.promises.lock().unwrap().workflows.push((id.clone(), variant));
        id
    }

    /// Deletes something that somebody has uploaded.
    fn delete(&mut self) {
        let Some((id, _)) = self.promises.lock().unwrap().uploads.pop() else { return };
        let path = format!("/projects/{}/assets/{id}", self.project);
        // The answer to the first try may be lost.
        self.ask(&[200, 404], |api| api.delete(&path));
        self.promises.lock().unwrap().deleted.push(id);
    }

    /// Cancels a workflow, if it has not ended.
    fn cancel(&mut self, workflow: &str) {
        std::thread::park_timeout(Duration::from_millis(self.choices.below(1500)));
        let path = format!("/projects/{}/workflows/{workflow}", self.project);
        let (status, said) = self.ask(&[200, 409], |api| api.post(&format!("{path}/cancel"), &json!({})));
        let (_, shown) = self.ask(&[200], |api| api.get(&path));
        let expected: &[&str] = if status == 200 { &["canceled"] } else { &["canceled", "success"] };
        assert!(expected.iter().any(|state| shown["state"] == *state), "{said}, then {shown}");
        if shown["state"] == "canceled" {
            self.promises.lock().unwrap().cancelled.insert(workflow.to_owned());
        }
    }

    fn wait_for(&mut self, workflow: &str) {
        let path = format!("/projects/{}/workflows/{workflow}/status", self.project);
        let (_, ended) = self.ask(&[201], |api| api.get(&path));
        assert_eq!(ended["state"], "success", "workflow {workflow}: {ended}");
    }

    /// Asks until one of these statuses is the answer. Others say that it is to be asked again, or are errors.
    fn ask(&mut self, wanted: &[u16], mut request: impl FnMut(&Api) -> Answer) -> (u16, Value) {
        let begun = Instant::now();
        loop {
            let at = self.choices.below(HEADS as u64) as usize;
            let said = match request(&self.apis[at]) {
                Ok((status, body)) if wanted.contains(&status) => return (status, body),
                Ok((202, body)) => body.to_string(),
                Ok((503 | 429, body)) => self.again(body.to_string()),
                Ok((status, body)) => panic!("a server answers {status}: {body}"),
                Err(e) => self.again(e.to_string()),
            };
            assert!(begun.elapsed() < MOST, "no end for {MOST:?}, the last word was {said}");
            std::thread::park_timeout(PAUSE);
        }
    }

    fn again(&self, said: String) -> String {
        self.promises.lock().unwrap().again += 1;
        said
    }
}
