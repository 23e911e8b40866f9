//! The app at `/`: one page for its addresses, files that are fetched once, and the API's own answers as they were.

use crate::harness::{Answer, Server, send};
use reqwest::Method;

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.bare(Method::GET, path);
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// The files that the page names.
fn files_of(page: &str) -> Vec<String> {
    let names = page.split('"').filter(|text| text.starts_with("/app/"));
    names.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_answers_the_apps_addresses_and_no_other() {
    let server = Server::start().await;
    let page = get(&server, "/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("http"), "{text}");
    assert!(text.split("<script").skip(1).all(|rest| rest.contains("src=\"/app/")), "nothing inline: {text}");
    assert_eq!(get(&server, "/p/7", &[]).await.bytes, page.bytes);
    assert_eq!(get(&server, "/p/7/j/12?x=1", &[]).await.bytes, page.bytes);
    for path in [
        "/p",
        "/index.html",
        "/app/index.html",
        "/app/built.txt",
        "/built.txt",
        "/p7",
        "/app/..%2Findex.html",
    ] {
        get(&server, path, &[]).await.error(404);
    }
    for path in ["/", "/p/7", "/app/x.js"] {
        send(server.bare(Method::POST, path)).await.error(404);
        send(server.bare(Method::DELETE, path)).await.error(404);
    }
    assert_eq!(send(server.bare(Method::HEAD, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_packed_and_kept_for_ever() {
    let server = Server::start().await;
    let page = String::from_utf8(get(&server, "/", &[]).await.bytes).unwrap();
    let files = files_of(&page);
    assert!(
        files.iter().any(|f| f.ends_with(".js")) && files.iter().any(|f| f.ends_with(".css")),
        "{files:?}"
    );
    for name in &files {
        let plain = get(&server, name, &[("accept-encoding", "identity")]).await;
        assert_eq!(plain.status, 200, "{name}");
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(
            (plain.header("content-encoding"), plain.header("x-content-type-options")),
            ("", "nosniff")
        );
        let mut tags = vec![plain.header("etag").to_owned()];
        for (accepts, coding) in [("gzip", "gzip"), ("gzip, br", "br"), ("br;q=0, gzip", "gzip")] {
            let packed = get(&server, name, &[("accept-encoding", accepts)]).await;
            assert_eq!((packed.status, packed.header("content-encoding")), (200, coding), "{name} {accepts}");
            assert_eq!(packed.header("vary"), "Accept-Encoding");
            assert_eq!(packed.header("content-type"), plain.header("content-type"));
            tags.push(packed.header("etag").to_owned());
        }
        tags.dedup();
        assert_eq!(tags.len(), 4, "each form has a tag of its own: {tags:?}");
        let again = get(&server, name, &[("if-none-match", &tags[0]), ("accept-encoding", "identity")]).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
    }
    // What is packed is there under its own name's headers only.
    get(&server, &format!("{}.br", files[0]), &[]).await.error(404);
}
