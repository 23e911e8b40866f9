//! Every parameter out of every job type is JSON or a word.

mod common;
use common::{Given, answer};
use fieldstone_jobs::JOB_TYPES;
use serde_json::Value;

/// Whether clients can read it: JSON, or a word that is no number JSON has no word for.
fn is_readable(text: &str) -> bool {
    let is_word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_number = text.parse::<f64>().is_ok();
    serde_json::from_str::<Value>(text).is_ok() || (is_word && !is_number)
}

#[test]
fn every_answer_is_json_or_a_word() {
    assert!(["null", "[1.5]", "Float", "true"].into_iter().all(is_readable));
    assert!(!["inf", "NaN", "-inf", "[inf, 1.0]", r#"{"min": [inf]}"#].into_iter().any(is_readable));
    let mut answers = 0;
    for entry in JOB_TYPES {
        for given in [Given::Example, Given::Empty, Given::Full, Given::Flat] {
            let folder = tempfile::tempdir().unwrap();
            // What is refused is told in words.
            let Ok(outputs) = answer(&folder, entry, given) else { continue };
            answers += 1;
            for (name, text) in &outputs.params {
                assert!(is_readable(text), "{} on {given:?}: {name} is {text}", entry.type_name);
            }
        }
    }
    assert!(answers > 2 * JOB_TYPES.len(), "only {answers} jobs answered");
}

#[test]
fn the_bounds_of_nothing_are_null() {
    for type_name in ["implicit/metrics", "evaluate_metrics"] {
        let entry = fieldstone_jobs::find(type_name).unwrap();
        let outputs = answer(&tempfile::tempdir().unwrap(), entry, Given::Empty).unwrap();
        assert_eq!(outputs.params["bounds"], "null", "{type_name}");
        assert_eq!(outputs.params["interior_volume"], "0.0", "{type_name}");
    }
}
