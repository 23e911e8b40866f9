//! Layers of a build, and the plane of samples at any height.

use super::SliceError;
use crate::patch::Patch;
use crate::regular::Rule;

/// Heights of cuts this close to a plane of samples, in cells, are taken for the plane's: rounding put them off it.
const SNAP: f64 = 1e-6;

/// Equal layers from the bottom of a patch to its top, where the last one is cut off. Each is cut in its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    bottom: f64,
    height: f64,
    end: f64,
    count: u32,
}

impl Layers {
    /// Layers of `height` mm over the z of `patch`, at most `max_layers`. A height beyond that of the patch is refused.
    pub fn new(patch: &Patch, height: f64, max_layers: u32) -> Result<Layers, SliceError> {
        if !(height.is_finite() && height > 0.0) {
            return Err(SliceError::NotPositive { what: "layer height", value: height });
        }
        // The guard keeps a height that divides the size from giving a layer more by rounding.
        let (size, bottom) = (patch.size()[2], patch.offset()[2]);
        let count = (size / height - 1e-9).ceil().max(1.0);
        if count.is_nan() || count > f64::from(max_layers) {
            return Err(SliceError::TooMany { what: "layers", count, limit: u64::from(max_layers) });
        }
        if size / height < 1.0 - 1e-9 {
            return Err(SliceError::TooHigh { height, what: "grid", size });
        }
        Ok(Layers { bottom, height, end: bottom + size, count: count as u32 })
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Where the first one starts, mm.
    pub fn bottom(&self) -> f64 {
        self.bottom
    }

    /// Thickness of each but the last, which may be thinner, mm.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// Upper surface of layer `k`, mm; never above the patch.
    pub fn top(&self, k: u32) -> f64 {
        (self.bottom + self.height * (f64::from(k) + 1.0)).min(self.end)
    }

    /// Where layer `k` is cut, mm.
    pub fn middle(&self, k: u32) -> f64 {
        0.5 * (self.bottom + self.height * f64::from(k) + self.top(k))
    }

    /// Refuses layers higher than the part that was found between `low` and `high`, mm.
    pub fn check_part(&self, [low, high]: [f64; 2]) -> Result<(), SliceError> {
        let size = high - low;
        match self.height > size + 1e-3 * (size + self.height) {
            true => Err(SliceError::TooHigh { height: self.height, what: "part", size }),
            false => Ok(()),
        }
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
    let at = if (at - at.round()).abs() < SNAP { at.round() } else { at };
    let below = (at.floor() as u32).min(n - 2);
    Some((below, below + 1, ((at - f64::from(below)) as f32).clamp(0.0, 1.0)))
}

/// The plane between two of regular samples ([`crate::regular`]): `(1 - share)·below + share·above`, sample by sample. The three have
/// the same length.
///
/// Where the surface itself lies at that height, flat faces do, the sample is what it is just above. Infinite samples of a plane are
/// themselves at a share of 0 or 1.
pub fn section(below: &[f32], above: &[f32], share: f32, rule: &Rule, out: &mut [f32]) {
    for ((o, &a), &b) in out.iter_mut().zip(below).zip(above) {
        let v = match share {
            s if s <= 0.0 => a,
            s if s >= 1.0 => b,
            s => (1.0 - s) * a + s * b,
        };
        *o = rule.just_above(v, b - a);
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
        for (height, count) in [(0.1, 30), (0.3, 10), (0.7, 5), (3.0, 1)] {
            let layers = Layers::new(&patch(3.0, 4), height, 100).unwrap();
            assert_eq!(layers.count(), count, "{height}");
            assert_eq!(layers.middle(0), -2.0 + 0.5 * height);
            assert!((1.0 - 1e-9..=1.0).contains(&layers.top(count - 1)), "none above the patch");
        }
        // The last of 0.7 mm has 0.2 mm left.
        assert!((Layers::new(&patch(3.0, 4), 0.7, 100).unwrap().middle(4) - 0.9).abs() < 1e-12);
        let refused = Layers::new(&patch(3.0, 4), 5.0, 100).unwrap_err().to_string();
        assert_eq!(refused, "layer height is 5 mm, the grid is 3 mm high");
        let layers = Layers::new(&patch(3.0, 4), 2.0, 100).unwrap();
        assert!(layers.check_part([-1.0, 1.0]).is_ok());
        assert_eq!(
            layers.check_part([-1.5, 0.0]).unwrap_err().to_string(),
            "layer height is 2 mm, the part is 1.5 mm high"
        );
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
        // Rounding of a height.
        assert_eq!(planes_of(&p, -1.0 - 1e-12), Some((1, 2, 0.0)));
    }

    #[test]
    fn at_a_flat_face_the_section_is_the_one_just_above() {
        let rule = Rule::new(&patch(3.0, 4), 0.0);
        let cut = |below: f32, above: f32, share: f32| {
            let mut out = [0.0];
            section(&[below], &[above], share, &rule, &mut out);
            out[0]
        };
        assert_eq!((cut(0.0, 8.0, 0.25), cut(4.0, f32::INFINITY, 0.25)), (2.0, f32::INFINITY));
        assert_eq!(cut(4.0, f32::INFINITY, 0.0), 4.0);
        // Out of the solid, into it; on a plane of samples and between two, hit exactly or but for rounding.
        for noise in [0.0, 1e-7, -1e-7] {
            assert!(cut(noise, 1.0, 0.0) > 0.0 && cut(noise, -1.0, 0.0) < 0.0);
            assert!(cut(-1.0, noise, 1.0) > 0.0 && cut(1.0, noise, 1.0) < 0.0);
            assert!(cut(-0.3 + noise, 0.7, 0.3) > 0.0 && cut(0.3, -0.7 + noise, 0.3) < 0.0);
        }
        // A face along z stays where it is.
        assert_eq!(cut(0.0, 0.0, 0.5), 0.0);
    }
}
