//! A picture of a signed distance field: top, front and side section in third-angle projection, to one scale.

mod canvas;
mod colour;
mod section;

use canvas::{Align, Canvas, Style};
use colour::{Bands, GREY, INK, PAPER, Side, round_length};
use fieldstone_kernel::Patch;
pub use section::Field;
use section::Section;
use std::io::Write;

const AXIS: [&str; 3] = ["x", "y", "z"];
/// Pixels that the widest row of views takes.
const VIEWS_WIDTH: f64 = 980.0;
const LEFT: i32 = 84;
const TOP: i32 = 96;
const GAP: i32 = 104;
const RIGHT: i32 = 40;
const BOTTOM: i32 = 64;
/// Least width of the column that holds side view and legend.
const LEGEND_WIDTH: i32 = 450;

/// One section with its place on the paper.
struct View<'a> {
    section: Section<'a>,
    title: &'static str,
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

/// Draws `field` and writes it as PNG. `name` is what the part is called.
pub fn write_picture(field: Field<'_>, name: &str, out: impl Write) -> anyhow::Result<()> {
    draw(field, name).write_png(out)
}

fn draw(field: Field<'_>, name: &str) -> Canvas {
    let size = field.patch.size();
    let scale = pixels_per_mm(size);
    let [wx, wy, wz] = size.map(|s| (s * scale).round().max(1.0) as i32);
    let column = LEFT + wx + GAP;
    let lower = TOP + wy + GAP;
    let view = |normal, title, x, y, width, height| View {
        section: Section::with_most_inside(field, normal),
        title,
        x,
        y,
        width,
        height,
    };
    let views = [
        view(2, "top", LEFT, TOP, wx, wy),
        view(1, "front", LEFT, lower, wx, wz),
        view(0, "right", column, lower, wy, wz),
    ];
    let legend_end = TOP + 330;
    let side_top = lower.max(legend_end + 60);
    let (least, greatest) = field.range();
    let bands = Bands::covering(least, greatest);
    let width = column + wy.max(LEGEND_WIDTH) + RIGHT;
    let mut canvas = Canvas::new(width, side_top + wz + BOTTOM, PAPER);
    let views = views.map(|v| View { y: if v.section.normal == 2 { v.y } else { side_top }, ..v });
    for v in &views {
        fill_section(&mut canvas, v, &bands);
    }
    for v in &views {
        mark_cuts(&mut canvas, v, &views, field.patch);
        axes(&mut canvas, v, field.patch);
    }
    heading(&mut canvas, name, field.patch);
    legend(&mut canvas, column, TOP, &bands);
    scale_bar(&mut canvas, column, TOP + 262, scale);
    canvas
}

/// The scale at which top and side view fill their row, kept so that the picture stays on a page.
fn pixels_per_mm(size: [f64; 3]) -> f64 {
    let by_width = VIEWS_WIDTH / (size[0] + size[1]);
    let by_height = VIEWS_WIDTH / (size[1] + size[2]);
    by_width.min(by_height)
}

/// Tints by distance, thin lines between bands, the zero contour on top, all anti-aliased: a line's cover of
/// a pixel follows from the distance to it, which is |f - level| / |grad f| in pixels.
fn fill_section(canvas: &mut Canvas, view: &View<'_>, bands: &Bands) {
    let s = &view.section;
    let step = |n: u32, pixels: i32| (n - 1) as f32 / pixels as f32;
    let du = step(s.resolution(s.right), view.width);
    let dv = step(s.resolution(s.up), view.height);
    // The change of a distance over one pixel away from ridges, where |grad| is 1.
    let flat_slope = (s.extent(s.right) / f64::from(view.width)) as f32;
    let at = |px: i32, py: i32| {
        let up = (view.height - 1 - py) as f32 + 0.5;
        s.value((px as f32 + 0.5) * du, up * dv)
    };
    for py in 0..view.height {
        for px in 0..view.width {
            let f = at(px, py);
            let gx = 0.5 * (at(px + 1, py) - at(px - 1, py));
            let gy = 0.5 * (at(px, py + 1) - at(px, py - 1));
            let slope = gx.hypot(gy).max(1e-9);
            let tint = bands.tint(bands.index(f));
            canvas.blend(view.x + px, view.y + py, tint, 1.0);
            let width = bands.side(f).width;
            let edge = (f / width).round() * width;
            let cover = |line: f32, half: f32| half + 0.5 - (f - line).abs() / slope;
            // Where the field has a ridge the slope vanishes and a line would smear: leave it out there.
            let steep = slope > 0.3 * flat_slope;
            if steep && edge != 0.0 {
                let dark = canvas::mix(tint, INK, 0.28);
                canvas.blend(view.x + px, view.y + py, dark, cover(edge, 0.4));
            }
            canvas.blend(view.x + px, view.y + py, INK, cover(0.0, 1.2));
        }
    }
}

/// Chain lines where the other views cut this one.
fn mark_cuts(canvas: &mut Canvas, view: &View<'_>, all: &[View<'_>; 3], patch: &Patch) {
    for other in all.iter().map(|v| &v.section).filter(|s| s.normal != view.section.normal) {
        let axis = other.normal;
        let share = (other.position() - patch.offset()[axis]) / patch.size()[axis].max(f64::MIN_POSITIVE);
        match axis == view.section.right {
            true => {
                let x = view.x + (share * f64::from(view.width)).round() as i32;
                canvas.chain_line(x, view.y - 10, view.height + 20, false, INK);
            }
            false => {
                let y = view.y + view.height - (share * f64::from(view.height)).round() as i32;
                canvas.chain_line(view.x - 10, y, view.width + 20, true, INK);
            }
        }
    }
}

