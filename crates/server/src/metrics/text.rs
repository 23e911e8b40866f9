//! The text format of Prometheus, version 0.0.4.
//!
//! # Source
//! "Exposition formats", prometheus.io/docs/instrumenting/exposition_formats.

use std::fmt::{Display, Write};

/// A page of metrics in the making.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// Begins a family of samples; all of them follow, and each family comes once.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A family of one sample without labels.
    pub fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// One sample of the family begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
        match labels.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    /// One histogram of the family begun last: `counts` by class, one more than there are `bounds`.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) {
        let mut total = 0;
        let ends = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (end, count) in ends.zip(counts) {
            total += count;
            let labels = [labels, &[("le", end.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &labels, total);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, total);
    }

    /// The page.
    pub fn into_string(self) -> String {
        self.0
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // A string takes all that is written to it.
        let _ = writeln!(self.0, "{text}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_add_up_and_labels_are_escaped() {
        let mut text = Text::default();
        text.family("t", "histogram", "line\nline");
        text.histogram("t", &[("a", "x\"\\\ny")], &[0.5, 1.0], &[1, 0, 2], 7.25);
        let expected = "# HELP t line\\nline\n# TYPE t histogram\n\
             t_bucket{a=\"x\\\"\\\\\\ny\",le=\"0.5\"} 1\nt_bucket{a=\"x\\\"\\\\\\ny\",le=\"1\"} 1\n\
             t_bucket{a=\"x\\\"\\\\\\ny\",le=\"+Inf\"} 3\nt_sum{a=\"x\\\"\\\\\\ny\"} 7.25\nt_count{a=\"x\\\"\\\\\\ny\"} 3\n";
        assert_eq!(text.into_string(), expected);
    }
}
