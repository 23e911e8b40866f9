//! The nouns of sign-in: who asks, and what they sign in with.

use crate::model::{ProjectId, Timestamp};

/// Who asks: what authentication found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// User id; projects belong to users. Empty for a stranger, and for nobody else.
    pub user: String,
    /// What signed in, for whoever counts requests: a key or a client by its id, else the user.
    pub credential: String,
    /// Granted scopes such as `jobs:read`; `None` grants everything.
    pub scopes: Option<Vec<String>>,
    /// The only projects there are for this caller; `None` for all.
    pub projects: Option<Vec<ProjectId>>,
    /// Wire dialect pinned by the key, if any: `openapi`, `sdk`, `sdk-legacy`.
    pub dialect: Option<String>,
    /// Nobody in particular: did not sign in, and sees what is public.
    pub stranger: bool,
}

impl Caller {
    /// `user` with every right.
    pub fn of(user: impl Into<String>) -> Caller {
        let user = user.into();
        Caller {
            credential: user.clone(),
            user,
            scopes: None,
            projects: None,
            dialect: None,
            stranger: false,
        }
    }

    /// Who has not signed in.
    pub fn stranger() -> Caller {
        Caller { stranger: true, ..Caller::of("") }
    }

    /// Whether `scope` is granted.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|granted| granted.iter().any(|s| s == scope))
    }

    /// Whether the caller is limited to other projects than this one.
    pub fn is_kept_from(&self, project: ProjectId) -> bool {
        self.projects.as_ref().is_some_and(|only| !only.contains(&project))
    }
}

/// What signs in with a secret of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key: its token is its secret.
    Key,
    /// An OAuth client: buys tokens with its secret.
    Client,
    /// A worker's key: opens a worker's connection and nothing else.
    Worker,
}

impl CredentialKind {
    /// The word in the ledger and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Key => "key",
            CredentialKind::Client => "client",
            CredentialKind::Worker => "worker key",
        }
    }
}

/// An API key or OAuth client to be made.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// A label for people.
    pub name: String,
    /// Owner; `None` is the built-in owner.
    pub user: Option<String>,
    /// The scopes it grants; empty grants everything.
    pub scopes: Vec<String>,
    /// The projects it is limited to; empty for none.
    pub projects: Vec<ProjectId>,
    /// See [`Caller::dialect`].
    pub dialect: Option<String>,
    /// When it stops working; `None` for never.
    pub expires: Option<Timestamp>,
}

/// An API key or OAuth client as the ledger has it: all but the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Names it; the `client_id` of a client.
    pub id: String,
    /// A label for people.
    pub name: String,
    /// Owner.
    pub user: String,
    /// The scopes it grants; empty grants everything.
    pub scopes: Vec<String>,
    /// See [`Caller::projects`].
    pub projects: Option<Vec<ProjectId>>,
    /// See [`Caller::dialect`].
    pub dialect: Option<String>,
    /// Creation.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Option<Timestamp>,
    /// Last use, a minute late at most.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}
