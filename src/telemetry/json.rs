//! Log lines as JSON: one object a line, the fields of the event beside its time, level and target.
//!
//! The same shape as `tracing-subscriber`'s flattened JSON, written straight into the line: by way of a serializer and
//! an adaptor for bytes a line cost three times as much, and every request writes one. It knows no spans.

use std::fmt::{self, Debug, Write};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes events as lines of JSON.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        writer.write_str("\",\"level\":\"")?;
        writer.write_str(metadata.level().as_str())?;
        writer.write_char('"')?;
        let mut fields = Fields { writer: writer.by_ref(), outcome: Ok(()) };
        event.record(&mut fields);
        fields.outcome?;
        writer.write_str(",\"target\":")?;
        text(&mut writer, metadata.target())?;
        writer.write_str("}\n")
    }
}

/// Writes each field as a member of the object.
struct Fields<'a> {
    writer: Writer<'a>,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_err() {
            return;
        }
        // Names of fields are written in our sources, as Rust identifiers.
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        self.outcome = write_all(&mut self.writer, [",\"", name, "\":"]).and_then(|()| value(&mut self.writer));
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| text(writer, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no other numbers.
        self.member(
            field,
            |writer| if value.is_finite() { write!(writer, "{value}") } else { writer.write_str("null") },
        );
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }
}

fn text(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    writer.write_char('"')?;
    Escaped(writer).write_str(value)?;
    writer.write_char('"')
}

/// Escapes what cannot stand in a JSON string (RFC 8259 §7).
struct Escaped<'a, 'b>(&'a mut Writer<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        if !text.bytes().any(needs_escape) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|character| match character {
            '"' => self.0.write_str("\\\""),
            '\\' => self.0.write_str("\\\\"),
            '\n' => self.0.write_str("\\n"),
            '\r' => self.0.write_str("\\r"),
            '\t' => self.0.write_str("\\t"),
            '\0'..='\u{1f}' => write!(self.0, "\\u{:04x}", u32::from(character)),
            other => self.0.write_char(other),
        })
    }
}

fn write_all<const N: usize>(writer: &mut Writer<'_>, texts: [&str; N]) -> fmt::Result {
    texts.into_iter().try_for_each(|text| writer.write_str(text))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::json;
    use tracing_subscriber::{fmt::layer, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_kind_of_field_is_one_member_of_one_line() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::registry().with(layer().event_format(JsonLines).with_writer(move || writer.clone()));

        tracing::subscriber::with_default(subscriber, || {
            let text = "a \"quoted\"\\\n\u{1}\u{7f}ä line";
            tracing::warn!(
                target: "a.target", text, shown = %text, debugged = ?Some(1), int = -1_i64, uint = u64::MAX, flag = true,
                real = 0.25, infinite = f64::INFINITY, r#type = "t", absent = None::<u64>, "a message"
            );
        });

        let line = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let mut read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let timestamp = read.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        let text = "a \"quoted\"\\\n\u{1}\u{7f}ä line";
        assert_eq!(
            read,
            json!({
                "level": "WARN", "target": "a.target", "message": "a message", "text": text, "shown": text,
                "debugged": "Some(1)", "int": -1, "uint": u64::MAX, "flag": true, "real": 0.25, "infinite": null,
                "type": "t",
            })
        );
    }
}
