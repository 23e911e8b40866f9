//! The app for people at `/`: its page, and the files that the page is made of. They come from `ui/`, built into `app/` of this crate,
//! and the binary holds them, in debug and in release.

use super::{Shared, unknown_route};
use crate::app::App;
use crate::embedded::{File, media_type, owned};
use crate::issuer::SignIn;
use crate::packing::Accepted;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "app/"]
struct Built;

/// Addresses that the app answers by itself, all with the same page. Everything else that no route knows stays a 404 in JSON.
const PAGES: &[&str] = &["/", "/p/{*page}"];

/// Nothing inline and nothing from elsewhere; pictures and workers may come from the page's own memory. What may be asked beside this
/// server stands behind it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'";

/// Names hold a digest of what is in them: what has been fetched once is never asked for again.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The page and its files. They are no part of the API, hence not in its index and its document.
pub fn routes() -> Router<App> {
    let page = || routing::get(page).fallback(unknown_route);
    let files = Router::new().route("/app/{name}", routing::get(file).fallback(unknown_route));
    PAGES.iter().fold(files, |router, path| router.route(path, page()))
}

async fn page(
    State(app): Shared,
    method: Method,
    uri: Uri,
    accepted: Accepted,
    mut headers: HeaderMap,
) -> Response {
    let policy = policy(&app);
    if policy != POLICY {
        // A browser that has the page would keep the policy that came with it.
        headers.remove(IF_NONE_MATCH);
    }
    match answer("index.html", &accepted, &headers, "no-cache") {
        Some(mut response) => {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        None => unknown_route(method, uri).await.into_response(),
    }
}

/// With the address where the app turns a code of the issuer into a token, once that is known: who signs in there has asked for it before.
fn policy(app: &App) -> HeaderValue {
    let sign_in = app.config.issuer.as_ref().and_then(|issuer| issuer.sign_in());
    let known = sign_in.and_then(SignIn::known);
    let with =
        known.and_then(|known| HeaderValue::from_str(&format!("{POLICY} {}", known.token_source)).ok());
    with.unwrap_or(HeaderValue::from_static(POLICY))
}

async fn file(
    Path(name): Path<String>,
    method: Method,
    uri: Uri,
    accepted: Accepted,
    headers: HeaderMap,
) -> Response {
    match answer(&format!("app/{name}"), &accepted, &headers, FOREVER) {
        Some(response) => response,
        None => unknown_route(method, uri).await.into_response(),
    }
}

/// The built file of this name, a path of letters, digits, `-`, `_` and dots between them, in the best form that the client takes.
fn answer(name: &str, accepted: &Accepted, headers: &HeaderMap, caching: &'static str) -> Option<Response> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.split('/').all(|part| part.chars().all(harmless) && !part.starts_with('.')) {
        return None;
    }
    // Not by their own names: packed forms, the list of what was built.
    let kind = media_type(name)?;
    let plain = Built::get(name)?;
    let (encoding, file) =
        packed(name, accepted).map_or((None, plain), |(coding, file)| (Some(coding), file));
    Some(File { kind, bytes: owned(file.data), coding: encoding, caching }.answer(headers))
}

/// The file as brotli or gzip, where it is there and the client takes it.
fn packed(name: &str, accepted: &Accepted) -> Option<(&'static str, EmbeddedFile)> {
    let forms = [("br", "br"), ("gzip", "gz")];
    let (coding, ending) = forms.into_iter().find(|(coding, _)| accepted.takes(coding))?;
    Some((coding, Built::get(&format!("{name}.{ending}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    /// Paths of all files below a folder.
    fn below(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn the_binary_holds_what_lies_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("app");
        let name = |path: &Path| path.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        let lie: BTreeMap<String, Vec<u8>> =
            below(&folder).iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect();
        let held: BTreeMap<String, Vec<u8>> = Built::iter()
            .map(|name| {
                let Cow::Borrowed(data) = Built::get(&name).unwrap().data else {
                    panic!("{name} is read from disk")
                };
                (name.into_owned(), data.to_vec())
            })
            .collect();
        assert!(held.contains_key("index.html"));
        assert_eq!(held.keys().collect::<Vec<_>>(), lie.keys().collect::<Vec<_>>());
        for (name, data) in &lie {
            assert!(held[name] == *data, "{name} has other bytes in the binary");
        }
    }
}
