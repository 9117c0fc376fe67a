//! The origin of a web page, as browsers name it.

use std::fmt;

use url::{Host, Url};

use super::setting::{Rejected, Setting, Shown};

/// A scheme, a host and a port, in the form that a browser sends in `Origin` (RFC 6454 §6.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Parses an origin; `None` if it is none, or one that cannot be told from others, such as `null` and `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_bare = matches!(url.scheme(), "http" | "https")
            && url.host().is_some_and(|host| !matches!(host, Host::Domain(name) if name.contains('*')))
            && url.username().is_empty()
            && url.password().is_none()
            && !text.ends_with(['/', '?', '#', ':', '@'])
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        is_bare.then(|| Self(url.origin().ascii_serialization()))
    }

    /// Returns the origin as browsers send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Setting for Vec<WebOrigin> {
    fn allowed() -> String {
        "a list of origins, such as https://app.example.com or http://localhost:5173, without a slash at the end"
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| WebOrigin::parse(part).ok_or_else(|| not_an_origin(part))).collect()
    }

    fn shown(&self) -> Shown {
        Shown::Value(self.iter().map(ToString::to_string).collect())
    }
}

fn not_an_origin(part: &str) -> Rejected {
    Rejected::Because(match part {
        "*" => "must name every origin: `*` would let any page in the world call this service".to_owned(),
        "null" => "must not hold `null`: sandboxed pages and local files of anybody have that origin".to_owned(),
        _ => format!("must be {}; {part:?} is none", Vec::<WebOrigin>::allowed()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, kept) in [
            ("https://app.example.com", Some("https://app.example.com")),
            ("HTTPS://App.Example.COM:443", Some("https://app.example.com")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("https://b\u{fc}cher.example", Some("https://xn--bcher-kva.example")),
            ("https://app.example.com/", None),
            ("https://app.example.com/path", None),
            ("https://app.example.com?", None),
            ("https://ada@app.example.com", None),
            ("https://*.example.com", None),
            ("app.example.com", None),
            ("ftp://app.example.com", None),
            ("file:///etc/passwd", None),
            ("null", None),
            ("*", None),
        ] {
            assert_eq!(WebOrigin::parse(text).as_ref().map(WebOrigin::as_str), kept, "{text}");
        }
    }
}
