//! What a mesh encloses, before any sample is asked: what closes it, its shells, and the faces that are no surface.

use super::boundary;
use crate::bvh::Bvh;
use crate::mesh::{TriMesh, mended};
use crate::monitor::{Cancelled, Monitor};
use crate::outer::{Faces, Shells, outer};
use std::borrow::Cow;
use std::fmt;

/// What a caller may want to be told about the faces of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaceNote {
    /// Triangles or whole shells faced the wrong way for the mesh to be closed; they were taken the other way round.
    Turned {
        /// How many triangles.
        triangles: usize,
    },
    /// Parts overlap or touch; faces with the inside on both sides are no surface.
    Inner {
        /// Triangles that were cut where they meet others.
        cut: usize,
        /// Pieces and whole triangles that are not on the surface.
        dropped: usize,
        /// Shells that became one with others, or lay inside them.
        united: usize,
    },
    /// Parts of an open mesh overlap: inner faces attract distance.
    OverlapOfOpen,
    /// Triangles meet too often to be cut: inner faces attract distance.
    TooManyContacts {
        /// Triangles of the mesh.
        triangles: usize,
        /// How often they may meet.
        limit: u64,
    },
}

/// A mesh, what closes it and what it encloses.
pub(super) struct Surface<'a> {
    /// As given, or with triangles turned so that it is closed.
    pub mesh: Cow<'a, TriMesh>,
    /// Triangles that close it.
    pub caps: TriMesh,
    shells: Shells,
    /// −1 when it is inside out.
    pub orientation: i32,
    /// How many triangles were turned.
    turned: usize,
}

impl<'a> Surface<'a> {
    pub fn of(mesh: &'a TriMesh, monitor: &Monitor) -> Result<Surface<'a>, Cancelled> {
        let (caps, shells) = boundary::closing(mesh, monitor)?;
        monitor.check()?;
        let mut surface = Surface { mesh: Cow::Borrowed(mesh), caps, shells, orientation: 1, turned: 0 };
        let volume = mesh.signed_volume();
        let shells = &surface.shells;
        let may_turn = match shells.closed {
            true => shells.branching || shells.face_apart(mesh, volume),
            false => shells.even,
        };
        if may_turn && let Some((mesh, turned)) = mended(mesh, monitor)? {
            let (caps, shells) = boundary::closing(&mesh, monitor)?;
            if shells.closed {
                surface = Surface { mesh: Cow::Owned(mesh), caps, shells, orientation: 1, turned };
            }
        }
        let volume = if surface.turned > 0 { surface.mesh.signed_volume() } else { volume };
        surface.orientation = if volume < 0.0 { -1 } else { 1 };
        Ok(surface)
    }

    /// Of a mesh that is known to be closed, with the shells it has, each facing as it should: the outermost outward.
    pub fn closed(mesh: &'a TriMesh, shells: Shells) -> Surface<'a> {
        Surface { mesh: Cow::Borrowed(mesh), caps: TriMesh::default(), shells, orientation: 1, turned: 0 }
    }

    pub fn is_closed(&self) -> bool {
        self.shells.closed
    }

    /// Whether there is more than one shell, or shells that share edges.
    pub fn has_several_shells(&self) -> bool {
        self.shells.closed && self.shells.are_several()
    }

    /// The surface alone, where some faces of the mesh are inside it, and what there is to say.
    /// `overlaps`: some winding number was found that a single shell does not have.
    pub fn outer(
        &self,
        bvh: &Bvh,
        overlaps: bool,
        max_contacts: u64,
        monitor: &Monitor,
    ) -> Result<(Option<TriMesh>, Vec<FaceNote>), Cancelled> {
        let mut notes = Vec::new();
        notes.extend((self.turned > 0).then_some(FaceNote::Turned { triangles: self.turned }));
        if !self.shells.closed {
            notes.extend(overlaps.then_some(FaceNote::OverlapOfOpen));
            return Ok((None, notes));
        }
        if !overlaps && !self.shells.may_have_inner_faces(&self.mesh, bvh, monitor)? {
            return Ok((None, notes));
        }
        Ok(match outer(&self.mesh, bvh, max_contacts, monitor)? {
            Faces::AllOuter => (None, notes),
            Faces::SomeInner(found) => {
                let united = self.shells.united(&found.mesh, &found.sources);
                notes.push(FaceNote::Inner { cut: found.cut, dropped: found.dropped, united });
                (Some(found.mesh), notes)
            }
            Faces::TooMany => {
                let triangles = self.mesh.triangles.len();
                notes.push(FaceNote::TooManyContacts { triangles, limit: max_contacts });
                (None, notes)
            }
        })
    }
}

impl FaceNote {
    /// Whether the field or the mesh is not quite what the file seems to mean.
    pub fn is_warning(&self) -> bool {
        !matches!(self, FaceNote::Inner { .. })
    }
}

impl fmt::Display for FaceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaceNote::Turned { triangles } => {
                write!(f, "{triangles} triangles face the wrong way and were taken the other way round")
            }
            FaceNote::Inner { cut, dropped, united } => write!(
                f,
                "parts overlap or touch: {united} shells became one with others, {cut} triangles were cut, {dropped} pieces with the inside on both sides are no surface"
            ),
            FaceNote::OverlapOfOpen => write!(
                f,
                "parts overlap and the mesh is open: faces inside it attract distance, as if they were surface"
            ),
            FaceNote::TooManyContacts { triangles, limit } => write!(
                f,
                "parts overlap, and the {triangles} triangles touch each other more than {limit} times, which is the limit"
            ),
        }
    }
}
