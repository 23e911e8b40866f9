//! Large parameters of jobs: written and deleted a piece at a time, so that the write lock is held for no longer than a piece takes.

use super::db::Connection;
use super::{Store, db, sql};
use crate::draft::Draft;
use crate::error::Result;
use crate::model::JobId;
use anyhow::Context;

/// Bytes that one transaction writes of a document, or a few less: a piece ends between characters. 256 KiB and the sync
/// behind them take some milliseconds.
const PIECE: usize = 256 << 10;

/// A document without a job. It is deleted unless a job becomes its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct DraftDocument(i64);

impl DraftDocument {
    /// Makes it the job's, in the transaction that writes the job's row.
    pub(super) async fn give_to(self, tx: &mut Connection, job: JobId) -> Result<()> {
        db::query(sql::DOCUMENT_GIVE).bind(self.0).bind(job.0).execute(tx).await?;
        Ok(())
    }
}

impl Store {
    /// Writes the documents of these drafts, as far as they have some: for each draft what it has.
    pub(super) async fn write_documents(&self, drafts: &[Draft]) -> Result<Vec<Option<DraftDocument>>> {
        let mut written = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let Some(text) = &draft.written_params()?.document else {
                written.push(None);
                continue;
            };
            if let Err(e) = self.write_document(text, &mut written).await {
                self.drop_documents(&written).await;
                return Err(e);
            }
        }
        Ok(written)
    }

    /// The document is among those that are `written` as soon as there is anything of it.
    async fn write_document(&self, text: &str, written: &mut Vec<Option<DraftDocument>>) -> Result<()> {
        let new = self.write_one(db::query(sql::DOCUMENT_INSERT).bind(text.len() as i64)).await?;
        let id: i64 = new.context("a new document has a number")?.try_get(0)?;
        written.push(Some(DraftDocument(id)));
        for piece in pieces(text) {
            self.write(db::query(sql::PIECE_INSERT).bind(id).bind(piece)).await?;
        }
        Ok(())
    }

    /// Deletes documents that no job has become the owner of.
    pub(super) async fn drop_documents(&self, documents: &[Option<DraftDocument>]) {
        let dropped = async {
            for document in documents.iter().flatten() {
                self.write(db::query(sql::DOCUMENT_DROP).bind(document.0)).await?;
            }
            self.sweep_documents().await
        };
        if let Err(e) = dropped.await {
            tracing::warn!("documents of jobs that were not dispatched stay until the next start: {e}");
        }
    }

    /// Gives up the drafts of a process that is gone: for the start of the only one.
    pub(crate) async fn drop_drafts(&self) -> Result<()> {
        self.write(db::query(sql::DOCUMENTS_DROP_ALL)).await
    }

    /// Deletes documents whose jobs are gone, a piece at a time.
    pub(crate) async fn sweep_documents(&self) -> Result<()> {
        let _alone = self.sweeping.lock().await;
        while let Some(id) = db::query_scalar(sql::DOCUMENT_LEFT).fetch_optional::<i64>(self.reader()).await?
        {
            while self.write_one(db::query(sql::PIECE_DELETE).bind(id)).await?.is_some() {}
            self.write(db::query(sql::DOCUMENT_DELETE).bind(id)).await?;
        }
        Ok(())
    }
}

fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
