//! Words that are not known: which of those that are was probably meant.

/// Names of choices elsewhere and what they are called here, one per line of the field's literature: (theirs, ours). A pair
/// counts where ours is among the words known.
pub const SYNONYMS: &[(&str, &str)] = &[
    // Surfaces.
    ("Diamond", "D"),
    ("Neovius", "SchwarzN"),
    ("Primitive", "P"),
    ("SchwarzP", "P"),
    ("SchoenGyroid", "Gyroid"),
    ("G", "Gyroid"),
    ("SchoenIWP", "IWP"),
    ("WrappedPackage", "IWP"),
    ("SchoenFRD", "FRD"),
    ("FischerKochS", "S"),
    ("FischerKochCS", "CS"),
    ("FischerKochY", "Y"),
    // Solids.
    ("Sphere", "Ellipsoid"),
    ("Ball", "Ellipsoid"),
    ("Cube", "Box"),
    ("Cuboid", "Box"),
    ("Rectangle", "Box"),
    ("Frame", "BoxFrame"),
    ("Cone", "CappedCone"),
    ("Pill", "Capsule"),
    ("Tube", "Cylinder"),
    ("Rod", "Cylinder"),
    ("HalfSpace", "Plane"),
    ("Ring", "Torus"),
    ("Donut", "Torus"),
    // Booleans.
    ("Difference", "Subtract"),
    ("Subtraction", "Subtract"),
    ("Minus", "Subtract"),
    ("Cut", "Subtract"),
    ("Intersection", "Intersect"),
    ("Common", "Intersect"),
    ("And", "Intersect"),
    ("Add", "Union"),
    ("Join", "Union"),
    ("Or", "Union"),
    // Sections of struts.
    ("Round", "Circle"),
    ("Square", "Box"),
    // Samples.
    ("Float32", "Float"),
    ("Int8", "Byte"),
    ("Int32", "Integer"),
    ("Int", "Integer"),
];

/// `, did you mean "D"?`, or nothing where no word known is near the one given. `synonyms` come first, then the same letters in another
/// case, then words that hold the one given or are held by it, then the fewest letters written wrong.
pub fn did_you_mean<'a>(
    given: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    synonyms: &[(&'a str, &'a str)],
) -> String {
    // No word known is as long; a message is no place for a search in a megabyte.
    if given.len() > 64 {
        return String::new();
    }
    let letters = plain(given);
    let of_synonym = synonyms.iter().filter(|(theirs, _)| plain(theirs) == letters).map(|(_, ours)| *ours);
    let synonym = of_synonym.clone().find(|ours| known.clone().any(|k| k == *ours));
    let found = synonym.or_else(|| nearest(&letters, known));
    found.map_or(String::new(), |word| format!(", did you mean {word:?}?"))
}

/// What is said of a word that is none of those known: what is wrong with it, and the word that was meant before all that are known, of
/// which there may be dozens.
pub fn not_among<'a>(
    wrong: &str,
    given: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    synonyms: &[(&'a str, &'a str)],
) -> String {
    let all = known.clone().collect::<Vec<_>>().join(", ");
    match did_you_mean(given, known, synonyms) {
        hint if hint.is_empty() => format!("{wrong}, expected one of {all}"),
        hint => format!("{wrong}{hint} (expected one of {all})"),
    }
}

/// Letters and digits alone, in one case.
fn plain(word: &str) -> Vec<char> {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn nearest<'a>(letters: &[char], known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = match letters.len() {
        0 => return None,
        1..4 => 0,
        4..6 => 1,
        _ => 2,
    };
    let cost = |word: &'a str| {
        let other = plain(word);
        let (short, long) =
            if other.len() < letters.len() { (&other[..], letters) } else { (letters, &other[..]) };
        let holds = short.len() >= 4 && long.windows(short.len()).any(|w| w == short);
        match edits(letters, &other) {
            0 => Some((0, 0)),
            _ if holds => Some((1, long.len() - short.len())),
            n if n <= most => Some((2, n)),
            _ => None,
        }
    };
    let costs = known.filter_map(|word| Some((cost(word)?, word)));
    costs.min_by_key(|(cost, _)| *cost).map(|(_, word)| word)
}

/// Letters to insert, leave out, replace or swap with the next: the optimal string alignment distance (Damerau 1964).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[1][j] + 1).min(rows[2][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = least;
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| edits(&plain(a), &plain(b));
        for (a, b, n) in [
            ("", "", 0),
            ("", "ab", 2),
            ("shell", "shel", 1),
            ("shlel", "shell", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
        ] {
            assert_eq!((count(a, b), count(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn words_lead_to_what_was_meant() {
        let lead = |given: &str, known: &[&'static str]| did_you_mean(given, known.iter().copied(), SYNONYMS);
        let solids = ["Box", "BoxFrame", "Cylinder", "Ellipsoid", "Link", "Plane"];
        for (given, meant) in [
            ("Sphere", "Ellipsoid"),
            ("cube", "Box"),
            ("box_frame", "BoxFrame"),
            ("Elipsoid", "Ellipsoid"),
            ("Cylindre", "Cylinder"),
            ("EllipsoidPrimitive", "Ellipsoid"),
        ] {
            assert_eq!(lead(given, &solids), format!(", did you mean {meant:?}?"));
        }
        for given in ["", "Xor", "Teapot", "💎", &"Sphere".repeat(1000)] {
            assert_eq!(lead(given, &solids), "", "{given:.20}");
        }
        // A synonym of what is not offered leads nowhere.
        assert_eq!(lead("Diamond", &solids), "");
        assert!(SYNONYMS.iter().all(|(theirs, ours)| plain(theirs) != plain(ours)));
    }
}
