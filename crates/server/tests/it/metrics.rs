//! `/metrics`, read as strictly as Prometheus reads it.

use crate::harness::{Server, send, tetrahedron_stl};
use fieldstone_engine::Pilots;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Samples by name and labels (in the order given, without quotes), checked against the rules of the format.
struct Page(HashMap<String, f64>);

impl Page {
    fn read(text: &str) -> Page {
        assert!(text.ends_with('\n'), "the last line must end");
        let (mut kinds, mut samples) = (HashMap::new(), HashMap::new());
        let (mut current, mut helped) = (String::new(), HashSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help has a text");
                assert!(helped.insert(name.to_owned()) && !help.is_empty(), "{line}");
                current = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type has a word");
                assert_eq!(name, current, "a type follows its help");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            } else {
                let (name, labels, value) = sample(line);
                let kind = kinds.get(&current).expect("samples follow their type");
                let expected: &[&str] =
                    if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(
                    expected.iter().any(|end| name == format!("{current}{end}")),
                    "{line} under {current}"
                );
                assert!(value >= 0.0 && value.is_finite(), "{line}");
                assert!(samples.insert(key(&name, &labels), value).is_none(), "twice: {line}");
            }
        }
        let page = Page(samples);
        page.check_histograms();
        page
    }

    /// Classes grow and end with +Inf, which is the count.
    fn check_histograms(&self) {
        let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (key, value) in &self.0 {
            if let Some((family, rest)) = key.split_once("_bucket{") {
                let (labels, le) =
                    rest.trim_end_matches('}').rsplit_once("le=").expect("a bucket has a bound");
                let bound = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
                let labels = labels.trim_end_matches(',');
                series.entry(format!("{family}_count{{{labels}}}")).or_default().push((bound, *value));
            }
        }
        assert!(!series.is_empty());
        for (count, mut classes) in series {
            classes.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(classes.windows(2).all(|w| w[0].1 <= w[1].1), "{count}: {classes:?}");
            assert_eq!(classes.last(), Some(&(f64::INFINITY, self.0[&count])), "{count}");
            assert!(self.0.contains_key(&count.replace("_count{", "_sum{")));
        }
    }

    fn value(&self, key: &str) -> f64 {
        *self.0.get(key).unwrap_or_else(|| panic!("no {key} in {:#?}", self.0.keys()))
    }
}

fn key(name: &str, labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
    format!("{name}{{{}}}", labels.join(","))
}

/// `name{label="value",…} number`, character by character.
fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let word = |text: &str| {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let end = line.find(['{', ' ']).expect("a sample has a value");
    let (name, mut rest) = line.split_at(end);
    assert!(word(name), "{line}");
    let mut labels = Vec::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").expect("labels are name=\"value\"");
            assert!(word(label), "{line}");
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next().expect("values end with a quote") {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().expect("something is escaped").1 {
                        'n' => value.push('\n'),
                        c @ ('"' | '\\') => value.push(c),
                        c => panic!("\\{c} in {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            inside = &after[end + 1..];
            match inside.strip_prefix(',') {
                Some(more) => inside = more,
                None => break,
            }
        }
        rest = inside.strip_prefix('}').expect("labels end with a brace");
    }
    let number = rest.strip_prefix(' ').expect("one blank before the value");
    (name.to_owned(), labels, number.parse().unwrap_or_else(|_| panic!("{number:?} in {line}")))
}

