//! `countersign mail`: look at the letters, and see whether they arrive.

use std::{fmt::Write, process::ExitCode};

use anyhow::bail;
use clap::{
    Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::settings::SettingsArguments;
use crate::{
    clock::Clock,
    config,
    domain::Email,
    mail::{Mailer, Words, letter, payload::Payload, sample},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show a letter with made-up contents, in your templates if you have any
    #[command(
        after_help = "Examples:\n  countersign mail preview\n  countersign mail preview reset_password --html > letter.html"
    )]
    Preview {
        /// The letter; without it, all are listed with their subjects
        #[arg(value_parser = kind())]
        letter: Option<letter::Kind>,
        /// As HTML
        #[arg(long, requires = "letter", conflicts_with = "text")]
        html: bool,
        /// As text (the default)
        #[arg(long, requires = "letter")]
        text: bool,
    },
    /// Send a letter at once, to see whether the settings are right
    #[command(after_help = "Example:\n  countersign mail test ada@example.com")]
    Test {
        /// To whom
        address: String,
    },
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let config = config::load(&settings.sources())?.config;
        let clock = Clock::system();
        let public_url = config.public_url(config.service.listen).as_str().to_owned();
        let mailer = Mailer::open(&config, &public_url, &clock)?;
        match command {
            Command::Preview { letter: None, .. } => list(&mailer),
            Command::Preview { letter: Some(letter), html, .. } => preview(&mailer, *letter, *html),
            Command::Test { address } => test(&mailer, address, &clock).await,
        }
    })
}

fn list(mailer: &Mailer) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for kind in letter::Kind::ALL {
        writeln!(text, "{:24}{}", kind.as_str(), words(mailer, kind)?.subject)?;
    }
    super::answer(text.as_bytes())
}

fn kind() -> impl TypedValueParser<Value = letter::Kind> {
    let names = letter::Kind::ALL.map(letter::Kind::as_str);
    PossibleValuesParser::new(names).try_map(|name| letter::Kind::parse(&name).ok_or("there is no such letter"))
}

fn preview(mailer: &Mailer, kind: letter::Kind, html: bool) -> anyhow::Result<ExitCode> {
    let words = words(mailer, kind)?;
    let text = if html { words.html } else { format!("Subject: {}\n\n{}", words.subject, words.text) };
    super::answer(text.as_bytes())
}

fn words(mailer: &Mailer, kind: letter::Kind) -> anyhow::Result<Words> {
    Ok(mailer.templates().render(&Payload::of(&sample::reader(), &sample::letter(kind)))?)
}

async fn test(mailer: &Mailer, address: &str, clock: &Clock) -> anyhow::Result<ExitCode> {
    let to = Email::parse(address)?;
    if mailer.breaker().is_none() {
        bail!("no mail server is configured: give COUNTERSIGN_MAIL__SMTP_URL and COUNTERSIGN_MAIL__FROM");
    }
    let post = mailer.post(to.clone(), mailer.templates().test()?, (0, clock.now()));
    if let Err(error) = mailer.send(post, mailer.admit()?).await {
        bail!("the mail server has not taken the letter: {}", error.in_full());
    }
    super::answer(format!("the mail server has taken a letter from {} to {to}\n", mailer.sender()).as_bytes())
}
