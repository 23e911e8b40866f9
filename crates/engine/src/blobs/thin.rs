//! Some samples of a volume that lies there as a blob: every so manieth on each axis, read plane by plane.

use super::Blobs;
use super::read::{CHECKED_FOR_A_PART, damaged};
use crate::error::Result;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes of a plane that is read at once; of larger ones only the rows that are wanted are read.
const WHOLE_PLANE: u64 = 1 << 20;

/// Samples as they lie in a file: x fastest, then y, then z.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Samples per axis.
    pub(crate) resolution: [u64; 3],
    /// Bytes of a sample.
    pub(crate) sample: u64,
}

impl Layout {
    fn row(&self) -> u64 {
        self.resolution[0] * self.sample
    }

    fn plane(&self) -> u64 {
        self.resolution[1] * self.row()
    }
}

impl Blobs {
    /// Samples 0, `stride`, 2 · `stride`, … of each axis, a piece for each plane.
    pub(crate) async fn thin(
        &self,
        sha256: &str,
        layout: Layout,
        stride: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let bytes = layout.plane() * layout.resolution[2];
        let copy = match bytes <= CHECKED_FOR_A_PART {
            true => self.sound_copy(sha256).await?.ok_or_else(|| damaged(sha256))?,
            false => self.local(sha256).await?,
        };
        let file = tokio::task::spawn_blocking(move || File::open(copy.path())).await??;
        let planes = futures::stream::try_unfold((file, 0), move |(mut file, z)| async move {
            if z >= layout.resolution[2] {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || {
                let plane = read_plane(&mut file, layout, stride, z)?;
                std::io::Result::Ok((Bytes::from(plane), (file, z + stride)))
            });
            read.await.map_err(std::io::Error::other)?.map(Some)
        });
        Ok(planes.boxed())
    }
}

/// What is wanted of plane `z`.
fn read_plane(
    file: &mut (impl Read + Seek),
    layout: Layout,
    stride: u64,
    z: u64,
) -> std::io::Result<Vec<u8>> {
    let start = z * layout.plane();
    let mut thin = Vec::new();
    let mut pick = |row: &[u8]| {
        let step = (stride * layout.sample) as usize;
        row.chunks(step).for_each(|samples| thin.extend_from_slice(&samples[..layout.sample as usize]));
    };
    if layout.plane() <= WHOLE_PLANE {
        let mut plane = vec![0; layout.plane() as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut plane)?;
        plane.chunks(layout.row() as usize).step_by(stride as usize).for_each(pick);
        return Ok(thin);
    }
    let mut row = vec![0; layout.row() as usize];
    for y in (0..layout.resolution[1]).step_by(stride as usize) {
        file.seek(SeekFrom::Start(start + y * layout.row()))?;
        file.read_exact(&mut row)?;
        pick(&row);
    }
    Ok(thin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Sample (x, y, z) is known by its first byte.
    fn volume([nx, ny, nz]: [u64; 3], sample: u64) -> Vec<u8> {
        let samples = (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])));
        samples.flat_map(|at| (0..sample).map(move |k| name(at, k))).collect()
    }

    fn name([x, y, z]: [u64; 3], byte: u64) -> u8 {
        (x + 7 * y + 49 * z + 11 * byte) as u8
    }

    #[test]
    fn the_samples_are_those_of_the_thinned_axes() {
        for (resolution, sample, stride) in [
            ([5, 4, 3], 1, 1),
            ([5, 4, 3], 1, 2),
            ([5, 4, 3], 4, 3),
            ([9, 1, 2], 4, 64),
            // Its planes are read row by row.
            ([700, 400, 2], 4, 3),
        ] {
            let layout = Layout { resolution, sample };
            let mut file = Cursor::new(volume(resolution, sample));
            for z in (0..resolution[2]).step_by(stride as usize) {
                let ys = (0..resolution[1]).step_by(stride as usize);
                let xs = || (0..resolution[0]).step_by(stride as usize);
                let at = ys.flat_map(|y| xs().map(move |x| [x, y, z]));
                let expected: Vec<u8> = at.flat_map(|at| (0..sample).map(move |k| name(at, k))).collect();
                assert!(
                    read_plane(&mut file, layout, stride, z).unwrap() == expected,
                    "{resolution:?} {stride} {z}"
                );
            }
        }
    }
}
