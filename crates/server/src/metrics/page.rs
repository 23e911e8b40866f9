//! One page of numbers in the text format of Prometheus, version 0.0.4: made for a scrape, by `prometheus-client`.

use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::atomic::AtomicU64;

/// A page in the making. Helps are sentences.
#[derive(Default)]
pub struct Page(Registry);

type Whole = Gauge<u64, AtomicU64>;

/// Names and values.
type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    /// A family of numbers that are kept elsewhere.
    pub fn family(&mut self, name: &str, help: &str, family: impl Metric) {
        // The library ends every help with a full stop.
        self.0.register(name, help.trim_end_matches('.'), family);
    }

    /// How much there is now.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) {
        let gauge = Whole::default();
        gauge.set(value);
        self.family(name, help, gauge);
    }

    /// The same, not in whole units.
    pub fn real_gauge(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.family(name, help, gauge);
    }

    /// How often something has happened; the name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        self.family(base(name), help, counter);
    }

    /// How much of each kind there is now.
    pub fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, u64)>,
    ) {
        let family = Family::<Vec<(&'static str, String)>, Whole>::default();
        for (labels, value) in samples {
            family.get_or_create(&owned(labels)).set(value);
        }
        self.family(name, help, family);
    }

    /// How often something of each kind has happened; the name ends in `_total`.
    pub fn counters(&mut self, name: &str, help: &str, label: &'static str, samples: &[(&str, u64)]) {
        let family = Family::<Vec<(&'static str, String)>, Counter>::default();
        for (kind, value) in samples {
            family.get_or_create(&owned(&[(label, kind)])).inc_by(*value);
        }
        self.family(base(name), help, family);
    }

    /// Its text.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

fn owned(labels: Labels<'_>) -> Vec<(&'static str, String)> {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The library adds the end of a counter's name itself.
fn base(name: &str) -> &str {
    name.trim_end_matches("_total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are_given_and_labels_are_escaped() {
        let mut page = Page::default();
        page.counter("a_total", "A.", 3);
        page.gauges("b", "B.", [(&[("l", "x\"\\\ny")][..], 7)]);
        page.real_gauge("c", "C.", 0.25);
        let expected = "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n# HELP b B.\n# TYPE b gauge\n\
                        b{l=\"x\\\"\\\\\\ny\"} 7\n# HELP c C.\n# TYPE c gauge\nc 0.25\n";
        assert_eq!(page.text().unwrap(), expected);
    }
}
