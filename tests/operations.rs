//! What operators are given speaks of metrics that there are: the chapter, the alerts and the dashboard.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read what it checks has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign::metrics::catalogue::{self, Kind, Metric};
use serde_json::Value;

/// The pages with a run book for each alert.
const PAGES: [&str; 3] = ["docs/runbook/process.md", "docs/runbook/requests.md", "docs/runbook/dependencies.md"];

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
fn every_alert_has_a_run_book_and_is_named_by_the_metrics_that_it_watches() {
    let table = read("docs/operations.md");
    let alerts = alerts();

    for (alert, Alert { expression, page, .. }) in &alerts {
        let run_book = section(&read(page), alert);
        assert!(run_book.starts_with(&format!("\n    {expression}\n")), "{page} has another rule for {alert}");
        let link = format!("({}#{})", page.trim_start_matches("docs/"), alert.to_lowercase());
        for metric in metrics_in(expression).iter().filter_map(|metric| declared(metric)).map(|metric| metric.name) {
            let row = table.lines().find(|line| line.starts_with(&format!("| `{metric}` |"))).unwrap();
            assert!(row.contains(&link), "the row of {metric} does not lead to {alert}");
        }
    }
    let explained = PAGES.iter().map(|page| read(page).matches("\n### Countersign").count()).sum::<usize>();
    assert_eq!(explained, alerts.len(), "an alert that is explained exists");
}

#[test]
fn every_run_book_says_what_to_type_first_and_what_not_to_do() {
    for (alert, Alert { page, .. }) in alerts() {
        let run_book = section(&read(&page), &alert);

        let commands = run_book.split("```").nth(1).and_then(|block| block.strip_prefix("sh\n"));
        assert_eq!(commands.map(|commands| commands.lines().count()), Some(3), "the first three commands of {alert}");
        for part in ["\n**Means.** ", "\n**Causes.** ", "\n**Do.** "] {
            assert_eq!(run_book.matches(part).count(), 1, "{alert} has one {part}");
        }
        let warnings = run_book.matches("\n**Do not** ").count() + run_book.matches("\n**Mind.** ").count();
        assert_eq!(warnings, 1, "{alert} says what not to do");
    }
}

#[test]
fn alerts_and_the_dashboard_ask_for_metrics_and_labels_that_there_are() {
    let alerts = alerts();
    let expressions = alerts.into_values().map(|alert| alert.expression).chain(dashboard());

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
    for (alert, Alert { page, anchor, .. }) in &alerts {
        assert!(PAGES.contains(&page.as_str()), "{alert}: {page} is no page of the run book");
        assert_eq!(*anchor, alert.to_lowercase());
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

/// What the rules file says of an alert.
struct Alert {
    expression: String,
    /// Where its run book stands.
    page: String,
    anchor: String,
}

/// Every alert by its name.
fn alerts() -> BTreeMap<String, Alert> {
    let text = read("deploy/prometheus/alerts.yml");
    let alert = |rule: &str| {
        let value = |key: &str| rule.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap().to_owned();
        let expression = value("expr: '").strip_suffix('\'').unwrap().to_owned();
        let runbook = value("runbook: ");
        let (page, anchor) = runbook.split_once('#').unwrap();
        let name = rule.lines().next().unwrap().to_owned();
        (name, Alert { expression, page: page.to_owned(), anchor: anchor.to_owned() })
    };
    text.split("- alert: ").skip(1).map(alert).collect()
}

/// What stands below a heading of the third order.
fn section(page: &str, heading: &str) -> String {
    let after = page.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no run book for {heading}")).1;
    after.split("\n### ").next().unwrap().to_owned()
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
