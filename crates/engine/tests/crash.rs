//! The process is killed at seeded moments between and during uploads and workflows. What it
//! acknowledged before must be there afterwards, whole, and every workflow must succeed.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::testing::{again_on_postgres, database_of, is_on_postgres};
use fieldstone_engine::{Engine, EngineConfig};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const KILLS: u64 = 25;
/// The database is made before the first; what each then leans on are its transactions.
const KILLS_ON_POSTGRES: u64 = 8;
const DATA: &str = "FIELDSTONE_TEST_CRASH_DATA";
const SEED: &str = "FIELDSTONE_TEST_CRASH_SEED";
/// A type whose jobs fail when they run; its parameters are kept all the same.
const UNKNOWN: &str = "no/such-type";
const CHAIN: &str = "jobs:
  pre: {type: test/preprocess}
  bvh: {type: test/bvh, assets: {mesh: pre}}
  sample: {type: test/sample, assets: {mesh: pre, bvh: bvh}}";

fn lasting(folder: &tempfile::TempDir) -> EngineConfig {
    // A job may be unlucky every time.
    EngineConfig { max_attempts: u32::MAX, ..config(folder) }
}

async fn open(data: &Path) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { data: data.to_owned(), database: database_of(data), ..lasting(&folder) };
    Engine::open_with_types(config, TYPES).await.unwrap()
}

