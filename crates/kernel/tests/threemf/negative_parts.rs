//! Negative parts are taken away from the parts of their object, exactly.

use crate::common::{cube, join};
use crate::package::{
    BAMBU, MODEL, PRUSA, bambu, components, mesh_with, model, model_with, moved, object, outcome, prusa,
};

/// An object of boxes, the first `parts` of them parts and the rest negative, as Bambu Studio writes it: volume and notes.
fn without_negatives(
    boxes: &[([f32; 3], f32)],
    parts: usize,
    item: &str,
) -> Result<(f64, Vec<String>), String> {
    let object_type = |i: usize| if i < parts { "" } else { "type=\"other\"" };
    let id = |i: usize| i as u32 + 1;
    let meshes = boxes.iter().enumerate();
    let resources: String =
        meshes.map(|(i, (min, side))| object(id(i), object_type(i), *min, *side)).collect();
    let all: Vec<(u32, &str)> = (0..boxes.len()).map(|i| (id(i), "")).collect();
    let word = |i: usize| if i < parts { "normal_part" } else { "negative_part" };
    let settings: Vec<(u32, &str)> = (0..boxes.len()).map(|i| (id(i), word(i))).collect();
    let root = model(&(resources + &components(99, &all)), item);
    outcome(&[(MODEL, &root), (BAMBU, &bambu(99, &settings))])
}

const ITEM: &str = "<item objectid=\"99\" transform=\"1 0 0 0 1 0 0 0 1 100 100 0\"/>";

#[test]
fn negative_parts_are_taken_away() {
    let volume = |boxes: &[([f32; 3], f32)], parts| without_negatives(boxes, parts, ITEM).unwrap().0;
    let cube = ([0.0; 3], 20.0);
    let near = |got: f64, right: f64| assert!((got - right).abs() < 1e-5 * right, "{got}, not {right}");
    // Sticking out of a face, in the middle, flush with a face, at a corner, larger than the part, and beside it.
    near(volume(&[cube, ([5.0, 5.0, 15.0], 10.0)], 1), 7500.0);
    near(volume(&[cube, ([5.0; 3], 10.0)], 1), 7000.0);
    near(volume(&[cube, ([5.0, 5.0, 10.0], 10.0)], 1), 7000.0);
    near(volume(&[cube, ([10.0; 3], 20.0)], 1), 7000.0);
    near(volume(&[cube, ([10.0, -40.0, -40.0], 100.0)], 1), 4000.0);
    near(volume(&[cube, ([30.0; 3], 5.0)], 1), 8000.0);
    // Out of the overlap of two parts, and by negatives that overlap or are nested.
    near(volume(&[cube, ([10.0, 0.0, 0.0], 20.0), ([10.0, 5.0, 5.0], 10.0)], 2), 11000.0);
    near(volume(&[cube, ([2.0; 3], 4.0), ([4.0; 3], 4.0)], 1), 8000.0 - 64.0 - 64.0 + 8.0);
    near(volume(&[cube, ([2.0; 3], 10.0), ([4.0; 3], 4.0)], 1), 7000.0);
    let (_, notes) = without_negatives(&[cube, ([5.0; 3], 10.0)], 1, ITEM).unwrap();
    assert_eq!(
        notes,
        [format!("{MODEL} object 2 \"n2\": a negative part, taken away from the parts of its object")]
    );
    // Each instance by itself, mirrored and in another place.
    let twice = format!("{ITEM}<item objectid=\"99\" transform=\"-2 0 0 0 1 0 0 0 1 0 0 0\"/>");
    near(without_negatives(&[cube, ([5.0, 5.0, 15.0], 10.0)], 1, &twice).unwrap().0, 3.0 * 7500.0);
    let all = without_negatives(&[cube, ([-1.0; 3], 30.0)], 1, ITEM).unwrap_err();
    assert_eq!(all, format!("3MF {MODEL}: the negative parts of object 99 leave nothing of it"));
}

