//! SVG: one layer's polygons, true to scale.
//!
//! # Promises
//! One user unit is one mm; the picture spans the given rectangle, y up turned into SVG's y down. All polygons are
//! one path with `fill-rule="evenodd"`. Coordinates are rounded to 10 nm.
//!
//! # Source
//! W3C, SVG 1.1 (2011), 7.7 viewBox, 8.3 path data.

use super::fixed::push;
use crate::slice::Polygon;

/// The document. `offset` and `size` are the patch's x and y, mm.
pub fn layer(polygons: &[Polygon], offset: [f64; 2], size: [f64; 2]) -> Vec<u8> {
    let mut to = Vec::with_capacity(300 + 20 * polygons.iter().map(|p| p.points().len()).sum::<usize>());
    to.extend_from_slice(b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"");
    push(size[0], &mut to);
    to.extend_from_slice(b"mm\" height=\"");
    push(size[1], &mut to);
    to.extend_from_slice(b"mm\" viewBox=\"0 0 ");
    push(size[0], &mut to);
    to.push(b' ');
    push(size[1], &mut to);
    to.extend_from_slice(b"\">\n<path fill=\"black\" fill-rule=\"evenodd\" d=\"");
    let top = offset[1] + size[1];
    for polygon in polygons {
        for (i, [x, y]) in polygon.points().iter().enumerate() {
            to.push(if i == 0 { b'M' } else { b'L' });
            push(x - offset[0], &mut to);
            to.push(b' ');
            push(top - y, &mut to);
        }
        to.extend_from_slice(b"Z\n");
    }
    to.extend_from_slice(b"\"/>\n</svg>\n");
    to
}
