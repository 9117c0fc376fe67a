//! A secret in the settings is never printed, whether it is right or wrong.

use crate::support::Machine;

const MARKER: &str = "markermarkermarkermarkermarkermarker";

fn machine() -> Machine {
    Machine::new()
        .with("COUNTERSIGN_SECRET_KEY", MARKER)
        .with("COUNTERSIGN_TOKENS__ALGORITHM", "HS256")
        .with("JWT_SECRET", MARKER)
        .with("COUNTERSIGN_TRACES__HEADERS", format!("authorization=Bearer {MARKER}"))
        .with("DATABASE_URL", format!("postgres://ada:{MARKER}@db.example.com/main?password={MARKER}"))
}

#[test]
fn secrets_are_hidden_where_settings_are_shown() {
    for words in ["config show", "config show --json", "config check"] {
        let outcome = machine().types(words);

        assert!(!outcome.succeeded().contains("marker"), "{words}: {}", outcome.answer);
    }
    let shown = machine().types("config show");
    assert!(shown.answer.contains("secret_key = \"(hidden)\""), "{}", shown.answer);
    assert!(shown.answer.contains("database.url = \"postgres://db.example.com/main\""), "{}", shown.answer);
}

#[test]
fn secrets_are_hidden_where_settings_are_refused() {
    let broken = Machine::new()
        .with("COUNTERSIGN_SECRET_KEY", format!("{MARKER},marker"))
        .with("COUNTERSIGN_TOKENS__ALGORITHM", "HS256")
        .with("JWT_SECRET", "marker")
        .with("COUNTERSIGN_PUBLIC_URL", "https://ada:marker@example.com")
        .with("DATABASE_URL", "postgres://ada:marker@db.example.com:marker/main");

    let outcome = broken.types("config check");

    assert_eq!(outcome.refused().len(), 4, "{}", outcome.complaint);
    assert!(!outcome.complaint.contains("marker"), "{}", outcome.complaint);
}
