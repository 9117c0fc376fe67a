//! Templates: the words of every letter, as text and as HTML.
//!
//! They are inside the program; a file of the same name in the operator's directory replaces one. Whatever goes into a
//! template whose name ends in `.html` is escaped. All of them are tried with samples when they are loaded, so a mistake shows at the start and not in
//! a letter that somebody waits for.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use minijinja::{Environment, UndefinedBehavior, Value};

use super::{letter::Kind, payload::Payload, sample};

/// The words of every letter.
pub struct Templates {
    environment: Environment<'static>,
    /// Where the links go.
    public_url: String,
    /// Whom the letters are from, as people read it.
    service: String,
}

/// A letter as its reader sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Words {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl Templates {
    /// Loads the templates, those in `directory` over those inside the program, and tries every letter.
    ///
    /// # Errors
    /// [`TemplateError`] names the file and what is wrong with it.
    pub fn load(directory: Option<&Path>, public_url: &str, service: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in BUILT_IN {
            environment.add_template(name, source).map_err(TemplateError::Faulty)?;
        }
        for (name, source) in directory.map(read).transpose()?.unwrap_or_default() {
            environment.add_template_owned(name, source).map_err(TemplateError::Faulty)?;
        }
        let templates = Self { environment, public_url: public_url.to_owned(), service: service.to_owned() };
        for kind in Kind::ALL {
            templates.render(&Payload::of(&sample::reader(), &sample::letter(kind)))?;
        }
        templates.test()?;
        Ok(templates)
    }

    /// The words of a letter.
    ///
    /// # Errors
    /// [`TemplateError::Faulty`] if a template asks for what is not there; none does for the samples.
    pub fn render(&self, payload: &Payload) -> Result<Words, TemplateError> {
        let link = payload.letter.page().zip(payload.token.as_deref());
        let link = link.map(|(page, token)| format!("{}{page}?token={token}", self.public_url));
        self.write(
            payload.letter.as_str(),
            BTreeMap::from([
                ("username", Value::from(unlinked(&payload.username))),
                ("link", link.map_or_else(|| Value::from(()), readable)),
                ("code", optional(payload.code.as_ref().map(|code| code.as_str()))),
                ("new_email", optional(payload.new_email.as_deref())),
                ("at", optional(payload.at.as_deref())),
                ("ip", optional(payload.ip.as_deref())),
                ("user_agent", optional(payload.user_agent.as_deref().map(unlinked).as_deref())),
            ]),
        )
    }

    /// The words of a letter that only shows that letters arrive.
    ///
    /// # Errors
    /// Those of [`render`](Self::render).
    pub fn test(&self) -> Result<Words, TemplateError> {
        self.write("test", BTreeMap::new())
    }

    fn write(&self, name: &str, mut context: BTreeMap<&'static str, Value>) -> Result<Words, TemplateError> {
        context.insert("public_url", Value::from(self.public_url.as_str()));
        context.insert("service", Value::from(self.service.as_str()));
        let context = Value::from(context);
        let render = |extension: &str| {
            let template = self.environment.get_template(&format!("{name}.{extension}"));
            template.and_then(|template| template.render(&context)).map_err(TemplateError::Faulty)
        };
        let text = render("txt")?;
        let (subject, text) = text
            .strip_prefix("Subject: ")
            .and_then(|text| text.split_once("\n\n"))
            .filter(|(subject, _)| !subject.contains(char::is_control))
            .ok_or_else(|| TemplateError::NoSubject(format!("{name}.txt")))?;
        Ok(Words { subject: subject.trim().to_owned(), text: format!("{}\n", text.trim()), html: render("html")? })
    }
}

/// What keeps the templates from being used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file cannot be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// The file or the directory.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A template cannot be understood, or asks for what is not there. It names its place and never a value.
    #[error("a template of the mails: {0:#}")]
    Faulty(minijinja::Error),
    /// A text does not begin with the subject.
    #[error("a template of the mails: {0} must begin with `Subject: …` and an empty line")]
    NoSubject(String),
}

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/mail/", $name)))),+]
    };
}

/// The templates inside the program.
const BUILT_IN: &[(&str, &str)] = built_in![
    "layout.html",
    "action.html",
    "link.html",
    "already_registered.html",
    "already_registered.txt",
    "confirm_email.html",
    "confirm_email.txt",
    "confirm_new_email.html",
    "confirm_new_email.txt",
    "email_change_requested.html",
    "email_change_requested.txt",
    "email_changed.html",
    "email_changed.txt",
    "new_sign_in.html",
    "new_sign_in.txt",
    "password_changed.html",
    "password_changed.txt",
    "reset_password.html",
    "reset_password.txt",
    "test.html",
    "test.txt",
];

