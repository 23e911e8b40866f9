//! CLI: the Common Layer Interface 2.0 of layered manufacturing, ASCII or binary.
//!
//! # Promises
//! Units are mm (`$$UNITS/1`). Each layer is named by the z of its upper surface, ascending; before the first comes a
//! layer without contours at the bottom, from which readers take the first layer's thickness. `$$LAYERS` counts it.
//! Polygons are closed (the first point comes again at the end), outer ones counter-clockwise (1), holes clockwise
//! (0), all of body 1. No date is written, so that equal layers give equal bytes. ASCII numbers are rounded to 10 nm;
//! binary ones are `f32` in the long commands (127 layer, 130 polyline), little endian, right behind `$$HEADEREND`.
//!
//! # Source
//! "Common Layer Interface (CLI), Version 2.0", Brite/EuRam project BE 2578 (1994), sections 2 to 4;
//! text at <https://www.hmilch.net/downloads/cli_format.html>.

use super::fixed::push;
use crate::slice::Polygon;
use std::io::{Error, ErrorKind, Result, Write};

/// How the geometry is written; the header is text in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Commands and numbers as text.
    Ascii,
    /// Two-byte commands, numbers as 32-bit integers and floats.
    Binary,
}

/// Writes a build layer by layer.
pub struct CliWriter<W: Write> {
    out: W,
    encoding: Encoding,
    buffer: Vec<u8>,
    missing: u32,
    z: f64,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Lowest corner of the box around everything, mm; its z is the bottom of the first layer.
    pub min: [f64; 3],
    /// Highest corner.
    pub max: [f64; 3],
    /// Layers that will be written.
    pub layers: u32,
}

impl<W: Write> CliWriter<W> {
    /// Writes the header and the layer without contours at the bottom.
    pub fn new(out: W, encoding: Encoding, header: &Header) -> Result<CliWriter<W>> {
        let mut buffer = Vec::new();
        let kind = match encoding {
            Encoding::Ascii => "ASCII",
            Encoding::Binary => "BINARY",
        };
        write!(
            buffer,
            "$$HEADERSTART\r\n$${kind}\r\n$$UNITS/1\r\n$$VERSION/200\r\n$$LABEL/1,part\r\n$$DIMENSION/"
        )?;
        for (i, &v) in header.min.iter().chain(&header.max).enumerate() {
            if i > 0 {
                buffer.push(b',');
            }
            push(v, &mut buffer);
        }
        write!(buffer, "\r\n$$LAYERS/{}\r\n$$HEADEREND", u64::from(header.layers) + 1)?;
        if encoding == Encoding::Ascii {
            buffer.extend_from_slice(b"\r\n$$GEOMETRYSTART\r\n");
        }
        let mut writer = CliWriter { out, encoding, buffer, missing: header.layers, z: f64::NEG_INFINITY };
        writer.start(header.min[2])?;
        Ok(writer)
    }

    /// One layer with its upper surface at `top`, above the layer before.
    pub fn layer(&mut self, top: f64, polygons: &[Polygon]) -> Result<()> {
        self.missing =
            self.missing.checked_sub(1).ok_or_else(|| invalid("more layers than announced".into()))?;
        self.start(top)?;
        for polygon in polygons {
            self.polyline(polygon)?;
        }
        Ok(())
    }

    fn start(&mut self, z: f64) -> Result<()> {
        if z.is_nan() || z <= self.z {
            return Err(invalid(format!("layer at z {z}, not above the one at {}", self.z)));
        }
        self.z = z;
        match self.encoding {
            Encoding::Ascii => {
                self.buffer.extend_from_slice(b"$$LAYER/");
                push(z, &mut self.buffer);
                self.buffer.extend_from_slice(b"\r\n");
            }
            Encoding::Binary => {
                self.buffer.extend_from_slice(&127u16.to_le_bytes());
                self.buffer.extend_from_slice(&(z as f32).to_le_bytes());
            }
        }
        self.hand_on()
    }

    fn polyline(&mut self, polygon: &Polygon) -> Result<()> {
        let points = polygon.points();
        let around = points.iter().chain(points.first());
        let direction = u32::from(!polygon.is_hole());
        let count = u32::try_from(points.len() + 1).map_err(|_| invalid("too many points".into()))?;
        match self.encoding {
            Encoding::Ascii => {
                write!(self.buffer, "$$POLYLINE/1,{direction},{count}")?;
                for v in around.flatten() {
                    self.buffer.push(b',');
                    push(*v, &mut self.buffer);
                }
                self.buffer.extend_from_slice(b"\r\n");
            }
            Encoding::Binary => {
                self.buffer.extend_from_slice(&130u16.to_le_bytes());
                for v in [1, direction, count] {
                    self.buffer.extend_from_slice(&v.to_le_bytes());
                }
                for v in around.flatten() {
                    self.buffer.extend_from_slice(&(*v as f32).to_le_bytes());
                }
            }
        }
        self.hand_on()
    }

    fn hand_on(&mut self) -> Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the end and gives the sink back. Fails if layers are missing.
    pub fn finish(mut self) -> Result<W> {
        if self.missing > 0 {
            return Err(invalid(format!("{} layers are missing", self.missing)));
        }
        if self.encoding == Encoding::Ascii {
            self.out.write_all(b"$$GEOMETRYEND\r\n")?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}
