//! What a request brings beside its document: ranges, links, tokens, files; and whole requests.

use fieldstone_engine::filename::check_filename;
use fieldstone_engine::model::{Access, Caller, ListQuery, NewJob, NewKey, NewProject, NewWorkflow};
use fieldstone_engine::{Engine, EngineConfig};
use fieldstone_jobs::JOB_TYPES;
use fieldstone_server::ServerConfig;
use fieldstone_server::testing::{self, Service};
use serde_json::Value;
use std::cell::RefCell;

const SHA: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// What an attacker does not know.
const KEY: &[u8; 32] = &[0xa5; 32];
/// The issuer's key, of which nobody has the private half at hand: the base point of P-256.
const KEYS: &[u8] = br#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}"#;

/// Two bytes are a blob's size, the rest is a `Range`.
pub fn range(data: &[u8]) {
    let Some((size, header)) = data.split_first_chunk::<2>() else { return };
    let size = u64::from(u16::from_le_bytes(*size));
    if let Some(part) = testing::range(header, size) {
        assert!(part.start <= part.end && part.end <= size, "{part:?} of {size}");
        assert!(part.start < part.end || size == 0, "{part:?} of {size}");
    }
}

/// A filename, a line feed, the query of a link. Ours opens under its name; nothing that was made up does.
pub fn link(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filename, query) = text.split_once('\n').unwrap_or((text, ""));
    assert!(!testing::opens(KEY, SHA, filename, query));
    if check_filename(filename).is_err() {
        return;
    }
    assert_header(filename);
    let link = testing::link(KEY, SHA, filename, 1 << 40);
    let (path, ours) = link.split_once('?').expect("a query");
    assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path}");
    assert!(testing::opens(KEY, SHA, filename, ours));
    assert!(!testing::opens(KEY, SHA, &format!("{filename}x"), ours));
    assert!(!testing::opens(KEY, SHA, filename, &ours.replace("expires=1", "expires=2")));
}

/// A name that is allowed makes one header of one value, which no quote ends too early.
fn assert_header(filename: &str) {
    let header = testing::disposition(filename).unwrap_or_else(|| panic!("no header for {filename:?}"));
    let quotes = header.matches('"').count();
    assert!(quotes == 2 && !header.contains('\\') && header.is_ascii(), "{header}");
}

/// `Authorization`; after a line feed the keys of an issuer, without it one whose tokens nobody can make.
pub fn token(data: &[u8]) {
    match data.iter().position(|b| *b == b'\n') {
        Some(at) => _ = testing::token(&data[..at], &data[at + 1..]),
        None => assert_eq!(testing::token(data, KEYS), None),
    }
}

/// A multipart body with the boundary `X`.
pub fn upload(data: &[u8]) {
    let reading = testing::multipart(data.to_vec());
    let (names, bytes) = futures::executor::block_on(reading);
    assert!(bytes <= data.len());
    for name in names {
        assert!(check_filename(&name).is_ok());
        assert_header(&name);
    }
}

/// A server without sockets over a folder of its own, with a project, an asset, a job and a workflow: each is number 1.
struct Site {
    service: Service,
    token: String,
    runtime: tokio::runtime::Runtime,
    _data: tempfile::TempDir,
    answered: u32,
}

/// Requests that a site answers before there is a new one.
const ANSWERED: u32 = 500;

thread_local! {
    static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
}

async fn engine(data: &std::path::Path) -> Engine {
    let config = EngineConfig {
        data: data.to_owned(),
        concurrent_jobs: 1,
        threads: 1,
        max_attempts: 1,
        max_workflow_jobs: 100,
        max_upload_bytes: 1 << 20,
        ..EngineConfig::default()
    };
    Engine::open_with_types(config, JOB_TYPES).await.expect("a folder of its own")
}

/// Fills an engine and returns a token for it.
async fn furnish(engine: &Engine) -> String {
    let token = engine.create_key(NewKey { name: "k".into(), ..NewKey::default() }).await.expect("a key");
    let owner = engine.authenticate(&token).await.expect("authentication").expect("a caller");
    let owner: &Caller = &owner;
    let (name, access, kind) = ("p".into(), Access::Private, "unspecified".into());
    let new = NewProject { name, access, kind, project: None, source: None };
    let project = engine.create_project(owner, new).await.expect("a project").id;
    let mut upload = engine.begin_upload(project, 0).await.expect("an upload");
    upload.write("solid".into()).await.expect("bytes");
    upload.finish(owner, "part.stl").await.expect("an asset");
    let (params, assets) = (Default::default(), Default::default());
    let new = NewJob { type_name: "no/such".into(), name: None, params, assets, request: None };
    engine.create_job(owner, project, new).await.expect("a job");
    let (assets, parameters) = (Default::default(), Default::default());
    let definition = "jobs: {a: {type: no/such}}".into();
    let new = NewWorkflow { definition, assets, parameters, request: None };
    engine.create_workflow(owner, project, new).await.expect("a workflow");
    engine.list_jobs(owner, project, &ListQuery::default()).await.expect("a list");
    token
}

impl Site {
    fn new() -> Site {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let data = tempfile::tempdir().expect("a folder");
        let (service, token) = runtime.block_on(async {
            let engine = engine(data.path()).await;
            let token = furnish(&engine).await;
            let config =
                ServerConfig { max_request_rate: 0, max_upload_bytes: 1 << 20, ..ServerConfig::default() };
            (Service::new(engine, config), token)
        });
        Site { service, token, runtime, _data: data, answered: 0 }
    }
}

/// A request as text: `METHOD target`, headers, an empty line, the body; `{token}` is that of the owner. The answer is never
/// a 5xx, and what is no 2xx is an error body.
pub fn request(data: &[u8]) {
    let (head, body) = match data.windows(2).position(|w| w == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &data[..0]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    SITE.with_borrow_mut(|site| {
        let site = match site {
            Some(site) if site.answered < ANSWERED => site,
            _ => site.insert(Site::new()),
        };
        site.answered += 1;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.replace("{token}", &site.token)))
            .collect();
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let answer = site.service.answer((method, target), &headers, body.to_vec());
        if let Some((status, kind, body)) = site.runtime.block_on(answer) {
            assert!(status < 500, "{status}: {}", String::from_utf8_lossy(&body));
            if status >= 400 && method != "HEAD" {
                assert_eq!(kind, "application/json");
                let body: Value = serde_json::from_slice(&body).expect("JSON");
                assert_eq!(body["code"], status);
            }
        }
    });
}
