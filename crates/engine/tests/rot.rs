//! Bytes that rot on the disk: no download, job, result or backup passes them on as if they were whole, and uploading them
//! again heals them.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::upkeep::backup;
use fieldstone_engine::{Engine, EngineConfig, EngineError};
use futures::StreamExt;
use serde_json::json;
use std::path::PathBuf;

impl Bench {
    fn place(&self, sha256: &str) -> PathBuf {
        self.folder.path().join("data/blobs/sha256").join(&sha256[..2]).join(&sha256[2..])
    }

    /// Flips a bit in the middle of a stored file, or cuts it in half there.
    fn rot(&self, sha256: &str, cut: bool) {
        let mut bytes = std::fs::read(self.place(sha256)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        if cut {
            bytes.truncate(middle);
        }
        std::fs::write(self.place(sha256), bytes).unwrap();
    }

    /// All bytes that a download gets before it breaks off, if it does.
    async fn download(&self, sha256: &str, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, usize> {
        let Ok(mut blob) = self.engine.open_blob(sha256, range).await else { return Err(0) };
        let mut got = Vec::new();
        while let Some(chunk) = blob.bytes.next().await {
            match chunk {
                Ok(bytes) => got.extend_from_slice(&bytes),
                Err(_) => return Err(got.len()),
            }
        }
        Ok(got)
    }

    async fn damaged(&self) -> u64 {
        self.engine.metrics().await.unwrap().damaged_blobs
    }
}

/// Small enough to be read first, and large enough not to be.
const SIZES: [usize; 2] = [1000, 3 << 20];

#[tokio::test]
async fn a_download_of_rotten_bytes_breaks_off_and_an_upload_heals_them() {
    let b = bench().await;
    for (n, size) in SIZES.into_iter().enumerate() {
        let bytes = vec![n as u8 + 1; size];
        let asset = b.upload("a.bin", &bytes).await;
        for cut in [false, true] {
            assert_eq!(b.download(&asset.sha256, None).await.as_ref(), Ok(&bytes));
            b.rot(&asset.sha256, cut);
            let got = b.download(&asset.sha256, None).await.unwrap_err();
            assert!(got < size, "{got} of {size} bytes, never all of them");
            let part = b.download(&asset.sha256, Some(0..10)).await;
            assert_eq!(part, Err(0), "a part of it is refused, too");
            assert_eq!(b.damaged().await, 1);
            b.upload("again.bin", &bytes).await;
            assert_eq!(b.damaged().await, 0);
        }
        assert_eq!(b.download(&asset.sha256, Some(5..9)).await.unwrap(), bytes[5..9]);
    }
}

#[tokio::test]
async fn a_job_names_the_input_that_is_rotten() {
    let b = started().await;
    let asset = b.upload("part.stl", b"solid").await;
    for cut in [false, true] {
        b.rot(&asset.sha256, cut);
        let job = b.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap();
        let job = b.finished(job.id).await;
        let error = "input mesh: the stored bytes of asset 1 (\"part.stl\") are damaged or missing; upload them again";
        assert_eq!((job.state, job.error.as_deref(), job.attempt), (State::Failure, Some(error), 1));
    }
    b.upload("part.stl", b"solid").await;
    let job = b.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap();
    assert_eq!(b.finished(job.id).await.state, State::Success);
    b.engine.close().await;
}

#[tokio::test]
async fn rotten_results_are_not_reused() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { reuse_results: true, ..config(&folder) };
    let engine = Engine::open_with_types(config, TYPES).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    engine.start();
    let b = Bench { folder, engine, caller, project };
    b.upload("part.stl", b"solid").await;
    let run = async || {
        let job = b.dispatch(new_job("test/sample", &[("mesh", "part.stl")], json!({"resolution": 9}))).await;
        b.finished(job.unwrap().id).await
    };
    let first = run().await;
    let volume = first.outputs.assets["volume"][0].sha256.clone();
    let whole = b.bytes_of(&volume).await;
    b.rot(&volume, false);
    let second = run().await;
    let log = b.engine.job_log(&b.caller, b.project, second.id).await.unwrap();
    assert!(log.iter().any(|line| line.text.contains("is damaged: it is done again")), "{log:?}");
    assert_eq!(second.state, State::Success);
    assert_eq!(b.bytes_of(&volume).await, whole, "made again, it is whole again");
    b.engine.close().await;
}

#[tokio::test]
async fn a_backup_says_what_is_rotten() {
    let b = bench().await;
    let (sound, rotten) = (b.upload("a", b"sound").await, b.upload("b", b"rotten").await);
    b.rot(&rotten.sha256, false);
    let made = backup(&b.folder.path().join("data"), &b.folder.path().join("to")).await.unwrap();
    assert_eq!((made.linked + made.copied, made.missing.len(), made.damaged.len()), (2, 0, 1));
    assert_eq!(made.damaged[0].0, rotten.sha256);
    assert_ne!(made.damaged[0].0, sound.sha256);
    // What a download found and an upload has healed is told once: older backups share the rotten file.
    assert!(b.engine.open_blob(&rotten.sha256, None).await.is_err());
    b.upload("b", b"rotten").await;
    for (name, noted) in [("next", 1), ("last", 0)] {
        let made = backup(&b.folder.path().join("data"), &b.folder.path().join(name)).await.unwrap();
        assert_eq!((made.damaged.len(), made.noted.len()), (0, noted), "{made:?}");
        assert!(made.noted.iter().all(|line| line.contains(&rotten.sha256)));
    }
}

#[tokio::test]
async fn a_link_dies_with_the_last_asset_that_has_its_bytes() {
    let b = bench().await;
    let (one, two) = (b.upload("a", b"same").await, b.upload("b", b"same").await);
    let is_there = async || match b.engine.open_blob(&one.sha256, None).await {
        Ok(_) => true,
        Err(EngineError::NotFound(_)) => false,
        Err(e) => panic!("{e}"),
    };
    b.engine.delete_asset(&b.caller, b.project, one.id).await.unwrap();
    assert!(is_there().await);
    b.engine.delete_asset(&b.caller, b.project, two.id).await.unwrap();
    assert!(!is_there().await);
}
