//! The API's index: every route with its handler, and what happens around all of them.

use crate::app::{App, AppParts, Stop};
use crate::audit::{self, Audit};
use crate::auth::SCOPES;
use crate::bodies::{self, Bodies};
use crate::config::ServerConfig;
use crate::connections::Slots;
use crate::constant::Constant;
use crate::drain;
use crate::metrics::{self, Requests};
use crate::on_answer::OnAnswer;
use crate::openapi::{self, operation::Operation, schema::Schemas};
use crate::packing;
use crate::rate::{Rates, is_polled};
use crate::routes::{
    assets, events, files, guide, health, jobs, metrics as numbers, oauth, pilots, previews, projects,
    registry, schema, sign_in, thumbnails, unknown_route, uploads, user, workbench, worker, workers,
    workflows,
};
use crate::tus;
use crate::wire;
use crate::wire::error::ApiError;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use fieldstone_engine::Engine;
use fieldstone_engine::model::Timestamp;
use fieldstone_jobs::ops::OPERATORS;
use futures::FutureExt;
use serde_json::Value;
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any as Anyone, CorsLayer};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::{DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path, $words:path;)+) => {
        /// Method (lower case) and path of every route, in the order of the index.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),+];

        fn routes() -> Router<App> {
            Router::new()$(.route($path, routing::$method($handler)))+
        }

        /// What the API's document says of every route.
        fn operations() -> Vec<Operation> {
            Vec::from([$(Operation::new(
                (stringify!($method), $path),
                &$handler,
                $words,
                stringify!($method) != "get" || !is_polled($path),
            )),+])
        }
    };
}

routes! {
    get    "/projects" => projects::list, projects::LIST;
    post   "/projects" => projects::create, projects::CREATE;
    get    "/projects/{projectId}" => projects::get, projects::GET;
    patch  "/projects/{projectId}" => projects::update, projects::UPDATE;
    delete "/projects/{projectId}" => projects::delete, projects::DELETE;

    get    "/projects/{projectId}/thumbnail" => thumbnails::of_project, thumbnails::OF_PROJECT;
    get    "/projects/{projectId}/events" => events::follow, events::FOLLOW;

    get    "/projects/{projectId}/assets" => assets::list, assets::LIST;
    post   "/projects/{projectId}/assets" => assets::create, assets::CREATE;
    get    "/projects/{projectId}/assets/{assetId}" => assets::get, assets::GET;
    patch  "/projects/{projectId}/assets/{assetId}" => assets::replace, assets::REPLACE;
    delete "/projects/{projectId}/assets/{assetId}" => assets::delete, assets::DELETE;
    get    "/projects/{projectId}/assets/{assetId}/volume" => assets::volume, assets::VOLUME;
    get    "/projects/{projectId}/assets/{assetId}/thumbnail" => thumbnails::of_asset, thumbnails::OF_ASSET;

    get    "/projects/{projectId}/uploads" => uploads::list, uploads::LIST;
    post   "/projects/{projectId}/uploads" => uploads::create, uploads::CREATE;
    get    "/projects/{projectId}/uploads/{uploadId}" => uploads::get, uploads::GET;
    patch  "/projects/{projectId}/uploads/{uploadId}" => uploads::append, uploads::APPEND;
    delete "/projects/{projectId}/uploads/{uploadId}" => uploads::delete, uploads::DELETE;

    get    "/projects/{projectId}/jobs" => jobs::list, jobs::LIST;
    post   "/projects/{projectId}/jobs" => jobs::create, jobs::CREATE;
    get    "/projects/{projectId}/jobs/{jobId}" => jobs::get, jobs::GET;
    patch  "/projects/{projectId}/jobs/{jobId}" => jobs::rename, jobs::RENAME;
    delete "/projects/{projectId}/jobs/{jobId}" => jobs::delete, jobs::DELETE;
    get    "/projects/{projectId}/jobs/{jobId}/status" => jobs::status, jobs::STATUS;
    get    "/projects/{projectId}/jobs/{jobId}/log" => jobs::log, jobs::LOG;
    get    "/projects/{projectId}/jobs/{jobId}/events" => jobs::events, jobs::EVENTS;
    post   "/projects/{projectId}/jobs/{jobId}/cancel" => jobs::cancel, jobs::CANCEL;

    get    "/projects/{projectId}/workflows" => workflows::list, workflows::LIST;
    post   "/projects/{projectId}/workflows" => workflows::create, workflows::CREATE;
    get    "/projects/{projectId}/workflows/{workflowId}" => workflows::get, workflows::GET;
    delete "/projects/{projectId}/workflows/{workflowId}" => workflows::delete, workflows::DELETE;
    get    "/projects/{projectId}/workflows/{workflowId}/status" => workflows::status, workflows::STATUS;
    post   "/projects/{projectId}/workflows/{workflowId}/cancel" => workflows::cancel, workflows::CANCEL;

    post   "/projects/{projectId}/preview" => previews::create, previews::CREATE;

    get    "/operators" => registry::operators, registry::OPERATORS;
    get    "/job-types" => registry::job_types, registry::JOB_TYPES;

    get    "/workers" => workers::list, workers::LIST;
    get    "/pilots" => pilots::list, pilots::LIST;

    get    "/files/{sha256}/{filename}" => files::get, files::GET;

    post   "/oauth/token" => oauth::token, oauth::TOKEN;
    get    "/sign-in" => sign_in::get, sign_in::GET;

    get    "/user/license" => user::license, user::LICENSE;
    get    "/user/quota" => user::quota, user::QUOTA;
    get    "/user/usage" => user::usage, user::USAGE;

    get    "/healthz" => health::healthz, health::HEALTH;
    get    "/readyz" => health::readyz, health::READINESS;
    get    "/metrics" => numbers::get, numbers::GET;
    get    "/openapi.json" => schema::openapi, schema::OPENAPI;
    get    "/docs" => schema::docs, schema::DOCS;
}

