//! A stack of layer pictures in one zip, and a layer as a PNG.
//!
//! # Promises
//! One layer is in memory at a time. Files carry no clock time: equal layers give equal bytes.

use crate::slice::Raster;
use std::io::{Error, Result, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A zip that is written file by file.
pub struct Stack<W: Write + Seek> {
    zip: ZipWriter<W>,
}

impl<W: Write + Seek> Stack<W> {
    /// An empty one.
    pub fn new(out: W) -> Stack<W> {
        Stack { zip: ZipWriter::new(out) }
    }

    /// Adds a file. PNGs are compressed already and are stored; everything else is deflated.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let method = match name.ends_with(".png") {
            true => CompressionMethod::Stored,
            false => CompressionMethod::Deflated,
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(DateTime::default())
            .large_file(bytes.len() >= 1 << 30);
        self.zip.start_file(name, options)?;
        self.zip.write_all(bytes)
    }

    /// Writes the directory and gives the sink back.
    pub fn finish(self) -> Result<W> {
        let mut out = self.zip.finish()?;
        out.flush()?;
        Ok(out)
    }
}

/// A layer's coverage as a grey PNG, white inside. It says how many pixels a metre has.
///
/// `coverage` holds the raster's pixels, top row first, or this is an error.
pub fn png(raster: &Raster, coverage: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut info = png::Info::with_size(raster.width(), raster.height());
    info.color_type = png::ColorType::Grayscale;
    info.bit_depth = png::BitDepth::Eight;
    let [xppu, yppu] = raster.pixel().map(|mm| (1000.0 / mm).round().clamp(0.0, 2e9) as u32);
    info.pixel_dims = Some(png::PixelDimensions { xppu, yppu, unit: png::Unit::Meter });
    let mut encoder = png::Encoder::with_info(&mut out, info).map_err(Error::other)?;
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(Error::other)?;
    writer.write_image_data(coverage).map_err(Error::other)?;
    writer.finish().map_err(Error::other)?;
    Ok(out)
}
