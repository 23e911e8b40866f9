//! VTI: a volume as ParaView and VTK read it (VTK XML ImageData, appended raw data).
//!
//! # Promises
//! Samples are points, not cells: VTK's `Origin` is the patch's offset and `Spacing` the distance of samples, mm.
//! Bytes are little endian, x fastest, uncompressed behind one 64-bit length, so the file can be written as the
//! samples come. An axis with one sample gets the spacing 1, since VTK refuses 0.
//!
//! # Source
//! Kitware, "VTK XML formats" (docs.vtk.org), ImageData and AppendedData with `encoding="raw"`.

use crate::patch::Patch;
use std::io::{Error, ErrorKind, Result, Write};

/// Type of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// 32-bit float.
    Float32,
    /// 8-bit signed integer.
    Int8,
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Component::Float32 => "Float32",
            Component::Int8 => "Int8",
        }
    }

    /// Bytes of one sample.
    pub fn bytes(self) -> u64 {
        match self {
            Component::Float32 => 4,
            Component::Int8 => 1,
        }
    }
}

/// Writes one volume, samples in any number of pieces.
pub struct VtiWriter<W: Write> {
    out: W,
    component: Component,
    missing: u64,
}

impl<W: Write> VtiWriter<W> {
    /// Writes the head. `name` is the array's name in ParaView; characters that XML reserves are left out of it.
    pub fn new(mut out: W, patch: &Patch, component: Component, name: &str) -> Result<VtiWriter<W>> {
        let [nx, ny, nz] = patch.resolution().map(|n| n - 1);
        let extent = format!("0 {nx} 0 {ny} 0 {nz}");
        let [ox, oy, oz] = patch.offset();
        let [hx, hy, hz] = patch.spacing().map(|h| if h > 0.0 { h } else { 1.0 });
        let name: String = name.chars().filter(|c| !c.is_control() && !"<>&\"'".contains(*c)).collect();
        let missing = patch.sample_count();
        let kind = component.name();
        write!(
            out,
            "<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\" \
             header_type=\"UInt64\">\n<ImageData WholeExtent=\"{extent}\" Origin=\"{ox} {oy} {oz}\" \
             Spacing=\"{hx} {hy} {hz}\">\n<Piece Extent=\"{extent}\">\n<PointData Scalars=\"{name}\">\n\
             <DataArray type=\"{kind}\" Name=\"{name}\" format=\"appended\" offset=\"0\"/>\n</PointData>\n\
             </Piece>\n</ImageData>\n<AppendedData encoding=\"raw\">\n_"
        )?;
        out.write_all(&(missing * component.bytes()).to_le_bytes())?;
        Ok(VtiWriter { out, component, missing })
    }

    /// The next samples of a [`Component::Float32`] volume.
    pub fn floats(&mut self, samples: &[f32]) -> Result<()> {
        self.take(samples.len(), Component::Float32)?;
        #[cfg(target_endian = "little")]
        return self.out.write_all(bytemuck::cast_slice(samples));
        #[cfg(target_endian = "big")]
        samples.iter().try_for_each(|v| self.out.write_all(&v.to_le_bytes()))
    }

    /// The next samples of a [`Component::Int8`] volume.
    pub fn bytes(&mut self, samples: &[i8]) -> Result<()> {
        self.take(samples.len(), Component::Int8)?;
        self.out.write_all(bytemuck::cast_slice(samples))
    }

    fn take(&mut self, samples: usize, component: Component) -> Result<()> {
        if component != self.component {
            let (given, wanted) = (component.name(), self.component.name());
            return Err(invalid(format!("the volume was announced as {wanted}, the samples are {given}")));
        }
        self.missing = self.missing.checked_sub(samples as u64).ok_or_else(|| {
            invalid(format!("{samples} samples where the patch has room for {} more", self.missing))
        })?;
        Ok(())
    }

    /// Writes the end and gives the sink back. Fails if samples are missing.
    pub fn finish(mut self) -> Result<W> {
        if self.missing > 0 {
            return Err(invalid(format!("{} samples of the patch are missing", self.missing)));
        }
        self.out.write_all(b"\n</AppendedData>\n</VTKFile>\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}
