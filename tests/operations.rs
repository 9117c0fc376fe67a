//! What operators are given speaks of metrics that there are: the chapter, the alerts and the dashboard.
#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign::metrics::catalogue::{self, Kind, Metric};
use serde_json::Value;

#[test]
fn the_table_of_metrics_is_what_the_catalogue_says() {
    let chapter = read("docs/operations.md");
    let rows: Vec<&str> =
        chapter.lines().filter(|line| line.starts_with("| `countersign_") || line.starts_with("| `process_")).collect();

    let declared: Vec<String> = catalogue::ALL.iter().map(|metric| row(metric)).collect();

    for (row, declared) in rows.iter().zip(&declared) {
        assert!(row.starts_with(declared), "docs/operations.md has\n{row}\nand the catalogue\n{declared}");
    }
    assert_eq!(rows.len(), declared.len(), "docs/operations.md and src/metrics/catalogue.rs have the same metrics");
}

#[test]
fn every_alert_is_explained_and_is_named_by_the_metrics_that_it_watches() {
    let chapter = read("docs/operations.md");

    for (alert, expression) in alerts() {
        let section = format!("### {alert}\n\n    {expression}\n");
        assert!(chapter.contains(&section), "docs/operations.md lacks\n{section}");
        let (link, watched) = (format!("(#{})", alert.to_lowercase()), metrics_in(&expression));
        for metric in watched.iter().filter_map(|metric| declared(metric)).map(|metric| metric.name) {
            let row = chapter.lines().find(|line| line.starts_with(&format!("| `{metric}` |"))).unwrap();
            assert!(row.contains(&link), "the row of {metric} does not name {alert}");
        }
    }
    let explained = chapter.lines().filter(|line| line.starts_with("### Countersign")).count();
    assert_eq!(explained, alerts().len(), "an alert that is explained exists");
}

#[test]
fn every_link_within_the_chapter_leads_somewhere() {
    let chapter = read("docs/operations.md");
    let headings = chapter.lines().filter_map(|line| line.strip_prefix('#').map(|line| line.trim_start_matches('#')));
    let anchors: BTreeSet<String> = headings.map(|heading| heading.trim().to_lowercase().replace(' ', "-")).collect();

    for link in chapter.split("](#").skip(1) {
        let link = link.split(')').next().unwrap();
        assert!(anchors.contains(link), "#{link} is no heading of docs/operations.md");
    }
}

#[test]
fn alerts_and_the_dashboard_ask_for_metrics_and_labels_that_there_are() {
    let alerts = alerts();
    let expressions = alerts.values().cloned().chain(dashboard());

    let mut asked = BTreeSet::new();
    for expression in expressions {
        for metric in metrics_in(&expression) {
            let found = declared(&metric);
            assert!(found.is_some() || metric == "up", "there is no {metric}: {expression}");
            asked.extend(found.map(|metric| metric.name));
        }
        for label in labels_in(&expression) {
            let is_known = ["instance", "job", "le"].contains(&label.as_str())
                || metrics_in(&expression)
                    .iter()
                    .filter_map(|metric| declared(metric))
                    .any(|metric| metric.labels.contains(&label.as_str()));
            assert!(is_known, "no metric of it has the label {label}: {expression}");
        }
    }
    let unseen: Vec<_> = catalogue::ALL.iter().map(|metric| metric.name).filter(|name| !asked.contains(name)).collect();
    assert_eq!(unseen, Vec::<&str>::new(), "neither an alert nor the dashboard shows these");
}

#[test]
fn the_rules_file_is_what_this_test_reads() {
    let text = read("deploy/prometheus/alerts.yml");

    let alerts = alerts();

    assert!(alerts.len() > 20);
    for (key, count) in [("- alert: ", alerts.len()), ("expr: '", alerts.len()), ("runbook: ", alerts.len())] {
        assert_eq!(text.matches(key).count(), count, "{key}");
    }
    for alert in alerts.keys() {
        assert!(text.contains(&format!("runbook: docs/operations.md#{}\n", alert.to_lowercase())), "{alert}");
    }
}

/// The first four columns of a metric in the table.
fn row(metric: &Metric) -> String {
    let Metric { name, kind, help, labels } = metric;
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
    format!("| `{name}` | {} | {labels} | {help} | ", kind.as_str())
}

/// The metric of this name, or of which this is a part.
fn declared(name: &str) -> Option<&'static Metric> {
    let parts = ["_bucket", "_sum", "_count"];
    catalogue::ALL.iter().copied().find(|metric| match metric.kind {
        Kind::Histogram => parts.iter().any(|part| name.strip_suffix(part) == Some(metric.name)),
        Kind::Counter | Kind::Gauge => name == metric.name,
    })
}

/// Every alert and its expression.
fn alerts() -> BTreeMap<String, String> {
    let text = read("deploy/prometheus/alerts.yml");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pair = |pair: &[&str]| {
        let [alert, expression] = pair else { return None };
        let expression = expression.strip_prefix("expr: '")?.strip_suffix('\'')?;
        Some((alert.strip_prefix("- alert: ")?.to_owned(), expression.to_owned()))
    };
    lines.windows(2).filter_map(pair).collect()
}

/// Every expression of the dashboard.
fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/countersign.json")).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() > 40);
    expressions
}

fn collect(value: &Value, expressions: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| match value {
            Value::String(text) if key == "expr" => expressions.push(text.clone()),
            other => collect(other, expressions),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, expressions)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The metrics that a query asks for.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let words = outside_of_texts(expression);
    let words = words.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let is_metric = |word: &&str| *word == "up" || word.starts_with("countersign_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// The labels that an expression chooses or groups by.
fn labels_in(expression: &str) -> BTreeSet<String> {
    let expression = outside_of_texts(expression);
    let mut labels = BTreeSet::new();
    for matchers in expression.split('{').skip(1) {
        let matchers = matchers.split('}').next().unwrap();
        labels.extend(matchers.split(',').map(|matcher| matcher.split(['=', '!']).next().unwrap().trim().to_owned()));
    }
    for group in expression.split("by (").skip(1) {
        labels.extend(group.split(')').next().unwrap().split(',').map(|label| label.trim().to_owned()));
    }
    labels
}

/// An expression without the texts in quotes.
fn outside_of_texts(expression: &str) -> String {
    expression.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
