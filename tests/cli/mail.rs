//! `countersign mail`: letters are shown, and faults of settings and templates are told before anybody waits for one.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::Machine;

#[test]
fn every_letter_can_be_looked_at() {
    let machine = Machine::new().with("COUNTERSIGN_PUBLIC_URL", "https://auth.example.com");
    let list = machine.types("mail preview").succeeded().to_owned();
    let names: Vec<_> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();

    assert_eq!(names.len(), 9, "{list}");
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

    assert_eq!((outcome.code, outcome.answer.as_str()), (Some(2), ""));
    assert!(outcome.complaint.contains("[possible values: confirm_email, "), "{}", outcome.complaint);
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
fn a_test_letter_is_given_to_the_mail_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let machine = Machine::new()
        .with("COUNTERSIGN_MAIL__SMTP_URL", format!("smtp://{}", listener.local_addr().unwrap()))
        .with("COUNTERSIGN_MAIL__FROM", "Example <auth@example.com>");
    let server = thread::spawn(move || taken(listener.accept().unwrap().0));

    let outcome = machine.types("mail test ada@example.org");

    let expected = "the mail server has taken a letter from Example <auth@example.com> to ada@example.org\n";
    assert_eq!(outcome.succeeded(), expected);
    let said = server.join().unwrap();
    assert!(said.contains("RCPT TO:<ada@example.org>") && said.contains("Subject: "), "{said}");
}

/// Takes one letter, and answers all that was said.
fn taken(stream: TcpStream) -> String {
    let mut writer = stream.try_clone().unwrap();
    writer.write_all(b"220 mail.example.com\r\n").unwrap();
    let mut said = String::new();
    let mut is_letter = false;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer: &[u8] = match line.as_str() {
            "DATA" => b"354 go on\r\n",
            "." => b"250 taken\r\n",
            _ if is_letter => b"",
            _ => b"250 well\r\n",
        };
        is_letter = (is_letter || line == "DATA") && line != ".";
        // Whoever has said QUIT may not wait for the answer.
        let _ = writer.write_all(answer);
        said.push_str(&line);
        said.push('\n');
    }
    said
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
    assert!(refusal.starts_with("the mail server has not taken the letter: Connection error: "), "{refusal}");
    assert!(!refusal.contains("marker"), "{refusal}");
}
