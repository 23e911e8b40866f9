//! The assets of a graph: where their bytes come from, and why an operator cannot be built of them.

use crate::params::ParamError;
use fieldstone_kernel::Cancelled;
use fieldstone_kernel::format::MeshLimits;
use std::any::Any;
use std::sync::Arc;

/// Why an operator cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A parameter is wrong.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// An input is wrong; the text says which.
    #[error("{0}")]
    Input(String),
    /// Cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// An asset cannot be read, through no fault of its own.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl BuildError {
    /// The parameter `name` is refused.
    pub fn param(name: &str, what: impl Into<String>) -> BuildError {
        BuildError::Param(ParamError { name: name.to_owned(), what: what.into() })
    }
}

/// Where a graph's assets come from.
pub trait Assets: Send + Sync {
    /// The asset that a graph calls `path`; the text of an error says why there is none.
    fn open(&self, path: &str) -> Result<Asset, BuildError>;

    /// What the mesh of an asset of so many bytes may be.
    fn mesh_limits(&self, _bytes: u64) -> MeshLimits {
        MeshLimits::default()
    }

    /// Takes what the reader of that asset noted for its owner ([`ReadMesh::notes`](fieldstone_kernel::format::ReadMesh)).
    fn note(&self, _path: &str, _note: &str) {}

    /// What [`Assets::keep`] was given under this name, if it is still there.
    fn kept(&self, _name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    /// Offers what took long to make of an asset, about so many bytes, for the next graph that needs it. The name says what it is and of
    /// which bytes it was made.
    fn keep(&self, _name: String, _made: Arc<dyn Any + Send + Sync>, _bytes: u64) {}
}

/// The bytes of an asset.
#[derive(Clone)]
pub struct Asset {
    /// Name in the project; its extension names a mesh's format.
    pub filename: String,
    /// All of it.
    pub bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// SHA-256.
    pub checksum: [u8; 32],
}

/// No assets at all.
pub struct NoAssets;

impl Assets for NoAssets {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        Err(BuildError::Input(format!("there is no asset {path:?}")))
    }
}
