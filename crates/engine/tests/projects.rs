//! Projects, assets, keys: who sees what, and which bytes stay.

mod common;
use bytes::Bytes;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::{Engine, EngineError, keys, testing};
use futures::StreamExt;
use serde_json::json;

#[test]
fn the_same_on_postgresql() {
    testing::again_on_postgres(&[""], &[]);
}

#[test]
fn with_a_bucket_these_are_the_same() {
    testing::again_in_bucket(&[""], &[]);
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, EngineError>) -> bool {
    matches!(result, Err(EngineError::NotFound(_)))
}

#[tokio::test]
async fn projects_belong_to_users() {
    let b = bench().await;
    let (eve, e) = (caller("eve"), &b.engine);
    assert!(is_missing(e.get_project(&eve, b.project).await));
    assert_eq!(e.list_projects(&eve, &ListQuery::default()).await.unwrap(), []);
    let public = ProjectChange { access: Some(Access::Public), ..ProjectChange::default() };
    assert!(is_missing(e.update_project(&eve, b.project, public.clone()).await));
    e.update_project(&b.caller, b.project, public).await.unwrap();
    assert_eq!(e.get_project(&eve, b.project).await.unwrap().user, "owner");
    assert_eq!(e.list_projects(&eve, &ListQuery::default()).await.unwrap().len(), 1);
    assert!(is_missing(e.create_job(&eve, b.project, new_job("x", &[], json!({}))).await));
    assert!(is_missing(e.delete_project(&eve, b.project).await));
    let private = ProjectChange { access: Some(Access::Private), ..ProjectChange::default() };
    e.update_project(&b.caller, b.project, private).await.unwrap();
    assert!(is_missing(e.list_jobs(&eve, b.project, &ListQuery::default()).await), "seen at once");
}

#[tokio::test]
async fn a_copy_has_the_documents_and_the_same_blobs() {
    let b = bench().await;
    let asset = b.upload("part.stl", b"solid").await;
    let document = ProjectChange {
        project: Some(json!({"z": 1, "a": 2})),
        graph: Some(json!([1])),
        ..Default::default()
    };
    b.engine.update_project(&b.caller, b.project, document).await.unwrap();
    let new = NewProject { source: Some(b.project), ..NewProject::private("copy") };
    let copy = b.engine.create_project(&b.caller, new.clone()).await.unwrap();
    assert_eq!(copy.project.unwrap().to_string(), r#"{"z":1,"a":2}"#, "keys stay in order");
    assert_eq!(copy.graph, Some(json!([1])));
    let assets = b.engine.list_assets(&b.caller, copy.id, &ListQuery::default()).await.unwrap();
    assert_eq!((assets.len(), &assets[0].sha256), (1, &asset.sha256));
    assert_ne!(assets[0].id, asset.id);
    b.engine.delete_project(&b.caller, b.project).await.unwrap();
    assert_eq!(b.bytes_of(&asset.sha256).await, b"solid", "the copy still needs it");
    b.engine.delete_project(&b.caller, copy.id).await.unwrap();
    assert_eq!(b.blob_count().await, 0);
    let refused = b.engine.create_project(&b.caller, new).await.unwrap_err();
    assert_eq!(invalid(refused)[0].0, "source");
}

#[tokio::test]
async fn uploads_of_all_sizes_read_back() {
    let b = bench().await;
    for size in [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 17] {
        let bytes: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let asset = b.upload("x.bin", &bytes).await;
        assert_eq!(asset.size, u64::from(size));
        assert_eq!(b.bytes_of(&asset.sha256).await, bytes);
        let mut part = b.engine.open_blob(&asset.sha256, Some(10..u64::MAX)).await.unwrap();
        let mut rest = Vec::new();
        while let Some(chunk) = part.bytes.next().await {
            rest.extend_from_slice(&chunk.unwrap());
        }
        let from = 10.min(bytes.len());
        assert_eq!((part.range, rest.as_slice()), (from as u64..bytes.len() as u64, &bytes[from..]));
    }
    assert!(is_missing(b.engine.open_blob("../../lock", None).await.map(|_| ())));
}

#[tokio::test]
async fn forgotten_and_oversized_uploads_leave_nothing() {
    let b = bench().await;
    drop(b.engine.begin_upload(b.project, 0).await.unwrap());
    assert!(files_in(&b.folder.path().join("data/tmp")).is_empty());
    let mut upload = b.engine.begin_upload(b.project, 0).await.unwrap();
    let error = loop {
        if let Err(e) = upload.write(Bytes::from(vec![0; 1 << 20])).await {
            break e;
        }
    };
    assert_eq!(
        error.to_string(),
        "the upload is larger than the limit of 67108864 bytes that setting max_upload sets"
    );
    let cut = upload.finish(&b.caller, "cut.bin").await;
    assert!(matches!(cut, Err(EngineError::TooLarge(_))), "a part is never taken for the whole");
    for name in ["../../x", "a/b", "", "..", "a\\b", "a\nb"] {
        let refused = b.engine.begin_upload(b.project, 0).await.unwrap().finish(&b.caller, name).await;
        assert_eq!(invalid(refused.unwrap_err())[0].0, "filename", "{name:?}");
    }
    b.engine.stop().await;
    assert_eq!(b.blob_count().await, 0);
}

#[tokio::test]
async fn a_project_is_deleted_with_the_work_that_runs_in_it() {
    let b = started().await;
    b.upload("a.stl", b"solid").await;
    let other = b.engine.create_project(&b.caller, NewProject::private("other")).await.unwrap().id;
    let endless = || new_job("test/endless", &[], json!({}));
    let neighbour = b.engine.create_job(&b.caller, other, endless()).await.unwrap();
    let running = b.dispatch(endless()).await.unwrap();
    b.job_when(running.id, |j| j.progress > 0.0).await;
    let waiting = b.dispatch(new_job("test/preprocess", &[("mesh", "a.stl")], json!({}))).await.unwrap();
    b.engine.delete_project(&b.caller, b.project).await.unwrap();
    for id in [running.id, waiting.id] {
        assert!(is_missing(b.engine.get_job(&b.caller, b.project, id).await));
    }
    let alone = async {
        while b.engine.metrics().await.unwrap().running > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), alone).await.expect("the attempt ends");
    let neighbour = b.engine.get_job(&b.caller, other, neighbour.id).await.unwrap();
    assert_eq!(neighbour.state, State::Started, "another project's work goes on");
    b.engine.stop().await;
    assert_eq!(b.blob_count().await, 0);
}

