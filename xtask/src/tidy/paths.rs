//! The paths of a Rust file: what it imports, what it names in passing, what it hands on under its own name.

/// What one file says of others; tests, comments and strings left out.
#[derive(Debug, Default, PartialEq)]
pub struct Paths {
    /// Paths that the file uses, each as its segments.
    pub used: Vec<Vec<String>>,
    /// Paths that it hands on (`pub use`): whoever asks this file for the last segment means that path.
    pub handed_on: Vec<Vec<String>>,
}

impl Paths {
    /// Reads `source`, which rustfmt has laid out.
    pub fn of(source: &str) -> Paths {
        let code = code_of(source);
        let mut paths = Paths::default();
        let mut rest = String::with_capacity(code.len());
        for statement in code.split_inclusive(';') {
            match import_of(statement) {
                Some((before, tree, public)) => {
                    rest.push_str(before);
                    let list = if public { &mut paths.handed_on } else { &mut paths.used };
                    expand("", tree, list);
                }
                None => rest.push_str(statement),
            }
        }
        for word in rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let segments: Vec<String> =
                word.split("::").filter(|s| !s.is_empty() && !s.contains(':')).map(str::to_owned).collect();
            if segments.len() > 1 {
                paths.used.push(segments);
            }
        }
        paths
    }
}

/// The file up to its tests, without comments and the content of strings.
fn code_of(source: &str) -> String {
    let tests = source.find("#[cfg(test)]").unwrap_or(source.len());
    let mut code = String::with_capacity(tests);
    for line in source[..tests].lines() {
        // Strings first: a `//` inside one is no comment.
        let unquoted: String = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        code.push_str(unquoted.split("//").next().unwrap_or(""));
        code.push('\n');
    }
    code
}

/// A statement that imports: what stands before it, its tree, and whether it is public.
fn import_of(statement: &str) -> Option<(&str, &str, bool)> {
    let at = statement.find("use ").filter(|&at| {
        let before = statement[..at].trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ')', '{', '}']) || before.ends_with("pub")
    })?;
    let before = &statement[..at];
    let line = before.rsplit('\n').next().unwrap_or("");
    Some((before, statement[at + 4..].trim_end_matches(';'), line.trim_start().starts_with("pub")))
}

/// Every path of a tree of imports, names without their `as`.
fn expand(prefix: &str, tree: &str, out: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some((head, body)) = tree.split_once('{') else {
        let path = format!("{prefix}{}", tree.split(" as ").next().unwrap_or(tree));
        let segments = path.split("::").map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
        out.push(segments.collect());
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let body = body.rsplit_once('}').map_or(body, |(inside, _)| inside);
    let (mut depth, mut start) = (0, 0);
    for (i, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !body[start..i].trim().is_empty() {
                    expand(&prefix, &body[start..i], out);
                }
                start = i + 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(paths: &[Vec<String>]) -> Vec<String> {
        paths.iter().map(|p| p.join("::")).collect()
    }

    #[test]
    fn imports_and_paths_in_passing_are_read() {
        let source = concat!(
            "//! A.\n",
            "use crate::a::{self, B, c::{D, E as F}};\n",
            "pub(crate) use inner::G;\n",
            "fn f(x: super::h::I) -> u32 { // crate::not::this\n",
            "    let s = \"crate::nor::this\";\n    self::j::k(x) + 1\n}\n",
            "#[cfg(test)]\nmod tests { use crate::nor::that; }\n",
        );
        let paths = Paths::of(source);
        assert_eq!(
            joined(&paths.used),
            [
                "crate::a::self",
                "crate::a::B",
                "crate::a::c::D",
                "crate::a::c::E",
                "super::h::I",
                "self::j::k"
            ]
        );
        assert_eq!(joined(&paths.handed_on), ["inner::G"]);
    }
}
