//! What must hold in the end.

use crate::clients::Promises;
use crate::served::{Api, checksum};
use crate::site::{HEADS, Site};
use crate::work::{JOBS, Results, result};
use serde_json::Value;
use std::collections::HashMap;

/// What was promised, and what comes of the same work in peace.
pub struct Verdict<'a> {
    pub site: &'a Site,
    pub project: &'a str,
    pub promises: &'a Promises,
    pub calm: &'a [Results],
}

impl Verdict<'_> {
    /// Fails at what does not hold; the number of jobs.
    pub fn pass(&self) -> usize {
        let apis: [Api; HEADS] = std::array::from_fn(|head| self.site.api(head));
        let lists = apis.each_ref().map(|api| self.list(api, "workflows"));
        let shown = lists.each_ref().map(|list| list.iter().map(|w| w["id"].clone()).collect::<Vec<_>>());
        assert_eq!(shown[0], shown[1], "both servers show the same workflows");
        // Those whose acknowledgement was lost on its way, too.
        for workflow in &lists[0] {
            let path =
                format!("/projects/{}/workflows/{}/status", self.project, workflow["id"].as_str().unwrap());
            let (status, ended) = apis[1].finished(&path);
            let was_cancelled = self.promises.cancelled.contains(workflow["id"].as_str().unwrap());
            let expected = if was_cancelled { "canceled" } else { "success" };
            assert_eq!((status, &ended["state"]), (201, &expected.into()), "{ended}");
        }
        let jobs = self.list(&apis[0], "jobs");
        let by_id: HashMap<&str, &Value> =
            jobs.iter().map(|job| (job["id"].as_str().unwrap(), job)).collect();
        for (id, variant) in &self.promises.workflows {
            let (_, workflow) = apis[0].get(&format!("/projects/{}/workflows/{id}", self.project)).unwrap();
            let ids = workflow["jobs"].as_array().unwrap_or_else(|| panic!("workflow {id}: {workflow}"));
            let jobs = ids.iter().map(|id| by_id[id.as_str().unwrap()]);
            let results: Results =
                jobs.map(|job| (job["name"].as_str().unwrap().to_owned(), result(job))).collect();
            if !self.promises.cancelled.contains(id) {
                assert_eq!(results, self.calm[*variant], "workflow {id}");
            }
            // What had ended before a cancel stays as it was.
            for (name, found) in results.iter().filter(|(_, found)| found["state"] != "canceled") {
                assert_eq!(found, &self.calm[*variant][name], "workflow {id}, {name}");
            }
        }
        self.each_once(&apis[0], &jobs);
        for (at, (id, expected)) in self.promises.uploads.iter().enumerate() {
            let bytes = apis[at % HEADS].download(self.project, id);
            assert_eq!(checksum(&bytes), *expected, "asset {id}");
        }
        for (at, id) in self.promises.deleted.iter().enumerate() {
            let path = format!("/projects/{}/assets/{id}", self.project);
            let (status, said) = apis[at % HEADS].get(&path).unwrap();
            assert_eq!(status, 404, "{said}");
        }
        jobs.len()
    }

    /// Every job ended once, with as many assets as it says, and there are no others.
    fn each_once(&self, api: &Api, jobs: &[Value]) {
        let assets = self.list(api, "assets");
        let mut made: HashMap<&str, usize> = HashMap::new();
        for id in assets.iter().filter_map(|asset| asset["job_id"].as_str()) {
            *made.entry(id).or_default() += 1;
        }
        for job in jobs {
            let said = job["outputs"]["assets"].as_object().map_or(0, |slots| slots.len());
            let made = made.remove(job["id"].as_str().unwrap()).unwrap_or(0);
            assert_eq!(said, made, "{job}");
            assert!(job["state"] == "success" || job["state"] == "canceled" && made == 0, "{job}");
        }
        assert!(made.is_empty(), "assets of no job: {made:?}");
        assert!(jobs.len().is_multiple_of(JOBS) && jobs.len() >= JOBS * self.promises.workflows.len());
        let mut ended: Vec<i64> =
            jobs.iter().map(|job| job["id"].as_str().unwrap().parse().unwrap()).collect();
        ended.sort_unstable();
        assert_eq!(self.site.ends(), ended, "each job ended once, as the database saw it");
    }

    fn list(&self, api: &Api, what: &str) -> Vec<Value> {
        let (status, list) = api.get(&format!("/projects/{}/{what}", self.project)).unwrap();
        assert_eq!(status, 200, "{list}");
        list.as_array().unwrap_or_else(|| panic!("{list}")).clone()
    }
}
