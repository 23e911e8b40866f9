//! A closed polygon of a layer.

/// Points in order, mm; the last joins the first. At least three, no two neighbours equal.
///
/// Counter-clockwise around material, clockwise around a hole (seen from above, x right, y up).
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    points: Vec<[f64; 2]>,
    area: f64,
}

impl Polygon {
    /// `None` if no area is left between the points.
    pub(super) fn new(points: Vec<[f64; 2]>) -> Option<Polygon> {
        let area = signed_area(&points);
        (points.len() >= 3 && area != 0.0).then_some(Polygon { points, area })
    }

    /// The points.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// Signed area, mm²: negative for a hole.
    pub fn area(&self) -> f64 {
        self.area
    }

    /// Whether it bounds a hole.
    pub fn is_hole(&self) -> bool {
        self.area < 0.0
    }
}

/// Area of all polygons less their holes, mm², summed in order.
pub fn total_area(polygons: &[Polygon]) -> f64 {
    polygons.iter().map(Polygon::area).sum()
}

/// The shoelace formula, relative to the first point so that far from the origin nothing is lost.
pub(super) fn signed_area(points: &[[f64; 2]]) -> f64 {
    let Some(&[x0, y0]) = points.first() else { return 0.0 };
    let doubled: f64 =
        points.windows(2).map(|w| (w[0][0] - x0) * (w[1][1] - y0) - (w[1][0] - x0) * (w[0][1] - y0)).sum();
    0.5 * doubled
}
