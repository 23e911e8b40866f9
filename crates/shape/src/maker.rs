//! What a job said of a file that it made: where its samples are, for whoever reads it without being told.

use crate::params::{Param, ParamError, Values};
use indexmap::IndexMap;

/// Parameters out of the job that made a file; none for one that came from elsewhere.
pub type MakerParams = IndexMap<String, String>;

/// The parameters that say where a volume's samples are.
#[derive(Clone, Copy, Debug)]
pub struct PatchParams {
    /// Samples per axis.
    pub resolution: &'static Param,
    /// Extents.
    pub size: &'static Param,
    /// Lowest corner.
    pub offset: &'static Param,
}

impl PatchParams {
    /// Fills in what is absent in `values` from the patch of the job that made the volume. A resolution that is not that
    /// patch's is refused: the samples would be read in the wrong order.
    pub fn adopt(&self, values: &mut Values, made: &MakerParams) -> Result<(), ParamError> {
        let patch = ["patch_resolution", "patch_size", "patch_offset"].map(|name| made.get(name));
        let [Some(resolution), Some(size), Some(offset)] = patch else { return Ok(()) };
        let given = values.integers(self.resolution.name).map(<[i64]>::to_vec);
        values.set(self.resolution, resolution)?;
        let own = values.integers(self.resolution.name);
        if let (Some(given), Some(own)) = (given, own)
            && given != own
        {
            let by = |n: &[i64]| n.iter().map(i64::to_string).collect::<Vec<_>>().join(" × ");
            let what = format!("is {}, the job that made the volume wrote {} samples", by(&given), by(own));
            return Err(ParamError { name: self.resolution.name.into(), what });
        }
        for (param, text) in [(self.size, size), (self.offset, offset)] {
            if values.numbers(param.name).is_none() {
                values.set(param, text)?;
            }
        }
        Ok(())
    }
}

/// How an operator uses what the maker of its file said.
#[derive(Clone, Copy, Debug)]
pub struct Adopt {
    /// The parameter that names the file.
    pub file: &'static str,
    /// What else the maker tells.
    pub patch: PatchParams,
}

/// Where the samples of a file are, by its maker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MadePatch {
    /// Samples per axis, at least 1.
    pub resolution: [u32; 3],
    /// From the first to the last sample of each axis, mm.
    pub size: [f64; 3],
    /// Lowest corner, mm.
    pub offset: [f64; 3],
}

impl MadePatch {
    /// Reads it; `None` where the maker has not said all of it, or nothing that is a grid.
    pub fn of(made: &MakerParams) -> Option<MadePatch> {
        let read = |name: &str| made.get(name).and_then(|text| serde_json::from_str::<[f64; 3]>(text).ok());
        let counts: [u32; 3] = serde_json::from_str(made.get("patch_resolution")?).ok()?;
        let (size, offset) = (read("patch_size")?, read("patch_offset")?);
        (counts.iter().all(|n| *n > 0) && size.iter().all(|s| *s >= 0.0)).then_some(MadePatch {
            resolution: counts,
            size,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_what_a_maker_says_whole() {
        let all = [
            ("patch_resolution", "[2,3,1]"),
            ("patch_size", "[1.5, 2.0, 0.0]"),
            ("patch_offset", "[-1.0,0,0]"),
        ];
        let made = |pairs: &[(&str, &str)]| -> MakerParams {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let patch = MadePatch { resolution: [2, 3, 1], size: [1.5, 2.0, 0.0], offset: [-1.0, 0.0, 0.0] };
        assert_eq!(MadePatch::of(&made(&all)), Some(patch));
        assert_eq!(MadePatch::of(&made(&all[..2])), None);
        for wrong in ["[0,3,1]", "[2,3]", "[2.5,3,1]", "2,3,1", "[-1,3,1]"] {
            assert_eq!(MadePatch::of(&made(&[("patch_resolution", wrong), all[1], all[2]])), None, "{wrong}");
        }
    }
}
