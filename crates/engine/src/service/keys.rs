//! Who comes in: keys and tokens.

use super::Engine;
use crate::core::uninterrupted;
use crate::error::Result;
use crate::keys::{self, Grant};
use crate::model::*;
use std::sync::Arc;

impl Engine {
    /// Makes a key and returns its token, which is stored nowhere.
    pub async fn create_key(&self, new: NewKey) -> Result<String> {
        let store = self.core.store.clone();
        let insert = async move { keys::insert(&store, CredentialKind::Key, new, Timestamp::now()).await };
        Ok(uninterrupted(insert).await?.token())
    }

    /// Whether no key exists yet.
    pub async fn has_no_keys(&self) -> Result<bool> {
        self.core.store.has_no_keys().await
    }

    /// Whose token this is; `None` when it is nobody's, was revoked or has expired.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Arc<Caller>>> {
        self.core.keys.authenticate(&self.core.store, token, Timestamp::now()).await
    }

    /// A token for the client with this id and secret; `None` when there is no such client.
    pub async fn grant_token(&self, client_id: &str, client_secret: &str) -> Result<Option<Grant>> {
        self.core.keys.grant(&self.core.store, client_id, client_secret, Timestamp::now()).await
    }

    /// A secret of this data folder, for signing links.
    pub async fn signing_key(&self) -> Result<[u8; 32]> {
        self.core.keys.signing_key(&self.core.store).await
    }
}
