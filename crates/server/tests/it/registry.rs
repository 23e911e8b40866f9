//! What operators and job types there are, told once and then by tag; and which answers go out packed.

use crate::harness::{Answer, Server, send, tetrahedron_stl};
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;

/// Whether a default or an example is one of the values that its schema describes, as far as ours go.
fn fits(value: &Value, schema: &Value) -> bool {
    let number = |name: &str| schema[name].as_f64();
    let within =
        |n: f64| number("minimum").is_none_or(|min| n >= min) && number("maximum").is_none_or(|max| n <= max);
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value);
    }
    match schema["type"].as_str() {
        Some("integer") => value.as_i64().is_some_and(|n| within(n as f64)),
        Some("number") => value.as_f64().is_some_and(within),
        Some("array") => value.as_array().is_some_and(|items| {
            let count = |name: &str| schema[name].as_u64();
            let n = items.len() as u64;
            count("minItems").is_none_or(|least| n >= least)
                && count("maxItems").is_none_or(|most| n <= most)
                && items.iter().all(|item| fits(item, &schema["items"]))
        }),
        Some("object") => value["path"].is_string(),
        _ => true,
    }
}

fn keys(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defaults_and_examples_are_values_that_the_schemas_describe() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    let schemas = &document["components"]["schemas"];
    let poor = server.key(&["jobs:read"], None, None).await;
    for (path, name, least) in [("/operators", "Operator", 25), ("/job-types", "JobType", 1)] {
        let all = send(server.bare(Method::GET, path).bearer_auth(&poor)).await.expect(200);
        let all = all.as_array().unwrap();
        assert!(all.len() >= least, "{path}: {}", all.len());
        for entry in all {
            assert_eq!(keys(entry), keys(&schemas[name]["properties"]), "{entry}");
            for param in entry["parameters"].as_array().unwrap() {
                assert_eq!(keys(param), keys(&schemas["Parameter"]["properties"]), "{param}");
                let (default, schema) = (&param["default"], &param["schema"]);
                assert!(default.is_null() || fits(default, schema), "{}: {param}", entry["type"]);
                let example = &entry["example"][param["name"].as_str().unwrap()];
                assert!(example.is_null() || fits(example, schema), "{}: {example} {param}", entry["type"]);
            }
        }
    }
    let operators = server.get("/operators").await.expect(200);
    let csg = operators.as_array().unwrap().iter().find(|entry| entry["type"] == "CSG").unwrap();
    let smoothing = csg["parameters"].as_array().unwrap().iter().find(|p| p["name"] == "smoothing").unwrap();
    assert_eq!((&smoothing["unit"], &smoothing["default"]), (&json!("mm"), &json!(0)));
    assert_eq!((&csg["inputs"][0]["name"], &csg["inputs"][1]["type"]), (&json!("A"), &json!("Float")));
}

async fn ask(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let request = server.bare(Method::GET, path).bearer_auth(&server.token);
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut bytes = Vec::new();
    GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_changes_is_sent_once() {
    let server = Server::start().await;
    for path in ["/operators", "/job-types", "/openapi.json"] {
        let plain = ask(&server, path, &[]).await;
        let packed = ask(&server, path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{path}");
        assert_eq!(unpacked(&packed), plain.bytes, "{path}");
        assert!(plain.header("vary").contains("Accept-Encoding"), "{path}");
        let (tag, packed_tag) = (plain.header("etag").to_owned(), packed.header("etag").to_owned());
        assert!(
            tag.starts_with('"') && packed_tag.starts_with('"') && tag != packed_tag,
            "{tag} {packed_tag}"
        );
        let again = ask(&server, path, &[("if-none-match", &format!("\"x\", {tag}"))]).await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, tag.as_str()), "{path}");
        let again = [("if-none-match", packed_tag.as_str()), ("accept-encoding", "gzip")];
        assert_eq!(ask(&server, path, &again).await.status, 304, "{path}");
        let other = ask(&server, path, &[("if-none-match", &packed_tag)]).await;
        assert_eq!(other.status, 200, "{path}: these are other bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_json_goes_out_packed_and_nothing_else() {
    let server = Server::start().await;
    let project = server.project().await;
    let uploaded = server.upload(&project, "part.stl", &tetrahedron_stl().repeat(50)).await.expect(201);
    for n in 0..40 {
        server.upload(&project, &format!("part-{n}.stl"), b"solid").await.expect(201);
    }
    let list = format!("{project}/assets");
    let gzip = [("accept-encoding", "gzip")];
    let plain = ask(&server, &list, &[]).await;
    assert!(plain.bytes.len() > 8192 && plain.header("content-encoding").is_empty());
    let packed = ask(&server, &list, &gzip).await;
    assert_eq!(unpacked(&packed), plain.bytes);
    assert!(packed.bytes.len() * 4 < plain.bytes.len(), "{} of {}", packed.bytes.len(), plain.bytes.len());
    let mut vary = packed.headers.get_all("vary").iter();
    assert!(vary.any(|names| names.as_bytes().eq_ignore_ascii_case(b"accept-encoding")));
    // Who takes no encoding at all gets the answer all the same.
    let none = ask(&server, &list, &[("accept-encoding", "identity;q=0, gzip;q=0")]).await;
    assert_eq!((none.status, &none.bytes), (200, &plain.bytes));
    // Short answers, downloads and parts of them go out as they are.
    assert_eq!(ask(&server, &project, &gzip).await.header("content-encoding"), "");
    let asset = format!("{list}/{}?download=true", uploaded["id"].as_str().unwrap());
    let link = server.get(&asset).await.expect(200)["link"].as_str().unwrap().to_owned();
    for (range, status) in [("", 200), ("bytes=0-9999", 206)] {
        let answer = ask(&server, &link, &[("accept-encoding", "gzip"), ("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (status, ""), "{range}");
        assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
    }
}
