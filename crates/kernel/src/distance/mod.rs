//! From a mesh, or from any field, to a signed distance field.

/// A function over `V: F32x16` compiled for AVX2 and for AVX-512.
macro_rules! at_levels {
    ($($name:ident: $avx2:ident, $avx512:ident ($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {$(
        /// # Safety
        /// The processor has AVX2.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        unsafe fn $avx2($($arg: $ty),*) -> $ret {
            unsafe { $name::<crate::simd::x86::Avx2>($($arg),*) }
        }

        /// # Safety
        /// The processor has AVX-512 F, VL, DQ and BW.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
        unsafe fn $avx512($($arg: $ty),*) -> $ret {
            unsafe { $name::<crate::simd::x86::Avx512>($($arg),*) }
        }
    )+};
}

pub mod at_points;
mod between;
mod boundary;
mod brick;
mod candidates;
mod far;
pub mod from_mesh;
mod octant;
mod packet;
pub mod redistance;
mod sign;
mod surface;
pub(crate) mod triangle;
mod unite;

pub use at_points::MeshDistance;
pub use from_mesh::{FAR_TOLERANCE_CELLS, FromMesh, NARROW_BAND_CELLS, Reach};
pub use redistance::{RedistanceError, redistance, redistance_planes};
pub use surface::FaceNote;
pub(crate) use unite::united;
