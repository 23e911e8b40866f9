//! Rows of API keys and OAuth clients.

use super::db::Row;
use super::{Store, db, rows, sql};
use crate::error::{EngineError, Result};
use crate::model::{Credential, CredentialKind, NewKey, ProjectId, Timestamp};

/// What is kept of a new key or client: all but its secret.
pub(crate) struct KeyRow<'a> {
    pub(crate) kind: CredentialKind,
    pub(crate) id: &'a str,
    /// SHA-256 of the secret, in hex.
    pub(crate) digest: String,
    /// Owner.
    pub(crate) user: &'a str,
    pub(crate) new: &'a NewKey,
}

impl Store {
    /// Writes a key or a client; the projects that it is limited to must exist.
    pub(crate) async fn insert_key(&self, row: KeyRow<'_>, now: Timestamp) -> Result<()> {
        let KeyRow { kind, id, digest, user, new } = row;
        for project in &new.projects {
            let found = db::query(sql::PROJECT_GET).bind(project.0).fetch_optional(self.reader()).await?;
            if found.is_none() {
                return Err(EngineError::invalid("project", format!("project {project} does not exist")));
            }
        }
        let projects = if new.projects.is_empty() { None } else { Some(rows::to_json(&new.projects)?) };
        let insert = db::query(sql::KEY_INSERT)
            .bind(id)
            .bind(kind.as_str())
            .bind(digest)
            .bind(&new.name)
            .bind(user)
            .bind(rows::to_json(&new.scopes)?)
            .bind(projects)
            .bind(&new.dialect)
            .bind(now.0)
            .bind(new.expires.map(|t| t.0));
        self.write(insert).await
    }

    /// All keys or all clients, revoked ones too, oldest first.
    pub(crate) async fn keys(&self, kind: CredentialKind) -> Result<Vec<Credential>> {
        let rows = db::query(sql::KEYS_ALL).bind(kind.as_str()).fetch_all(self.reader()).await?;
        rows.iter().map(credential).collect()
    }

    /// A key or a client, and the digest of its secret.
    pub(crate) async fn key(&self, kind: CredentialKind, id: &str) -> Result<Option<(Credential, String)>> {
        let row = db::query(sql::KEY_GET).bind(id).bind(kind.as_str());
        let Some(row) = row.fetch_optional(self.reader()).await? else { return Ok(None) };
        Ok(Some((credential(&row)?, row.try_get("secret_sha256")?)))
    }

    /// Revokes a key or a client; doing so twice is no error.
    pub(crate) async fn revoke_key(&self, kind: CredentialKind, id: &str, now: Timestamp) -> Result<()> {
        let update = db::query(sql::KEY_REVOKE).bind(id).bind(kind.as_str()).bind(now.0);
        match self.write_one(update).await? {
            Some(_) => Ok(()),
            None => Err(EngineError::NotFound(format!("{} {id:?}", kind.as_str()))),
        }
    }

    /// Notes when a key or a client was used, unless a use at or after `unless_after` is noted already.
    pub(crate) async fn note_key_use(&self, id: &str, now: Timestamp, unless_after: Timestamp) -> Result<()> {
        let update = db::query(sql::KEY_USED).bind(id).bind(now.0).bind(unless_after.0);
        self.write(update).await
    }

    /// Whether nobody can come in yet.
    pub(crate) async fn has_no_keys(&self) -> Result<bool> {
        Ok(db::query(sql::KEY_ANY).fetch_optional(self.reader()).await?.is_none())
    }
}

fn credential(row: &Row) -> Result<Credential> {
    let time = |column: &str| -> Result<Option<Timestamp>> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
    };
    let projects: Option<&str> = row.try_get("projects")?;
    Ok(Credential {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        user: row.try_get("user_id")?,
        scopes: rows::from_json(row.try_get("scopes")?)?,
        projects: projects.map(rows::from_json::<Vec<ProjectId>>).transpose()?,
        dialect: row.try_get("dialect")?,
        created: Timestamp(row.try_get("created")?),
        expires: time("expires")?,
        last_used: time("last_used")?,
        revoked: time("revoked")?,
    })
}