/// The schemas of everything that is shown or sent.
const SCHEMAS: &[Schemas] = &[
    wire::projects::SCHEMAS,
    wire::assets::SCHEMAS,
    wire::uploads::SCHEMAS,
    wire::jobs::SCHEMAS,
    wire::workflows::SCHEMAS,
    wire::previews::SCHEMAS,
    wire::error::SCHEMAS,
    wire::registry::SCHEMAS,
    wire::events::SCHEMAS,
    user::SCHEMAS,
    oauth::SCHEMAS,
    sign_in::SCHEMAS,
    pilots::SCHEMAS,
    workers::SCHEMAS,
];

/// The API's document as it is served; it depends on nothing that a server is told.
static DOCUMENT: LazyLock<Arc<Constant>> = LazyLock::new(|| {
    let document = openapi::document(&operations(), SCHEMAS, SCOPES);
    Arc::new(Constant::new(document.to_string()))
});

/// Nor do the operators.
static OPERATORS_SHOWN: LazyLock<Arc<Constant>> = LazyLock::new(|| {
    let all = OPERATORS.iter().map(|entry| wire::registry::operator(entry));
    Arc::new(Constant::new(all.collect::<Value>().to_string()))
});

fn job_types(engine: &Engine) -> Arc<Constant> {
    let all = engine.job_types().iter().map(|entry| wire::registry::job_type(entry));
    Arc::new(Constant::new(all.collect::<Value>().to_string()))
}

/// The whole API as one service, without connections of its own.
pub fn router(engine: Engine, config: ServerConfig) -> Router {
    with_slots(engine, config, Arc::new(Slots::new(0, 0)), std::future::pending().boxed().shared())
}

/// The same behind the connections that take these slots, of a server that stops then.
pub(crate) fn with_slots(engine: Engine, config: ServerConfig, slots: Arc<Slots>, stop: Stop) -> Router {
    let requests = Arc::new(Requests::new(ROUTES));
    let rates = Arc::new(Rates::new(config.max_request_rate));
    let audit = config.audit.clone().map(|log| Arc::new(Audit::new(log)));
    let bodies = Arc::new(Bodies::new(config.max_json_bytes));
    let most = config.max_upload_bytes;
    let app = App::new(AppParts {
        job_types: job_types(&engine),
        operators: OPERATORS_SHOWN.clone(),
        engine,
        config: Arc::new(config),
        started: Timestamp::now(),
        requests: requests.clone(),
        rates,
        bodies,
        document: DOCUMENT.clone(),
        slots,
        stop,
    });
    let pages = workbench::routes().merge(guide::routes()).merge(schema::files()).merge(worker::routes());
    let routes = routes().merge(pages).with_state(app);
    // Inside of all the rest: the line in the log is written before the answer leaves.
    let routes = match audit {
        Some(audit) => routes.layer(OnAnswer(move |request: &mut _| audit::record(&audit, request))),
        None => routes,
    };
    around(routes, requests, most)
}