/// The process that is killed: uploads and dispatches for ever, and says what was acknowledged.
/// Does nothing when the tests run it as one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Ok(data), Ok(seed)) = (std::env::var(DATA), std::env::var(SEED)) else { return };
    let mut rng = StdRng::seed_from_u64(seed.parse().unwrap());
    let engine = open(Path::new(&data)).await;
    engine.start();
    let caller = caller("owner");
    let project = ProjectId(1);
    for n in 0.. {
        let bytes = vec![rng.random::<u8>(); rng.random_range(1..3_000_000)];
        let mut upload = engine.begin_upload(project, 0).await.unwrap();
        for chunk in bytes.chunks(50_000) {
            upload.write(bytes::Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let name = format!("{seed}-{n}.stl");
        let asset = upload.finish(&caller, &name).await.unwrap();
        println!("\nack asset {} {}", asset.id, hex::encode(Sha256::digest(&bytes)));
        let new = NewWorkflow {
            definition: CHAIN.into(),
            assets: files(&[("pre.mesh", &name)]),
            ..NewWorkflow::default()
        };
        let workflow = engine.create_workflow(&caller, project, new).await.unwrap();
        println!("\nack workflow {}", workflow.id);
        let signs = rng.random_range(1..80_000);
        let new = new_job(UNKNOWN, &[], json!({"text": "€".repeat(signs)}));
        let job = engine.create_job(&caller, project, new).await.unwrap();
        println!("\nack document {} {signs}", job.id);
        resume(&engine, &caller, project, &mut rng).await;
    }
}

/// Byte `n` of everything that comes in pieces.
fn byte(n: u64) -> u8 {
    (n ^ (n >> 8)) as u8
}

/// Goes on with the newest upload that has not ended, whoever began it, or begins one: a few pieces, each acknowledged.
async fn resume(engine: &Engine, caller: &Caller, project: ProjectId, rng: &mut StdRng) {
    let open = engine.open_uploads(caller, project).await.unwrap().into_iter().next();
    let mut upload = match open {
        Some(upload) => upload,
        None => {
            let size = rng.random_range(1..9_000_000);
            let new = NewResumable { filename: "pieces".into(), metadata: String::new(), sha256: None, size };
            engine.begin_resumable(caller, project, new).await.unwrap()
        }
    };
    println!("\nack upload {} {}", upload.id, upload.received);
    for _ in 0..4 {
        let (from, most) = (upload.received, rng.random_range(1..3_000_000));
        let bytes: Vec<u8> = (from..upload.size.min(from + most)).map(byte).collect();
        let mut piece = engine.resume_upload(caller, project, upload.id, from, None, None).await.unwrap();
        for chunk in bytes.chunks(60_000) {
            piece.write(bytes::Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        upload = piece.end().await.unwrap();
        println!("\nack upload {} {}", upload.id, upload.received);
        upload = engine.publish_upload(upload).await.unwrap();
    }
}

/// Runs the child until it has acknowledged `lines` things, and a moment of work longer.
fn killed_child(data: &Path, seed: u64) -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DATA, data)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let acks = lines.by_ref().filter_map(|l| l.strip_prefix("ack ").map(str::to_owned));
    let mut acks: Vec<String> = acks.take(rng.random_range(1..9)).collect();
    for n in 0..rng.random_range(0..2_000_000) {
        std::hint::black_box(n);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acks.extend(lines.filter_map(|l| l.strip_prefix("ack ").map(str::to_owned)));
    acks
}

#[test]
fn the_same_on_postgresql() {
    again_on_postgres(&["nothing_acknowledged"], &[]);
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let caller = caller("owner");
    let engine = open(&data).await;
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    engine.close().await;
    drop(engine);
    let kills = if is_on_postgres() { KILLS_ON_POSTGRES } else { KILLS };
    let acks: Vec<String> = (0..kills).flat_map(|seed| killed_child(&data, seed)).collect();
    assert!(acks.len() as u64 >= kills);

    let engine = open(&data).await;
    let b = Bench { folder, engine, caller, project };
    check_blobs(&data);
    b.engine.start();
    let (mut attempts, mut uploads) = (0, BTreeSet::new());
    for ack in acks {
        let words: Vec<&str> = ack.split(' ').collect();
        match words[..] {
            ["asset", id, sha256] => {
                let asset = b.engine.get_asset(&b.caller, project, id.parse().unwrap()).await.unwrap();
                assert_eq!(asset.sha256, sha256);
                assert_eq!(hex::encode(Sha256::digest(b.bytes_of(sha256).await)), sha256);
            }
            ["workflow", id] => {
                let id = id.parse().unwrap();
                let jobs = b.engine.get_workflow(&b.caller, project, id).await.unwrap().jobs;
                for job in jobs {
                    attempts += b.finished(job).await.attempt - 1;
                }
                let state = b.engine.get_workflow(&b.caller, project, id).await.unwrap().state;
                assert_eq!(state, State::Success);
            }
            ["document", id, signs] => {
                let job = b.engine.get_job(&b.caller, project, id.parse().unwrap()).await.unwrap();
                assert_eq!(job.inputs.params["text"], json!("€".repeat(signs.parse().unwrap())));
            }
            ["upload", id, received] => {
                let upload = b.engine.get_upload(&b.caller, project, id.parse().unwrap()).await.unwrap();
                assert!(upload.received >= received.parse().unwrap(), "{upload:?} had {received}");
                uploads.insert(upload.id);
            }
            _ => panic!("{ack:?}"),
        }
    }
    for id in uploads {
        let upload = b.engine.get_upload(&b.caller, project, id).await.unwrap();
        let (from, to) = (upload.received, upload.size);
        let mut piece = b.engine.resume_upload(&b.caller, project, id, from, None, None).await.unwrap();
        piece.write((from..to).map(byte).collect::<Vec<_>>().into()).await.unwrap();
        let whole = b.engine.publish_upload(piece.end().await.unwrap()).await.unwrap();
        let asset = b.engine.get_asset(&b.caller, project, whole.asset_id.unwrap()).await.unwrap();
        let expected: Vec<u8> = (0..to).map(byte).collect();
        assert_eq!(asset.sha256, hex::encode(Sha256::digest(&expected)));
    }
    assert_eq!(std::fs::read_dir(data.join("uploads")).unwrap().count(), 0);
    // What was written but never acknowledged ends as well.
    for job in b.engine.list_jobs(&b.caller, project, &ListQuery::default()).await.unwrap() {
        let job = b.finished(job.id).await;
        let state = if job.type_name == UNKNOWN { State::Failure } else { State::Success };
        assert_eq!(job.state, state);
        assert!(job.outputs.assets.values().all(|made| made.len() == 1));
    }
    b.engine.stop().await;
    check_blobs(&data);
    println!("{attempts} attempts were lost and made good");
}

/// Every file under a checksum has that checksum.
fn check_blobs(data: &Path) {
    for folder in std::fs::read_dir(data.join("blobs/sha256")).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{}{}", folder.file_name().display(), path.file_name().unwrap().display());
            assert_eq!(hex::encode(Sha256::digest(std::fs::read(&path).unwrap())), name);
        }
    }
}
