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
