//! Requests counted by route, method and status, with their durations, in fixed arrays of atomics: a count costs a few
//! nanoseconds and no lock.

mod text;

pub use text::Text;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Upper bounds of the classes of durations in seconds; the last class has none.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Statuses that are counted apart; all others together as 0.
const STATUSES: [u16; 20] =
    [0, 200, 201, 202, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 416, 429, 500, 501, 503, 507];

/// What happened with one route, method and status.
#[derive(Default)]
struct Class {
    durations: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

struct Route {
    method: String,
    path: &'static str,
    statuses: [Class; STATUSES.len()],
}

/// Requests since this server began.
pub struct Requests {
    routes: Vec<Route>,
    /// Path, then method, to the place in `routes`.
    index: HashMap<&'static str, Vec<(Method, usize)>>,
}

impl Requests {
    /// Counts requests to these routes (method in lower case, path), all others together.
    pub fn new(known: &'static [(&'static str, &'static str)]) -> Requests {
        let mut requests = Requests { routes: Vec::new(), index: HashMap::new() };
        requests.add("other".to_owned(), "other");
        for (method, path) in known {
            let method = method.to_uppercase();
            // A route that takes GET takes HEAD too.
            let methods = if method == "GET" { vec![method, "HEAD".to_owned()] } else { vec![method] };
            for method in methods {
                let place = requests.add(method.clone(), path);
                if let Ok(method) = method.parse() {
                    requests.index.entry(path).or_default().push((method, place));
                }
            }
        }
        requests
    }

    fn add(&mut self, method: String, path: &'static str) -> usize {
        self.routes.push(Route { method, path, statuses: Default::default() });
        self.routes.len() - 1
    }

    fn place(&self, method: &Method, path: Option<&str>) -> usize {
        let methods = path.and_then(|path| self.index.get(path));
        methods.and_then(|all| all.iter().find(|(m, _)| m == method)).map_or(0, |(_, place)| *place)
    }

    fn note(&self, place: usize, status: u16, took: Duration) {
        let status = STATUSES.iter().position(|s| *s == status).unwrap_or(0);
        let class = &self.routes[place].statuses[status];
        let seconds = took.as_secs_f64();
        let duration = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        class.durations[duration].fetch_add(1, Relaxed);
        class.microseconds.fetch_add(took.as_micros() as u64, Relaxed);
    }

    /// Writes what was counted.
    pub fn write(&self, text: &mut Text) {
        let name = "fieldstone_http_request_duration_seconds";
        text.family(name, "histogram", "Time from a request's head to its answer's head, by route.");
        for route in &self.routes {
            for (status, class) in STATUSES.iter().zip(&route.statuses) {
                let counts = class.durations.each_ref().map(|n| n.load(Relaxed));
                if counts.iter().sum::<u64>() == 0 {
                    continue;
                }
                let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
                let labels = [("route", route.path), ("method", &route.method), ("status", &status)];
                let seconds = class.microseconds.load(Relaxed) as f64 * 1e-6;
                text.histogram(name, &labels, &BOUNDS, &counts, seconds);
            }
        }
    }
}

/// Counts the request that goes through. A download's or event stream's bytes come after its head and are not timed.
pub async fn count(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let place = requests.place(request.method(), path.map(MatchedPath::as_str));
    let begun = Instant::now();
    let response = next.run(request).await;
    requests.note(place, response.status().as_u16(), begun.elapsed());
    response
}