/// The templates in a directory: all its `.html` and `.txt` files, so that they may include one another.
fn read(directory: &Path) -> Result<Vec<(String, String)>, TemplateError> {
    let unreadable = |file: &Path, source| TemplateError::Unreadable { file: file.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(|source| unreadable(directory, source))? {
        let path = entry.map_err(|source| unreadable(directory, source))?.path();
        let is_template = path.extension().is_some_and(|extension| extension == "html" || extension == "txt");
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| is_template) {
            let source = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
            found.push((name.to_owned(), source));
        }
    }
    Ok(found)
}

/// What somebody chose for themselves, so that no mail program makes a link of it: a user name may look like the name
/// of a host, and the letter goes to whom its owner likes.
fn unlinked(chosen: &str) -> String {
    // U+2060 WORD JOINER: nothing to see, and no host name any more.
    chosen.replace('.', "\u{2060}.\u{2060}")
}

/// A link as people can read it in the source: without `&#x2f;` for every slash, where nothing has to be escaped.
fn readable(link: String) -> Value {
    if link.contains(['&', '<', '>', '"', '\'']) { Value::from(link) } else { Value::from_safe_string(link) }
}

fn optional(text: Option<&str>) -> Value {
    text.map_or_else(|| Value::from(()), Value::from)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        domain::{Email, Username},
        mail::letter::{Letter, Token},
    };

    const PUBLIC_URL: &str = "https://auth.example.com/base";

    fn built_in() -> Templates {
        Templates::load(None, PUBLIC_URL, "Example").unwrap()
    }

    fn words(templates: &Templates, letter: &Letter) -> Words {
        templates.render(&Payload::of(&Email::parse("ada@example.com").unwrap(), letter)).unwrap()
    }

    fn reset() -> Letter {
        let token = Token { link: "the-token".into(), code: Some("K7QM-4XRT".into()) };
        Letter::ResetPassword { username: Username::parse("ada").unwrap(), token }
    }

    #[test]
    fn both_parts_carry_the_link_and_the_code() {
        let words = words(&built_in(), &reset());

        for part in [&words.text, &words.html] {
            assert!(part.contains("https://auth.example.com/base/reset-password?token=the-token"), "{part}");
            assert!(part.contains("K7QM-4XRT"), "{part}");
        }
    }

    #[test]
    fn no_letter_loads_anything_from_elsewhere() {
        let templates = built_in();

        for kind in Kind::ALL {
            let html = words(&templates, &sample::letter(kind)).html;
            for loading in ["src=", "url(", "<script", "<link", "@import", "<img"] {
                assert!(!html.contains(loading), "{kind:?} holds {loading}");
            }
        }
    }

    #[test]
    fn what_people_chose_is_escaped_and_no_link() {
        let letter = Letter::NewSignIn {
            username: Username::parse("evil.example.com").unwrap(),
            at: sample::moment(),
            ip: "192.0.2.7".parse().unwrap(),
            user_agent: Some("<b>{{ 7 * 7 }}</b> evil.example.com".to_owned()),
        };

        let words = words(&built_in(), &letter);

        assert!(words.html.contains("&lt;b&gt;{{ 7 * 7 }}&lt;") && words.text.contains("<b>{{ 7 * 7 }}</b>"));
        assert!(!words.html.contains("evil.example") && !words.text.contains("evil.example"), "{}", words.text);
    }

    #[test]
    fn a_file_of_the_same_name_replaces_a_template() {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("reset_password.txt"), "Subject: Neu\n\n{{ username }}: {{ link }}").unwrap();

        let words = words(&Templates::load(Some(directory.path()), PUBLIC_URL, "Example").unwrap(), &reset());

        assert_eq!(words.subject, "Neu");
        assert_eq!(words.text, "ada: https://auth.example.com/base/reset-password?token=the-token\n");
        assert!(words.html.contains("K7QM-4XRT"));
    }

    #[test]
    fn a_faulty_file_is_refused_by_its_name() {
        for (source, reason) in [
            ("Subject: A\n\n{{ pasword }}", "undefined"),
            ("Subject: A\n\n{% if %}", "syntax error"),
            ("no subject", "must begin with `Subject: …`"),
        ] {
            let directory = TempDir::new().unwrap();
            fs::write(directory.path().join("confirm_email.txt"), source).unwrap();

            let error = Templates::load(Some(directory.path()), PUBLIC_URL, "Example").err().unwrap().to_string();

            assert!(error.contains("confirm_email.txt") && error.contains(reason), "{error}");
        }
    }
}
