//! Signed links: what they give, what they refuse, ranges and conditions.

use crate::harness::{Answer, Server, send};
use fieldstone_server::ServerConfig;
use reqwest::Method;

const CONTENT: &[u8] = b"0123456789";

async fn link(server: &Server, query: &str) -> String {
    let project = server.project().await;
    let asset = server.upload(&project, "part 1.stl", CONTENT).await.expect(201);
    let path = format!("{project}/assets/{}", asset["id"].as_str().unwrap());
    let mut shown = server.get(&format!("{path}?{query}")).await.expect(200);
    let link = shown.as_object_mut().unwrap().remove("link").unwrap();
    assert_eq!(shown, asset, "the asset itself, and the link");
    assert_eq!(server.get(&path).await.expect(200), asset, "no link unless asked for");
    assert_eq!(server.get(&format!("{path}?download=false")).await.expect(200), asset);
    server.get(&format!("{path}?download=maybe")).await.error(400);
    server.get(&format!("{path}?download=1&filename=a%2Fb")).await.error(400);
    link.as_str().unwrap().to_owned()
}

async fn fetch(server: &Server, method: Method, link: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.bare(method, link);
    send(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_needs_no_key_and_gives_the_bytes() {
    let server = Server::start().await;
    let link = link(&server, "download=true").await;
    assert!(link.starts_with(&format!("http://{}/files/", server.address)), "{link}");
    let encodings = ("accept-encoding", "gzip, deflate, br");
    let answer = fetch(&server, Method::GET, &link, &[encodings, ("origin", "https://app.example")]).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, CONTENT));
    assert_eq!(answer.header("content-length"), "10");
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"part 1.stl\"");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("etag").len(), 66);

    let head = fetch(&server, Method::HEAD, &link, &[("range", "bytes=0-1")]).await;
    assert_eq!((head.status, head.bytes.len(), head.header("content-length")), (200, 0, "10"));
    assert_eq!(head.header("etag"), answer.header("etag"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_saves_under_the_name_asked_for() {
    let config =
        ServerConfig { public_url: Some("https://fields.example/".into()), ..ServerConfig::default() };
    let server = Server::with(config).await;
    let link = link(&server, "download=1&filename=gr%C3%B6%C3%9Fe+%22.obj").await;
    let path = link.strip_prefix("https://fields.example/files/").expect("public_url is the base");
    let answer = fetch(&server, Method::GET, &format!("/files/{path}"), &[]).await;
    let name = "attachment; filename=\"gr__e _.obj\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%22.obj";
    assert_eq!((answer.status, answer.header("content-disposition")), (200, name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_and_conditions() {
    let server = Server::start().await;
    let link = link(&server, "download=true").await;
    let tag = fetch(&server, Method::HEAD, &link, &[]).await.header("etag").to_owned();
    let get = |headers: Vec<(&'static str, String)>| {
        let (server, link) = (&server, link.clone());
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            fetch(server, Method::GET, &link, &headers).await
        }
    };
    for (range, content, content_range) in [
        ("bytes=2-4", &b"234"[..], "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
        ("bytes=-500", CONTENT, "bytes 0-9/10"),
    ] {
        let answer = get(vec![("range", range.to_owned())]).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (206, content), "{range}");
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("content-length"), content.len().to_string());
        assert_eq!(answer.header("etag"), tag);
    }
    for range in ["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "nonsense"] {
        let answer = get(vec![("range", range.to_owned())]).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, CONTENT), "{range}");
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let answer = get(vec![("range", range.to_owned())]).await;
        answer.error(416);
        assert_eq!(answer.header("content-range"), "bytes */10");
    }
    let range = ("range", "bytes=0-0".to_owned());
    assert_eq!(get(vec![range.clone(), ("if-range", tag.clone())]).await.status, 206);
    assert_eq!(get(vec![range, ("if-range", "\"other\"".to_owned())]).await.status, 200);
    let answer = get(vec![("if-none-match", format!("\"other\", {tag}"))]).await;
    assert_eq!((answer.status, answer.bytes.len(), answer.header("etag")), (304, 0, tag.as_str()));
    assert_eq!(get(vec![("if-none-match", "\"other\"".to_owned())]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_link_is_refused() {
    let server = Server::start().await;
    let link = link(&server, "download=true").await;
    let other = "f".repeat(64);
    let sha = link.split('/').nth(4).unwrap().to_owned();
    let (before, after) = link.split_once("expires=").unwrap();
    let (expires, _) = after.split_once('&').unwrap();
    let later = expires.parse::<i64>().unwrap() + 1;
    for altered in [
        link.replace(&sha, &other),
        link.replace("part%201.stl", "part%202.stl"),
        link.replace(expires, &later.to_string()),
        link.replace(expires, "99999999999999999999"),
        format!("{link}00"),
        link[..link.len() - 1].to_owned(),
        format!("{before}expires={expires}"),
        before.trim_end_matches('?').to_owned(),
        link.replace("signature=", "signature=zz"),
    ] {
        let text = fetch(&server, Method::GET, &altered, &[]).await.error(403);
        assert!(text.contains("altered"), "{text}");
    }
    assert_eq!(fetch(&server, Method::GET, &link, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_link_is_refused() {
    let server = Server::with(ServerConfig { link_lifetime_s: 0, ..ServerConfig::default() }).await;
    let link = link(&server, "download=true").await;
    let text = fetch(&server, Method::GET, &link, &[]).await.error(403);
    assert!(text.contains("expired"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_ends_with_its_asset_though_others_have_the_same_bytes() {
    let server = Server::start().await;
    let (project, other) = (server.project().await, server.project().await);
    // The same bytes twice here and once elsewhere: the blob stays.
    let mut links = Vec::new();
    for (project, name) in [(&project, "a.stl"), (&project, "b.stl"), (&other, "a.stl")] {
        let asset = server.upload(project, name, CONTENT).await.expect(201);
        let path = format!("{project}/assets/{}", asset["id"].as_str().unwrap());
        let link = server.get(&format!("{path}?download=1")).await.expect(200)["link"].clone();
        links.push((path, link.as_str().unwrap().to_owned()));
    }
    let [(first, of_first), (second, of_second), (_, of_third)] = links.try_into().unwrap();
    server.delete(&first).await.expect(200);
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(fetch(&server, method, &of_first, &[]).await.status, 404);
    }
    let text = fetch(&server, Method::GET, &of_first, &[("range", "bytes=0-1")]).await.error(404);
    assert!(text.contains("has been deleted or replaced"), "{text}");
    assert_eq!(fetch(&server, Method::GET, &of_second, &[]).await.bytes, CONTENT);
    let part = reqwest::multipart::Part::bytes(b"new".to_vec()).file_name("b.stl");
    let form = reqwest::multipart::Form::new().part("file", part);
    send(server.request(Method::PATCH, &second).multipart(form)).await.expect(200);
    fetch(&server, Method::GET, &of_second, &[]).await.error(404);
    server.delete(&project).await.expect(200);
    assert_eq!(fetch(&server, Method::GET, &of_third, &[]).await.bytes, CONTENT);
    // A link to one asset opens no other.
    let ids = |link: &str| link.split_once("asset=").unwrap().1.split_once('&').unwrap().0.to_owned();
    let moved = of_third.replace(&format!("asset={}", ids(&of_third)), &format!("asset={}", ids(&of_first)));
    fetch(&server, Method::GET, &moved, &[]).await.error(403);
}