async fn page(server: &Server) -> Page {
    let answer = send(server.bare(Method::GET, "/metrics")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Page::read(&String::from_utf8(answer.bytes).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_what_was_done() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    server.upload(&project, "a.stl", &tetrahedron_stl()).await.expect(201);
    for (job, end) in [("test/copy", 201), ("test/fail", 400), ("no/such", 400)] {
        let body = json!({"type": job, "assets": {"mesh": "a.stl"}});
        let job = server.post(&format!("{project}/jobs"), body).await.expect(202);
        assert_eq!(server.poll(job["link"].as_str().unwrap()).await.status, end);
    }
    send(server.bare(Method::GET, "/nowhere")).await.error(404);
    send(server.bare(Method::PUT, "/projects")).await.error(405);
    let page = page(&server).await;
    assert_eq!(page.value("fieldstone_jobs{state=success,type=test/copy}"), 1.0);
    assert_eq!(page.value("fieldstone_jobs{state=failure,type=test/fail}"), 1.0);
    assert_eq!(page.value("fieldstone_jobs{state=failure,type=other}"), 1.0);
    assert_eq!(page.value("fieldstone_queue_length"), 0.0);
    assert_eq!(page.value("fieldstone_queue_oldest_age_seconds"), 0.0);
    assert_eq!(page.value("fieldstone_attempts_total{end=success}"), 1.0);
    assert_eq!(page.value("fieldstone_attempts_total{end=failure}"), 2.0);
    assert_eq!(page.value("fieldstone_leases_lost_total"), 0.0);
    // The copy's bytes are the upload's.
    assert_eq!(page.value("fieldstone_blobs"), 1.0);
    assert_eq!(page.value("fieldstone_blob_bytes"), tetrahedron_stl().len() as f64);
    let requests =
        |labels: &str| page.value(&format!("fieldstone_http_request_duration_seconds_count{{{labels}}}"));
    assert_eq!(requests("route=/projects/{projectId}/jobs,method=POST,status=202"), 3.0);
    assert_eq!(requests("route=/projects/{projectId}/assets,method=POST,status=201"), 1.0);
    assert_eq!(requests("route=other,method=other,status=404"), 1.0);
    assert_eq!(requests("route=other,method=other,status=405"), 1.0);
    #[cfg(target_os = "linux")]
    assert!(page.value("process_resident_memory_bytes") > 1e6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_jobs_are_the_queue() {
    let server = Server::start().await;
    let project = server.project().await;
    server.upload(&project, "a.stl", b"a").await.expect(201);
    for _ in 0..3 {
        let body = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
        server.post(&format!("{project}/jobs"), body).await.expect(202);
    }
    let page = page(&server).await;
    assert_eq!(page.value("fieldstone_queue_length"), 3.0);
    assert!(page.value("fieldstone_queue_oldest_age_seconds") > 0.0);
    assert_eq!(page.value("fieldstone_jobs{state=pending,type=test/copy}"), 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_elsewhere_it_takes_a_key() {
    let server = Server::start().await;
    for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let proxied = || server.bare(Method::GET, "/metrics").header(name, "203.0.113.7");
        send(proxied()).await.error(401);
        assert_eq!(send(proxied().bearer_auth(&server.token)).await.status, 200);
        send(proxied().bearer_auth("fst_nobody")).await.error(401);
    }
}

/// What dashboard and alerts in packaging/monitoring ask for is on the page: each name, and each value of a label.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboards_and_alerts_ask_for_what_there_is() {
    let server = Server::start().await;
    server.engine.start();
    server.engine.set_pilots(Pilots::default());
    let project = server.project().await;
    server.upload(&project, "a.stl", &tetrahedron_stl()).await.expect(201);
    let body = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
    let job = server.post(&format!("{project}/jobs"), body).await.expect(202);
    server.poll(job["link"].as_str().unwrap()).await;
    server.get(job["link"].as_str().unwrap().trim_end_matches("/status")).await.expect(200);
    let text = String::from_utf8(server.get("/metrics").await.bytes).unwrap();
    let read = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/monitoring/");
        std::fs::read_to_string(format!("{path}{name}")).unwrap()
    };
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(asked.len() > 20, "{asked:?}");
    let alerts = read("alerts.yml");
    asked.extend(alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned));
    assert_eq!(alerts.matches("- alert: ").count(), alerts.matches(" expr: ").count());
    for expression in &asked {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("fieldstone_") || word.starts_with("process_"));
        for name in names {
            let ends = ["_bucket", "_sum", "_count", ""].iter().filter_map(|end| name.strip_suffix(end));
            let known = ends.map(|family| format!("# TYPE {family} ")).any(|line| text.contains(&line));
            assert!(known, "{name} in {expression}");
        }
        // The values in quotes that are compared as they are.
        for (at, _) in expression.match_indices("=\"") {
            let label = expression[..at].rsplit(['{', ',']).next().unwrap();
            let value = expression[at + 2..].split('"').next().unwrap();
            assert!(
                label == "job" || text.contains(&format!("{label}=\"{value}\"")),
                "{label}={value} in {expression}"
            );
        }
    }
}