#[test]
fn negative_parts_lie_anywhere_below_the_item() {
    // In a component of a component, before the part, and turned inside out.
    let mut inverted = cube([0.0; 3], 5.0);
    inverted.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let resources = object(1, "", [0.0; 3], 20.0)
        + &format!("<object id=\"2\" type=\"other\">{}</object>", mesh_with(&inverted, "", ""))
        + &components(3, &[(2, &moved(1.0))])
        + &components(4, &[(3, &moved(1.0)), (1, "")])
        + &object(5, "", [1.0; 3], 5.0);
    // The second item is no part of that object, so nothing is taken from it.
    let root = model(&resources, "<item objectid=\"4\"/><item objectid=\"5\"/>");
    let settings = bambu(4, &[(2, "negative_part"), (1, "normal_part")]);
    let (volume, _) = outcome(&[(MODEL, &root), (BAMBU, &settings)]).unwrap();
    assert!((volume - (8000.0 - 125.0 + 125.0)).abs() < 0.01, "{volume}");
    // By ranges of triangles, in inches, two of three ranges negative.
    let three = join(&[cube([0.0; 3], 20.0), cube([5.0, 5.0, 15.0], 10.0), cube([-5.0; 3], 7.0)]);
    let resources = format!("<object id=\"1\">{}</object>", mesh_with(&three, "", ""));
    let root = model_with("unit=\"inch\"", &resources, "<item objectid=\"1\"/>");
    let settings = prusa(1, &[(0, 11, "ModelPart"), (12, 23, "NegativeVolume"), (24, 35, "NegativeVolume")]);
    let (volume, notes) = outcome(&[(MODEL, &root), (PRUSA, &settings)]).unwrap();
    let right = (8000.0 - 500.0 - 8.0) * 25.4f64.powi(3);
    assert!((volume - right).abs() < 1e-5 * right, "{volume}, not {right}");
    assert_eq!(notes.len(), 1, "one object, one note");
    // What is open cannot be taken away.
    let mut open = cube([5.0; 3], 3.0);
    open.triangles.truncate(6);
    let resources = object(1, "", [0.0; 3], 20.0)
        + &format!("<object id=\"2\" name=\"o\">{}</object>", mesh_with(&open, "", ""))
        + &components(3, &[(1, ""), (2, "")]);
    let root = model(&resources, "<item objectid=\"3\"/>");
    let settings = "<config><object id=\"3\"><part id=\"2\" subtype=\"negative_part\"/></object></config>";
    let refused = outcome(&[(MODEL, &root), (BAMBU, settings)]).unwrap_err();
    let what = "is open or one-sided, so that negative parts cannot be taken away";
    assert_eq!(refused, format!("3MF {MODEL}: {MODEL} object 2 \"o\" {what}"));
}

/// The volume of the union of the first `parts` boxes without the rest, cell by cell between all their faces.
fn volume_by_cells(boxes: &[([f32; 3], f32)], parts: usize) -> f64 {
    let bounds = |(min, side): &([f32; 3], f32)| [0, 1, 2].map(|k| [min[k], min[k] + side].map(f64::from));
    let boxes: Vec<[[f64; 2]; 3]> = boxes.iter().map(bounds).collect();
    let cuts = [0, 1, 2].map(|k| {
        let mut cuts: Vec<f64> = boxes.iter().flat_map(|b| b[k]).collect();
        cuts.sort_by(f64::total_cmp);
        cuts
    });
    let mut volume = 0.0;
    for x in cuts[0].windows(2) {
        for y in cuts[1].windows(2) {
            for z in cuts[2].windows(2) {
                let cell = [x, y, z];
                let has = |b: &[[f64; 2]; 3]| (0..3).all(|k| b[k][0] <= cell[k][0] && cell[k][1] <= b[k][1]);
                if boxes[..parts].iter().any(has) && !boxes[parts..].iter().any(has) {
                    volume += cell.iter().map(|c| c[1] - c[0]).product::<f64>();
                }
            }
        }
    }
    volume
}

#[test]
fn law_negative_parts_leave_what_is_in_no_negative() {
    let mut rng = crate::common::Rng(6);
    for case in 0..40 {
        let (parts, negatives) = (1 + rng.below(4), 1 + rng.below(4));
        // On a grid of whole numbers, so that faces lie on each other, and off it.
        let scale = if case % 2 == 0 { 1.0 } else { 0.37 };
        let mut boxes = Vec::new();
        for _ in 0..parts + negatives {
            let min = [0, 1, 2].map(|_| rng.below(8) as f32 * scale);
            boxes.push((min, (1 + rng.below(5)) as f32 * scale));
        }
        let right = volume_by_cells(&boxes, parts);
        match without_negatives(&boxes, parts, "<item objectid=\"99\"/>") {
            Ok((volume, _)) => assert!((volume - right).abs() < 1e-5, "case {case}: {volume}, not {right}"),
            Err(e) => assert!(right < 1e-5 && e.ends_with("leave nothing of it"), "case {case}: {e}"),
        }
    }
}
