//! The text of a scrape: Prometheus's exposition format, version 0.0.4.
//!
//! It writes what it is handed and knows where nothing comes from.

use std::fmt::{Display, Write};

use super::{
    catalogue::{Kind, Metric},
    instruments::Distribution,
};

/// What the text is, as HTTP calls it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A scrape that is being written.
#[derive(Debug, Default)]
pub struct Text {
    written: String,
}

/// One metric of a scrape that is being written.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    metric: &'static Metric,
}

impl Text {
    /// Begins a metric; each belongs into a scrape once, with all its samples.
    pub fn family(&mut self, metric: &'static Metric) -> Family<'_> {
        let Metric { name, kind, help, .. } = metric;
        push(&mut self.written, format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
        Family { text: &mut self.written, metric }
    }

    /// The whole of it.
    #[must_use]
    pub fn finish(self) -> String {
        self.written
    }
}

impl Family<'_> {
    /// The only sample of a metric without labels.
    pub fn value(&mut self, value: impl Display) {
        self.sample(&[], value);
    }

    /// A sample, with the values of the metric's labels in the order in which it declares them.
    pub fn sample(&mut self, labels: &[&str], value: impl Display) {
        self.line("", labels, None, &value);
    }

    /// What a histogram has seen.
    pub fn distribution(&mut self, labels: &[&str], seen: &Distribution) {
        debug_assert_eq!(self.metric.kind, Kind::Histogram, "{}", self.metric.name);
        for (bound, count) in &seen.at_most {
            self.line("_bucket", labels, Some(&bound.as_secs_f64()), count);
        }
        self.line("_bucket", labels, Some(&"+Inf"), &seen.count);
        self.line("_sum", labels, None, &seen.sum.as_secs_f64());
        self.line("_count", labels, None, &seen.count);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], at_most: Option<&dyn Display>, value: &dyn Display) {
        let Metric { name, labels: names, .. } = self.metric;
        debug_assert_eq!(names.len(), labels.len(), "{name}");
        push(self.text, format_args!("{name}{suffix}"));
        let mut before = '{';
        for (label, value) in names.iter().zip(labels) {
            push(self.text, format_args!("{before}{label}=\"{}\"", Escaped(value)));
            before = ',';
        }
        if let Some(bound) = at_most {
            push(self.text, format_args!("{before}le=\"{bound}\""));
            before = ',';
        }
        let end = if before == ',' { "}" } else { "" };
        push(self.text, format_args!("{end} {value}\n"));
    }
}

/// The value of a label, with what would end it escaped.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => formatter.write_str("\\\\"),
            '"' => formatter.write_str("\\\""),
            '\n' => formatter.write_str("\\n"),
            other => formatter.write_char(other),
        })
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    #[expect(clippy::expect_used, reason = "writing to a String cannot fail")]
    text.write_fmt(arguments).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Histogram, catalogue};

    #[test]
    fn a_sample_has_its_labels_and_they_cannot_be_escaped_from() {
        let mut text = Text::default();

        text.family(&catalogue::HTTP_REQUESTS).sample(&["/a\"} 1\n\\", "GET", "200"], 7_u64);

        let text = text.finish();
        let line = text.lines().last().unwrap();
        assert_eq!(line, r#"countersign_http_requests_total{route="/a\"} 1\n\\",method="GET",status="200"} 7"#);
        assert_eq!(text.lines().nth(1), Some("# TYPE countersign_http_requests_total counter"));
    }

    #[test]
    fn a_histogram_is_its_buckets_its_sum_and_its_count() {
        let histogram = Histogram::of_latencies();
        histogram.record(Duration::from_millis(2));
        histogram.record(Duration::from_mins(1));
        let mut text = Text::default();

        text.family(&catalogue::HASHING_WAIT).distribution(&[], &histogram.read());

        let text = text.finish();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[1], r#"countersign_hashing_wait_seconds_bucket{le="0.001"} 0"#);
        assert_eq!(lines[2], r#"countersign_hashing_wait_seconds_bucket{le="0.0025"} 1"#);
        let [.., infinite, sum, count] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(*infinite, r#"countersign_hashing_wait_seconds_bucket{le="+Inf"} 2"#);
        assert_eq!(*sum, "countersign_hashing_wait_seconds_sum 60.002");
        assert_eq!(*count, "countersign_hashing_wait_seconds_count 2");
    }
}
