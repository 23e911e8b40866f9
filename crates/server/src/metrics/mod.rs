//! Requests counted by route, method and status, with their durations.

mod page;

pub use page::Page;

use crate::on_answer::Then;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Upper bounds of the classes of durations in seconds; the last class has none.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// What is counted apart. No client can make up a value: routes and methods are those of the index, statuses those that we give.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

/// Requests since this server began.
pub struct Requests {
    /// Methods by path.
    known: HashMap<&'static str, Vec<&'static str>>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

/// A method as it is shown.
fn shown(method: &str) -> &'static str {
    let all = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"];
    all.into_iter().find(|known| known.eq_ignore_ascii_case(method)).unwrap_or("other")
}

impl Requests {
    /// Counts requests to these routes (method in lower case, path), all others together.
    pub fn new(routes: &[(&'static str, &'static str)]) -> Requests {
        let mut known: HashMap<_, Vec<_>> = HashMap::new();
        for (method, path) in routes {
            let methods = known.entry(*path).or_default();
            methods.push(shown(method));
            // A route that takes GET takes HEAD too.
            methods.extend((*method == "get").then_some("HEAD"));
        }
        let durations = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        Requests { known, durations }
    }

    fn labels(&self, method: &Method, path: Option<&str>) -> Labels {
        let shown = shown(method.as_str());
        let found = path.and_then(|path| self.known.get_key_value(path));
        match found.filter(|(_, methods)| methods.contains(&shown)) {
            Some((path, _)) => Labels { route: path, method: shown, status: 0 },
            None => Labels { route: "other", method: "other", status: 0 },
        }
    }

    /// Shows what was counted.
    pub fn show(&self, page: &mut Page) {
        let name = "fieldstone_http_request_duration_seconds";
        page.family(
            name,
            "Time from a request's head to its answer's head, by route.",
            self.durations.clone(),
        );
    }
}

/// For [`OnAnswer`](crate::on_answer::OnAnswer): counts the request. A download's or event stream's bytes come after its answer's head and are not timed.
pub fn count(requests: &Arc<Requests>, request: &Request) -> Option<Then> {
    let path = request.extensions().get::<MatchedPath>();
    let labels = requests.labels(request.method(), path.map(MatchedPath::as_str));
    let (requests, begun) = (requests.clone(), Instant::now());
    Some(Box::new(move |status, _| {
        let labels = Labels { status: status.as_u16(), ..labels };
        requests.durations.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
    }))
}
