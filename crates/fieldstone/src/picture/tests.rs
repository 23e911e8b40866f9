//! The picture of an analytic field, looked at by its numbers.

use super::*;

/// A ball of radius 20 with a bore of radius 8 along z, off the origin.
fn bored_ball(resolution: u32) -> (Vec<f32>, Patch) {
    let bounds = fieldstone_kernel::Aabb { min: [-20.0, -10.0, 0.0], max: [20.0, 30.0, 40.0] };
    let patch = Patch::around(&bounds, resolution, 2).unwrap();
    let [nx, ny, nz] = patch.resolution();
    let mut samples = Vec::new();
    for (k, j, i) in (0..nz).flat_map(|k| (0..ny).flat_map(move |j| (0..nx).map(move |i| (k, j, i)))) {
        let [x, y, z] = patch.position([i, j, k]);
        let (y, z) = (y - 10.0, z - 20.0);
        let ball = (x * x + y * y + z * z).sqrt() - 20.0;
        samples.push(ball.max(8.0 - x.hypot(y)) as f32);
    }
    (samples, patch)
}

#[test]
fn the_surface_is_drawn_where_the_field_is_zero() {
    let (samples, patch) = bored_ball(64);
    let field = Field { samples: &samples, patch: &patch };
    let section = Section::with_most_inside(field, 2);
    let bands = Bands::covering(-6.0, 15.0);
    let mut canvas = Canvas::new(400, 400, PAPER);
    let view = View { section, title: "top", x: 0, y: 0, width: 400, height: 400 };
    fill_section(&mut canvas, &view, &bands);
    // Along the middle row, from the centre to the right: bore wall at 8 mm, ball at 20 mm (the section
    // through the middle), each a dark line of about 2.4 pixels.
    let scale = 400.0 / patch.size()[0];
    let dark = |x: i32| canvas.pixel(x, 200)[2] < 90;
    let lines: Vec<i32> = (205..399).filter(|&x| dark(x) && !dark(x - 1)).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, radius) in lines.iter().zip([8.0, 20.0]) {
        let expected = 200.0 + radius * scale;
        assert!((f64::from(*line) + 1.0 - expected).abs() < 2.5, "{line} instead of {expected}");
    }
}

#[test]
fn a_picture_is_a_png_even_of_awkward_fields() {
    let (samples, patch) = bored_ball(24);
    let flat_patch = Patch::new([5.0, 1.0, 0.0], [0.0; 3], [6, 2, 1]).unwrap();
    let cases: [(&[f32], &Patch); 3] =
        [(&samples, &patch), (&[1.0; 12], &flat_patch), (&[-1e-9; 12], &flat_patch)];
    for (samples, patch) in cases {
        let mut png = Vec::new();
        write_picture(
            Field { samples, patch },
            "név – a very long part name that goes on and on.stl",
            &mut png,
        )
        .unwrap();
        assert_eq!(&png[1..4], b"PNG");
        assert!(png.len() < 300_000, "{} bytes", png.len());
    }
}