/// What every route gets, for uploads of `most` bytes: our error bodies, CORS, a request id, a line in the log.
/// The log sees method, path, status and duration; never bodies, headers or query strings, which hold secrets.
/// All of it is one layer of the router: each one more is a copy of the route, for every request.
fn around(router: Router, requests: Arc<Requests>, most: u64) -> Router {
    let id = HeaderName::from_static("x-request-id");
    let trace = TraceLayer::new_for_http()
        .make_span_with(request_span)
        .on_request(DefaultOnRequest::new().level(Level::TRACE))
        .on_response(DefaultOnResponse::new().level(Level::DEBUG))
        .on_failure(());
    router.fallback(unknown_route).method_not_allowed_fallback(wrong_method).layer(
        ServiceBuilder::new()
            .layer(drain::ReadOn)
            .layer(SetRequestIdLayer::new(id.clone(), RequestIds::default()))
            .layer(trace)
            .layer(PropagateRequestIdLayer::new(id))
            .layer(OnAnswer(move |request: &mut _| metrics::count(&requests, request)))
            .layer(OnAnswer(move |request: &mut _| tus::introduce(request, most)))
            .layer(cors())
            .layer(MapRequestLayer::new(packing::simplify))
            .layer(packing::layer())
            .layer(OnAnswer(bodies::hold))
            // Bodies have limits of their own, which are settings.
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::custom(panicked)),
    )
}

fn cors() -> CorsLayer {
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(Anyone)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            name("prefer"),
            name("last-event-id"),
            wire::uploads::TUS_RESUMABLE,
            wire::uploads::UPLOAD_OFFSET,
            wire::uploads::UPLOAD_LENGTH,
            wire::uploads::UPLOAD_METADATA,
            wire::uploads::UPLOAD_CHECKSUM,
        ])
        .expose_headers([
            header::ETAG,
            header::ACCEPT_RANGES,
            header::CONTENT_RANGE,
            header::CONTENT_LENGTH,
            header::CONTENT_DISPOSITION,
            header::WWW_AUTHENTICATE,
            header::RETRY_AFTER,
            header::LINK,
            name("preference-applied"),
            name("x-progress"),
            name("x-request-id"),
        ])
        .max_age(Duration::from_secs(86_400))
        // The answer is the same for every origin.
        .vary([])
}

fn request_span<B>(request: &Request<B>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("request", id, method = request.method().as_str(), path = request.uri().path())
}

/// Counts requests; the ids of two server runs differ by the start time in front.
#[derive(Clone)]
struct RequestIds {
    run: u64,
    count: Arc<AtomicU64>,
}

impl Default for RequestIds {
    fn default() -> Self {
        RequestIds { run: Timestamp::now().0.unsigned_abs(), count: Arc::default() }
    }
}

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("{:x}-{n:x}", self.run)).ok().map(RequestId::new)
    }
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let text = format!("method {method} is not allowed for {:?}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, text)
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!("a request handler panicked: {text}");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error, see the server's log").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use serde_json::json;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_is_answered_with_our_body_and_cors() {
        async fn broken() -> &'static str {
            panic!("on purpose")
        }
        let requests = Arc::new(Requests::new(ROUTES));
        let service = around(Router::new().route("/broken", routing::get(broken)), requests, 0);
        let request = Request::get("/broken").body(Body::empty()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(response.headers().contains_key("x-request-id"));
        let body: Value =
            serde_json::from_slice(&to_bytes(response.into_body(), 4096).await.unwrap()).unwrap();
        let text = "internal error, see the server's log";
        assert_eq!(
            body,
            json!({"code": 500, "name": "Internal Server Error", "description": text, "msg": text})
        );
    }
}
