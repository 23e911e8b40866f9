//! Functions that do not fit on a screen.

/// Lines of one function at most, from `fn` to its closing brace.
const MAX_LINES: usize = 70;

/// Functions that were longer when the rule came. The list may only shrink.
const LONGER: &[(&str, &str)] = &[
    ("crates/fieldstone/tests/cli/run.rs", "every_job_type_runs_on_the_bracket"),
    ("crates/kernel/src/distance/redistance/mod.rs", "redistance_planes"),
];

/// The functions of a file that are longer, as rustfmt has laid them out.
pub fn problems(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut problems = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let Some(function) = function_of(line) else { continue };
        // It ends at the first closing brace as far in as its first line.
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let length = lines[i..].iter().position(|l| *l == closing).map_or(1, |n| n + 1);
        if length > MAX_LINES && !line.ends_with('}') && !LONGER.contains(&(name, function)) {
            problems.push(format!("{name}:{}: fn {function} has {length} lines, at most {MAX_LINES}", i + 1));
        }
    }
    problems
}

/// The name of the function that begins on this line, if one does and has a body.
fn function_of(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let is_before = |w: &&str| {
        matches!(*w, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"") || w.starts_with("pub(")
    };
    let first = words.by_ref().find(|w| !is_before(w))?;
    if first != "fn" || line.ends_with(';') {
        return None;
    }
    words.next()?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::problems;

    #[test]
    fn a_long_function_is_found_with_its_line() {
        let of = |n: usize| {
            format!("//! A.\nimpl A {{\n    pub fn f() {{\n{}    }}\n}}\n", "        g();\n".repeat(n))
        };
        assert!(problems("a.rs", &of(68)).is_empty());
        assert_eq!(problems("a.rs", &of(69)), ["a.rs:3: fn f has 71 lines, at most 70"]);
        assert!(problems("a.rs", "    fn f(&self) -> bool;\n").is_empty());
    }
}
