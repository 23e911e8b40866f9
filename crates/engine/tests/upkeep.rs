//! Sweeps and backups while the same bytes are uploaded and deleted over and over: nothing with a row is ever lost.

mod common;

use common::{Bench, bench};
use fieldstone_engine::upkeep::{backup, check, gc};
use std::sync::Arc;

/// Uploads and deletes a few contents that others upload and delete too; keeps the last of each.
async fn churn(b: Arc<Bench>, rounds: usize) {
    for round in 0..rounds {
        for content in 0..3u8 {
            let asset = b.upload("a.bin", &[content; 3000]).await;
            assert_eq!(
                b.bytes_of(&asset.sha256).await.len(),
                3000,
                "its bytes are there as long as its row is"
            );
            if round + 1 < rounds {
                b.engine.delete_asset(&b.caller, b.project, asset.id).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sweeps_and_backups_beside_uploads_lose_nothing() {
    let b = Arc::new(bench().await);
    let data = b.folder.path().join("data");
    let work: Vec<_> = (0..3).map(|_| tokio::spawn(churn(b.clone(), 15))).collect();
    let mut backups = Vec::new();
    while work.iter().any(|w| !w.is_finished()) {
        gc(&data, 0).await.unwrap();
        let to = b.folder.path().join(format!("backup-{}", backups.len()));
        let made = backup(&data, &to).await.unwrap();
        assert!(made.missing.is_empty(), "{made:?}");
        backups.push(to);
    }
    for work in work {
        work.await.unwrap();
    }
    assert!(!backups.is_empty());
    for folder in backups.iter().chain([&data]) {
        let report = check(folder).await.unwrap();
        assert_eq!(report.findings, Vec::<String>::new(), "{}", folder.display());
    }
    gc(&data, 0).await.unwrap();
    assert_eq!((check(&data).await.unwrap().assets, b.blob_count().await), (9, 3));
}