/// Frame, ticks in mm, axis names and the view's title.
fn axes(canvas: &mut Canvas, view: &View<'_>, patch: &Patch) {
    let View { x, y, width, height, .. } = *view;
    let s = &view.section;
    canvas.frame(x, y, width, height, INK);
    let bottom = y + height;
    for (label, share) in ticks(patch, s.right, width) {
        let px = x + (share * f64::from(width)).round() as i32;
        canvas.fill(px, bottom, 1, 7, INK);
        canvas.text(px, bottom + 9, &label, Style::Plain, Align::Centre, INK);
    }
    for (label, share) in ticks(patch, s.up, height) {
        let py = bottom - (share * f64::from(height)).round() as i32;
        canvas.fill(x - 7, py, 7, 1, INK);
        canvas.text(x - 11, py - 10, &label, Style::Plain, Align::Right, INK);
    }
    canvas.text(x + width, bottom + 30, &format!("{} [mm]", AXIS[s.right]), Style::Bold, Align::Right, INK);
    canvas.text(x - 40, y - 30, AXIS[s.up], Style::Bold, Align::Left, INK);
    let place = format!(", section {} = {:.1} mm", AXIS[s.normal], s.position());
    canvas.text(x, y - 30, view.title, Style::Bold, Align::Left, INK);
    let after = x + Style::Bold.advance() * view.title.chars().count() as i32;
    canvas.text(after, y - 30, &place, Style::Plain, Align::Left, GREY);
}

/// Round positions inside the patch with their share of the axis.
fn ticks(patch: &Patch, axis: usize, pixels: i32) -> Vec<(String, f64)> {
    let (from, size) = (patch.offset()[axis], patch.size()[axis]);
    if size <= 0.0 {
        return Vec::new();
    }
    let step = f64::from(round_length((size * 80.0 / f64::from(pixels)) as f32));
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let first = (from / step).ceil() as i64;
    let last = ((from + size) / step).floor() as i64;
    let label = |i: i64| (format!("{:.decimals$}", i as f64 * step), (i as f64 * step - from) / size);
    (first..=last).take(50).map(label).collect()
}

fn heading(canvas: &mut Canvas, name: &str, patch: &Patch) {
    let name: String = name.chars().take(40).collect();
    canvas.text(LEFT, 14, &name, Style::Title, Align::Left, INK);
    let after = LEFT + Style::Title.advance() * name.chars().count() as i32 + 18;
    let [nx, ny, nz] = patch.resolution();
    let cell = patch.spacing().into_iter().fold(0.0, f64::max);
    let grid = format!("signed distance, {nx} × {ny} × {nz} samples, cell {cell:.3} mm");
    canvas.text(after, 24, &grid, Style::Plain, Align::Left, GREY);
}

/// The bands as a bar with their distances in mm, and what the lines mean.
fn legend(canvas: &mut Canvas, x: i32, y: i32, bands: &Bands) {
    canvas.text(x, y - 30, "distance to the surface [mm]", Style::Bold, Align::Left, INK);
    let (top, height) = (y + 40, 40);
    let inside = (LEGEND_WIDTH * 2 / 5 / bands.inside.count).max(1);
    let outside = (LEGEND_WIDTH * 3 / 5 / bands.outside.count).max(1);
    let zero = x + bands.inside.count * inside;
    for i in 0..bands.inside.count {
        canvas.fill(zero - (i + 1) * inside, top, inside, height, bands.tint(-1 - i));
    }
    for i in 0..bands.outside.count {
        canvas.fill(zero + i * outside, top, outside, height, bands.tint(i));
    }
    canvas.frame(x, top, zero - x + bands.outside.count * outside, height, INK);
    canvas.fill(zero - 1, top - 8, 3, height + 16, INK);
    canvas.text(zero - 10, top - 30, "inside", Style::Plain, Align::Right, [8, 81, 156]);
    canvas.text(zero + 10, top - 30, "outside", Style::Plain, Align::Left, [179, 80, 10]);
    let mut label = |side: &Side, step: i32, sign: i32| {
        let every = (52 + step - 1) / step;
        for i in (0..=side.count).filter(|i| i % every == 0) {
            let at = zero + sign * i * step;
            let value = (sign * i) as f32 * side.width;
            canvas.fill(at, top + height, 1, 7, INK);
            canvas.text(at, top + height + 9, &format!("{}", value + 0.0), Style::Plain, Align::Centre, INK);
        }
    };
    label(&bands.inside, inside, -1);
    label(&bands.outside, outside, 1);
    let lines = format!("every {} mm inside, {} mm outside", bands.inside.width, bands.outside.width);
    canvas.fill(x, y + 146, 40, 3, INK);
    canvas.text(x + 54, y + 137, "the surface, distance 0", Style::Plain, Align::Left, INK);
    canvas.fill(x, y + 177, 40, 1, GREY);
    canvas.text(x + 54, y + 167, &lines, Style::Plain, Align::Left, INK);
    canvas.chain_line(x, y + 207, 44, true, INK);
    canvas.text(x + 54, y + 197, "where the other views cut", Style::Plain, Align::Left, INK);
}

/// A bar of a round length, in two halves.
fn scale_bar(canvas: &mut Canvas, x: i32, y: i32, pixels_per_mm: f64) {
    let length = round_length((160.0 / pixels_per_mm) as f32);
    let half = (f64::from(length) * pixels_per_mm / 2.0).round() as i32;
    canvas.fill(x, y, half, 10, INK);
    canvas.fill(x + half, y, half, 10, PAPER);
    canvas.frame(x, y, 2 * half, 10, INK);
    canvas.text(x, y + 16, "0", Style::Plain, Align::Centre, INK);
    canvas.text(x + 2 * half, y + 16, &format!("{length} mm"), Style::Plain, Align::Centre, INK);
}

#[cfg(test)]
mod tests;
