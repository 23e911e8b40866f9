//! A small picture of a file: of a mesh as it is, of a volume as the job that made it says.

use super::compute::Refused;
use super::kept::Bytes;
use super::talk::File;
use crate::context::JobLimits;
use crate::error::JobError;
use crate::mesh_input::{limits_of, read_mesh_bytes};
use fieldstone_kernel::picture::{Samples, mesh_picture, samples_picture};
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::maker::MadePatch;

/// Pixels along an edge.
const PIXELS: u32 = 192;
/// Samples along an axis that are looked at, at most about so many: of more every second, third, … is.
const SAMPLES: u32 = 128;
/// Bytes that a Byte sample saturates at do not matter: only signs and slopes are seen.
const SAMPLE_BYTES: [u64; 2] = [1, 4];

/// The picture, as PNG.
pub(super) fn picture(
    file: &File,
    bytes: &Bytes,
    limits: &JobLimits,
    monitor: &Monitor,
) -> Result<Vec<u8>, Refused> {
    let pixels = match MadePatch::of(&file.made) {
        Some(patch) => of_volume(file, bytes, &patch, monitor)?,
        None => {
            let limits = limits_of(&limits.mesh, bytes.len() as u64);
            mesh_picture(&read_mesh_bytes(&file.filename, bytes, &limits, monitor)?.mesh, PIXELS, monitor)
                .map_err(JobError::from)?
        }
    };
    if pixels.chunks_exact(4).all(|pixel| pixel[3] == 0) {
        return Err(JobError::Invalid(format!("{}: there is nothing to see of it", file.filename)).into());
    }
    Ok(written(&pixels)?)
}

fn of_volume(file: &File, bytes: &Bytes, made: &MadePatch, monitor: &Monitor) -> Result<Vec<u8>, JobError> {
    let refuse = |what: &str| JobError::Invalid(format!("{}: {what}", file.filename));
    let counts = made.resolution.map(u64::from);
    let all = counts.iter().try_fold(1_u64, |all, n| all.checked_mul(*n)).unwrap_or(u64::MAX);
    let width = SAMPLE_BYTES.into_iter().find(|width| all.checked_mul(*width) == Some(bytes.len() as u64));
    let width = width.ok_or_else(|| refuse("it is no volume with one int8 or float32 at each sample"))?;
    let stride = made.resolution.iter().map(|n| n.div_ceil(SAMPLES)).max().unwrap_or(1);
    let few = made.resolution.map(|n| (n - 1) / stride + 1);
    let size = std::array::from_fn(|k| {
        made.size[k] * f64::from((few[k] - 1) * stride) / f64::from(made.resolution[k].max(2) - 1)
    });
    let patch = Patch::new(size, made.offset, few).map_err(|e| refuse(&e.to_string()))?;
    let value = |at: [u32; 3]| {
        let [x, y, z] = at.map(|n| u64::from(n * stride));
        let start = (((z * counts[1] + y) * counts[0] + x) * width) as usize;
        match width {
            1 => f32::from(bytes[start].cast_signed()),
            _ => f32::from_le_bytes([bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]]),
        }
    };
    Ok(samples_picture(&Samples { patch: &patch, value: &value }, PIXELS, monitor)?)
}

fn written(pixels: &[u8]) -> Result<Vec<u8>, JobError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, PIXELS, PIXELS);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(anyhow::Error::from)?;
    Ok(bytes)
}
