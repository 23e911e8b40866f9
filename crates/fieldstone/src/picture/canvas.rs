//! A small raster: pixels, rectangles, lines and text over RGB bytes.

use anyhow::Context;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use std::io::Write;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// `a` with the share `t` (0..=1) of `b`.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|c| (f32::from(a[c]) + (f32::from(b[c]) - f32::from(a[c])) * t).round() as u8)
}

/// How a piece of text looks.
#[derive(Clone, Copy)]
pub enum Style {
    /// Labels.
    Plain,
    /// Names of things.
    Bold,
    /// The heading.
    Title,
}

impl Style {
    fn font(self) -> (FontWeight, RasterHeight) {
        match self {
            Style::Plain => (FontWeight::Regular, RasterHeight::Size20),
            Style::Bold => (FontWeight::Bold, RasterHeight::Size20),
            Style::Title => (FontWeight::Bold, RasterHeight::Size32),
        }
    }

    /// Width of one character in pixels.
    pub fn advance(self) -> i32 {
        let (weight, height) = self.font();
        get_raster_width(weight, height) as i32
    }
}

/// Where a text's anchor lies on it horizontally.
#[derive(Clone, Copy)]
pub enum Align {
    /// The text begins there.
    Left,
    /// The text is centred there.
    Centre,
    /// The text ends there.
    Right,
}

/// An image under construction; what falls outside is not drawn.
pub struct Canvas {
    width: i32,
    height: i32,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// `width` times `height` pixels of `colour`.
    pub fn new(width: i32, height: i32, colour: Rgb) -> Canvas {
        Canvas { width, height, pixels: vec![colour; (width * height) as usize] }
    }

    /// Covers the share `t` (0..=1) of a pixel with `colour`.
    pub fn blend(&mut self, x: i32, y: i32, colour: Rgb, t: f32) {
        if (0..self.width).contains(&x) && (0..self.height).contains(&y) {
            let p = &mut self.pixels[(y * self.width + x) as usize];
            *p = mix(*p, colour, t.clamp(0.0, 1.0));
        }
    }

    /// The colour at (`x`, `y`).
    #[cfg(test)]
    pub fn pixel(&self, x: i32, y: i32) -> Rgb {
        self.pixels[(y * self.width + x) as usize]
    }

    /// Fills `width` by `height` pixels from (`x`, `y`).
    pub fn fill(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Rgb) {
        for py in y..y + height {
            for px in x..x + width {
                self.blend(px, py, colour, 1.0);
            }
        }
    }

    /// One pixel wide, just outside the `width` by `height` pixels at (`x`, `y`).
    pub fn frame(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Rgb) {
        self.fill(x - 1, y - 1, width + 2, 1, colour);
        self.fill(x - 1, y + height, width + 2, 1, colour);
        self.fill(x - 1, y, 1, height, colour);
        self.fill(x + width, y, 1, height, colour);
    }

    /// A chain line, as drawings mark a cutting plane: from (`x`, `y`), along x or along y.
    pub fn chain_line(&mut self, x: i32, y: i32, length: i32, along_x: bool, colour: Rgb) {
        for i in (0..length).filter(|i| matches!(i % 28, 0..=15 | 20..=23)) {
            let (px, py) = if along_x { (x + i, y) } else { (x, y + i) };
            self.blend(px, py, colour, 0.75);
        }
    }

    /// Writes one line of text with its top at `y`; characters the font lacks show as `?`.
    pub fn text(&mut self, x: i32, y: i32, text: &str, style: Style, align: Align, colour: Rgb) {
        let width = style.advance() * text.chars().count() as i32;
        let mut pen = match align {
            Align::Left => x,
            Align::Centre => x - width / 2,
            Align::Right => x - width,
        };
        let (weight, height) = style.font();
        for c in text.chars() {
            let glyph = get_raster(c, weight, height).or_else(|| get_raster('?', weight, height));
            for (dy, row) in glyph.iter().flat_map(|g| g.raster()).enumerate() {
                for (dx, &cover) in row.iter().enumerate() {
                    self.blend(pen + dx as i32, y + dy as i32, colour, f32::from(cover) / 255.0);
                }
            }
            pen += style.advance();
        }
    }

    /// Writes the image as PNG.
    pub fn write_png(&self, out: impl Write) -> anyhow::Result<()> {
        let mut encoder = png::Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().context("cannot write the picture")?;
        writer.write_image_data(bytemuck::cast_slice(&self.pixels)).context("cannot write the picture")?;
        writer.finish().context("cannot write the picture")
    }
}