#[tokio::test]
async fn replacing_and_deleting_drop_blobs_that_nothing_needs() {
    let b = bench().await;
    let first = b.upload("a.stl", b"one").await;
    b.upload("b.stl", b"one").await;
    let mut upload = b.engine.begin_upload(b.project, 0).await.unwrap();
    upload.write(Bytes::from_static(b"two")).await.unwrap();
    let replaced = upload.replace(&b.caller, first.id, "c.stl").await.unwrap();
    assert_eq!((replaced.id, replaced.filename.as_str(), replaced.size), (first.id, "c.stl", 3));
    assert_eq!(b.bytes_of(&first.sha256).await, b"one", "b.stl has it still");
    let job = b.dispatch(new_job("test/preprocess", &[("mesh", "c.stl")], json!({}))).await.unwrap();
    b.engine.delete_asset(&b.caller, b.project, first.id).await.unwrap();
    assert_eq!(b.blob_count().await, 2, "a waiting job needs c.stl");
    b.engine.start();
    assert_eq!(b.finished(job.id).await.state, State::Success);
    b.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_and_different_uploads_at_the_same_time() {
    let b = bench().await;
    let (engine, project) = (b.engine.clone(), b.project);
    let upload = move |n: usize| {
        let (engine, caller) = (engine.clone(), caller("owner"));
        tokio::spawn(async move {
            let mut upload = engine.begin_upload(project, 0).await.unwrap();
            for chunk in vec![(n % 5) as u8; 300_000].chunks(7_000) {
                upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            let asset = upload.finish(&caller, "same.bin").await.unwrap();
            if n.is_multiple_of(3) {
                engine.delete_asset(&caller, project, asset.id).await.unwrap();
                return None;
            }
            Some((n, asset))
        })
    };
    let all = futures::future::join_all((0..60).map(upload)).await;
    let mut ids = std::collections::HashSet::new();
    for (n, asset) in all.into_iter().filter_map(Result::unwrap) {
        assert!(ids.insert(asset.id));
        assert_eq!(b.bytes_of(&asset.sha256).await, vec![(n % 5) as u8; 300_000]);
    }
    assert_eq!((ids.len(), b.blob_count().await), (40, 5));
}

#[tokio::test]
async fn keys_open_doors() {
    let b = bench().await;
    assert!(b.engine.has_no_keys().await.unwrap());
    let new = NewKey { name: "ci".into(), scopes: vec!["jobs:read".into()], ..NewKey::default() };
    let token = b.engine.create_key(new).await.unwrap();
    assert_eq!((token.len(), &token[..4]), (56, "fst_"));
    let found = b.engine.authenticate(&token).await.unwrap().unwrap();
    assert_eq!(
        (found.user.as_str(), found.scopes.as_deref()),
        (keys::OWNER, Some(&["jobs:read".to_owned()][..]))
    );
    // Made by another process beside this one, it works at once.
    let at = config(&b.folder);
    let new = NewKey {
        name: "n".into(),
        user: Some("eve".into()),
        dialect: Some("sdk".into()),
        ..NewKey::default()
    };
    let second = keys::create(at.location(), CredentialKind::Key, new).await.unwrap().token();
    assert_eq!(b.engine.authenticate(&second).await.unwrap().unwrap().dialect.as_deref(), Some("sdk"));
    let mut forged = token.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    for bad in [std::str::from_utf8(&forged).unwrap(), "", "fst_", "é", &token[..55]] {
        assert_eq!(b.engine.authenticate(bad).await.unwrap(), None);
    }
    let refused =
        b.engine.create_key(NewKey { name: "n".into(), dialect: Some("x".into()), ..NewKey::default() });
    assert_eq!(invalid(refused.await.unwrap_err())[0].0, "dialect");
    if at.database.is_some() {
        return;
    }
    let ledger = std::fs::read(at.data.join("ledger.sqlite-wal")).unwrap();
    assert!(!ledger.windows(43).any(|w| w == &token.as_bytes()[13..]), "the secret is stored nowhere");
}

#[tokio::test]
async fn a_new_folder_takes_a_key_before_its_first_server() {
    let folder = tempfile::tempdir().unwrap();
    let new = NewKey { name: "n".into(), ..NewKey::default() };
    let token = keys::create(config(&folder).location(), CredentialKind::Key, new).await.unwrap().token();
    let engine = Engine::open(config(&folder)).await.unwrap();
    engine.ready().await.unwrap();
    assert!(engine.authenticate(&token).await.unwrap().is_some());
    let secret = engine.signing_key().await.unwrap();
    drop(engine);
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(engine.signing_key().await.unwrap(), secret);
    keys::rotate_signing(config(&folder).location()).await.unwrap();
    let heard = async {
        while engine.signing_key().await.unwrap() == secret {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), heard)
        .await
        .expect("the new key is never taken up");
    assert!(engine.authenticate(&token).await.unwrap().is_some(), "keys stay");
}
