//! `countersign mail`: letters are shown, and faults of settings and templates are told before anybody waits for one.

use crate::support::Machine;

#[test]
fn every_letter_can_be_looked_at() {
    let machine = Machine::new().with("COUNTERSIGN_PUBLIC_URL", "https://auth.example.com");
    let list = machine.types("mail preview").succeeded().to_owned();
    let names: Vec<_> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();

    assert_eq!(names.len(), 8, "{list}");
    for name in names {
        let text = machine.types(&format!("mail preview {name} --text")).succeeded().to_owned();
        let html = machine.types(&format!("mail preview {name} --html")).succeeded().to_owned();

        assert!(text.starts_with("Subject: ") && text.ends_with(".\n"), "{text}");
        assert!(html.starts_with("<!doctype html>") && html.contains("lang=\"en\""), "{html}");
    }
    let reset = machine.types("mail preview reset_password");
    assert!(reset.succeeded().contains("\nhttps://auth.example.com/reset-password?token="), "{}", reset.answer);
}

#[test]
fn a_letter_that_does_not_exist_is_not_shown() {
    let outcome = Machine::new().types("mail preview love_letter");

    let refusal = outcome.refused_in_one_line();
    assert_eq!(refusal, "there is no letter love_letter; `countersign mail preview` lists them");
}

#[test]
fn templates_of_ones_own_are_shown_and_their_faults_told() {
    let machine = Machine::new().with("COUNTERSIGN_MAIL__TEMPLATES_DIR", ".");
    let machine = machine.with_file("password_changed.txt", "Subject: Neu\n\nHallo {{ username }}!\n");
    assert_eq!(machine.types("mail preview password_changed").succeeded(), "Subject: Neu\n\nHallo ada!\n");

    let machine = machine.with_file("password_changed.txt", "Subject: Neu\n\nHallo {{ name }}!\n");
    let outcome = machine.types("mail preview");

    let refusal = outcome.refused_in_one_line();
    assert!(refusal.contains("password_changed.txt:3") && refusal.contains("undefined"), "{refusal}");
    assert!(refusal.ends_with("Mend it, or unset COUNTERSIGN_MAIL__TEMPLATES_DIR"), "{refusal}");
}

#[test]
fn a_test_needs_a_mail_server_that_answers() {
    let nowhere = Machine::new().types("mail test ada@example.com");
    // The discard port: nobody listens there.
    let silent = Machine::new()
        .with("COUNTERSIGN_MAIL__SMTP_URL", "smtp://ada:marker-of-a-password@127.0.0.1:9")
        .types("mail test ada@example.com");

    assert!(nowhere.refused_in_one_line().starts_with("no mail server is configured: give COUNTERSIGN_MAIL__SMTP_URL"));
    let refusal = silent.refused_in_one_line();
    assert!(refusal.starts_with("the mail server cannot be used: ") && refusal.contains("refused"), "{refusal}");
    assert!(!refusal.contains("marker"), "{refusal}");
}
