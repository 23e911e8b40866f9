//! Layers of a build, and the plane of samples at any height.

use super::SliceError;
use crate::patch::Patch;

/// Equal layers from the bottom of a patch to its top; the last may reach beyond it. Each is cut in its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    bottom: f64,
    height: f64,
    count: u32,
}

impl Layers {
    /// Layers of `height` mm over the z of `patch`, at most `max_layers`.
    pub fn new(patch: &Patch, height: f64, max_layers: u32) -> Result<Layers, SliceError> {
        if !(height.is_finite() && height > 0.0) {
            return Err(SliceError::NotPositive { what: "layer height", value: height });
        }
        // The guard keeps a height that divides the size from giving a layer more by rounding.
        let count = (patch.size()[2] / height - 1e-9).ceil().max(1.0);
        if count.is_nan() || count > f64::from(max_layers) {
            return Err(SliceError::TooMany { what: "layers", count, limit: u64::from(max_layers) });
        }
        Ok(Layers { bottom: patch.offset()[2], height, count: count as u32 })
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Where the first one starts, mm.
    pub fn bottom(&self) -> f64 {
        self.bottom
    }

    /// Thickness of each, mm.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// Upper surface of layer `k`, mm.
    pub fn top(&self, k: u32) -> f64 {
        self.bottom + self.height * (f64::from(k) + 1.0)
    }

    /// Where layer `k` is cut, mm.
    pub fn middle(&self, k: u32) -> f64 {
        self.bottom + self.height * (f64::from(k) + 0.5)
    }
}

/// The planes of samples below and above `z` and the share of the upper one, 0..=1; `None` outside the patch.
pub fn planes_of(patch: &Patch, z: f64) -> Option<(u32, u32, f32)> {
    let (n, h) = (patch.resolution()[2], patch.spacing()[2]);
    let from_bottom = z - patch.offset()[2];
    if !(from_bottom >= 0.0 && from_bottom <= patch.size()[2]) {
        return None;
    }
    if n == 1 || h <= 0.0 {
        return Some((0, 0, 0.0));
    }
    let at = from_bottom / h;
    let below = (at.floor() as u32).min(n - 2);
    Some((below, below + 1, ((at - f64::from(below)) as f32).clamp(0.0, 1.0)))
}

/// The plane between two: `(1 - share)·below + share·above`, sample by sample. The three have the same length.
///
/// A share of 0 or 1 gives that plane's samples themselves, infinite ones too.
pub fn blend(below: &[f32], above: &[f32], share: f32, out: &mut [f32]) {
    if share <= 0.0 {
        return out.copy_from_slice(below);
    }
    if share >= 1.0 {
        return out.copy_from_slice(above);
    }
    for ((o, &a), &b) in out.iter_mut().zip(below).zip(above) {
        *o = (1.0 - share) * a + share * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(size: f64, n: u32) -> Patch {
        Patch::new([1.0, 1.0, size], [0.0, 0.0, -2.0], [2, 2, n]).unwrap()
    }

    #[test]
    fn layers_cover_the_patch() {
        for (height, count) in [(0.1, 30), (0.3, 10), (0.7, 5), (5.0, 1)] {
            let layers = Layers::new(&patch(3.0, 4), height, 100).unwrap();
            assert_eq!(layers.count(), count, "{height}");
            assert!(layers.top(count - 1) >= 1.0 - 1e-9 && layers.middle(0) > -2.0);
        }
        assert!(Layers::new(&patch(3.0, 4), 0.01, 100).unwrap_err().to_string().contains("300 layers"));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
            assert!(Layers::new(&patch(3.0, 4), bad, 100).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_height_lies_between_its_planes() {
        let p = patch(3.0, 4);
        assert_eq!(planes_of(&p, -2.0), Some((0, 1, 0.0)));
        assert_eq!(planes_of(&p, -0.75), Some((1, 2, 0.25)));
        assert_eq!(planes_of(&p, 1.0), Some((2, 3, 1.0)));
        assert_eq!(planes_of(&p, 1.001), None);
        assert_eq!(planes_of(&p, f64::NAN), None);
        assert_eq!(planes_of(&patch(0.0, 1), -2.0), Some((0, 0, 0.0)));
        let mut out = [0.0; 2];
        blend(&[0.0, 4.0], &[8.0, f32::INFINITY], 0.25, &mut out);
        assert_eq!(out, [2.0, f32::INFINITY]);
    }
}
