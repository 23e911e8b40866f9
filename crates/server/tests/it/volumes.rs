//! Volumes at a lower resolution.

use crate::harness::{Server, send};
use reqwest::Method;
use serde_json::{Value, json};

/// The line and the samples.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    (serde_json::from_slice(&bytes[..end]).unwrap(), bytes[end + 1..].to_vec())
}

/// A ball as a volume of these samples; its path and all its bytes.
async fn ball(server: &Server, project: &str, resolution: [usize; 3], threshold: bool) -> (String, Vec<u8>) {
    let points = json!({"offset": [-1, -1, -1], "size": [2, 3, 4], "resolution": resolution});
    let mut operators = vec![
        json!({"type": "GenerateSamplePoints", "parameters": points}),
        json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [1, 1, 1]}}),
    ];
    let mut edges = vec![json!({"source": 0, "target": [1, "Points"]})];
    if threshold {
        operators.push(json!({"type": "Threshold", "parameters": {"width": 0.5}}));
        edges.push(json!({"source": 1, "target": [2, "Samples"]}));
    }
    let graph = json!({"operators": operators, "edges": edges});
    let job = json!({"type": "implicit/evaluate", "parameters": {"graph": graph}});
    let made = server.post(&format!("{project}/jobs"), job).await.expect(202);
    let done = server.poll(made["link"].as_str().unwrap()).await.expect(201);
    let id = done["outputs"]["assets"]["volume"]["id"].as_str().unwrap();
    let path = format!("{project}/assets/{id}");
    let link = server.get(&format!("{path}?download=true")).await.expect(200);
    let bytes = send(server.bare(Method::GET, link["link"].as_str().unwrap())).await.bytes;
    (path, bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_is_seen_at_every_so_manieth_sample() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    for (resolution, threshold) in [([9, 8, 5], false), ([9, 8, 5], true)] {
        let (path, all) = ball(&server, &project, resolution, threshold).await;
        let width = if threshold { 1 } else { 4 };
        assert_eq!(all.len(), 9 * 8 * 5 * width);
        for stride in [1, 2, 3, 8, 64] {
            let answer = server.get(&format!("{path}/volume?stride={stride}")).await;
            assert_eq!(
                (answer.status, answer.header("content-length")),
                (200, &*answer.bytes.len().to_string())
            );
            let (line, samples) = parts(&answer.bytes);
            let mut expected = Vec::new();
            for z in (0..5).step_by(stride) {
                for y in (0..8).step_by(stride) {
                    for x in (0..9).step_by(stride) {
                        let at = ((z * 8 + y) * 9 + x) * width;
                        expected.extend_from_slice(&all[at..at + width]);
                    }
                }
            }
            assert!(samples == expected, "{stride}");
            let counts = resolution.map(|n| n.div_ceil(stride));
            assert_eq!(line["resolution"], json!(counts));
            assert_eq!(line["samples"], if threshold { "int8" } else { "float32" });
            // Its last sample lies where it lay in the whole.
            for a in 0..3 {
                let cell = [2.0, 3.0, 4.0][a] / (resolution[a] - 1) as f64;
                let size = line["size"][a].as_f64().unwrap();
                assert!((size - cell * ((counts[a] - 1) * stride) as f64).abs() < 1e-12, "{line}");
            }
            assert_eq!(line["offset"], json!([-1.0, -1.0, -1.0]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_volume_is_not_thinned() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    let upload = server.upload(&project, "volume.bin", &[0; 64]).await.expect(201);
    let path = format!("{project}/assets/{}", upload["id"].as_str().unwrap());
    let text = server.get(&format!("{path}/volume?stride=2")).await.error(409);
    assert!(text.contains("nobody has said where its samples are"), "{text}");
    let (path, _) = ball(&server, &project, [3, 3, 3], false).await;
    for wrong in ["0", "65", "x", "-1"] {
        server.get(&format!("{path}/volume?stride={wrong}")).await.error(400);
    }
    server.get(&format!("{project}/assets/99/volume")).await.error(404);
    let eve = server.key(&[], None, Some("eve")).await;
    send(server.bare(Method::GET, &format!("{path}/volume")).bearer_auth(eve)).await.error(404);
}
