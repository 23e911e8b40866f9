//! docs/lettering.png: every letter that SampleText has.

use crate::run::root;
use anyhow::Context;
use fieldstone_kernel::Monitor;
use fieldstone_kernel::text::{Alignment, CHARACTERS, Lettering, Text};
use rayon::prelude::*;
use std::io::BufWriter;

/// Pixels per mm.
const SCALE: f32 = 3.2;
/// White around the letters, mm.
const MARGIN: f32 = 4.0;
/// Letters of a line.
const LINE: usize = 26;

/// Writes the picture.
pub fn write() -> anyhow::Result<()> {
    let all: Vec<char> = CHARACTERS.chars().collect();
    let lines: Vec<String> =
        all.chunks(LINE).map(|line| line.iter().map(|c| format!("{c} ")).collect()).collect();
    let lettering = Lettering {
        height: 7.0,
        stroke_width: 0.7,
        thickness: 1.0,
        line_spacing: 2.1,
        alignment: Alignment::Left,
    };
    let text = Text::new(&lines.join("\n"), &lettering, &Monitor::none())?;
    let bounds = text.bounds();
    let size = [0, 1].map(|a| ((bounds.max[a] - bounds.min[a] + 2.0 * MARGIN) * SCALE).ceil() as u32);
    let [left, top] = [bounds.min[0] - MARGIN, bounds.max[1] + MARGIN];
    let shade = |x: u32, y: u32| {
        let [x, y] = [left + (x as f32 + 0.5) / SCALE, top - (y as f32 + 0.5) / SCALE];
        // How much of the pixel is covered, where an edge crosses it.
        let covered = (0.5 - text.distance_at([x, y, 0.0]) * SCALE).clamp(0.0, 1.0);
        (255.0 - 215.0 * covered).round() as u8
    };
    let pixels: Vec<u8> =
        (0..size[1]).into_par_iter().flat_map_iter(|y| (0..size[0]).map(move |x| shade(x, y))).collect();
    let path = root().join("docs/lettering.png");
    let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), size[0], size[1]);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&pixels)?;
    eprintln!("wrote docs/lettering.png");
    Ok(())
}
