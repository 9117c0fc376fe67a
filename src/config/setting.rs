//! The kinds of values that a setting can have.
//!
//! A value arrives as text, whether from a file, a variable or a flag, so that it is parsed in one way. A list
//! is separated by commas.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::Value;

/// A type that a setting can have.
pub(super) trait Setting: Sized {
    /// What is allowed, in words that follow "must be".
    fn allowed() -> String;

    /// Parses the text of a setting.
    fn parse(text: &str) -> Result<Self, Rejected>;

    /// The value as it may be displayed.
    fn shown(&self) -> Shown;
}

/// Why a text was not accepted.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Rejected {
    /// It is not what is allowed; the message repeats it.
    NotAllowed,
    /// The reason, in words that follow the setting's name; the message does not repeat the text.
    Because(String),
}

/// A value as it may be displayed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// There is none.
    Unset,
    /// There is one, and it stays hidden.
    Hidden,
    /// A string, number, boolean or list of strings: as JSON, which for these is TOML as well.
    Value(Value),
}

impl Shown {
    pub(super) fn text(value: impl Into<String>) -> Self {
        Self::Value(Value::String(value.into()))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn allowed() -> String {
        T::allowed()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        T::parse(text).map(Some)
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Unset, T::shown)
    }
}

impl Setting for u32 {
    fn allowed() -> String {
        "a whole number".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        text.trim().parse().map_err(|_| Rejected::NotAllowed)
    }

    fn shown(&self) -> Shown {
        Shown::Value(Value::from(*self))
    }
}

impl Setting for bool {
    fn allowed() -> String {
        "true or false".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        match text.trim() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Rejected::NotAllowed),
        }
    }

    fn shown(&self) -> Shown {
        Shown::Value(Value::from(*self))
    }
}

impl Setting for String {
    fn allowed() -> String {
        "a text that is not empty".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        let text = text.trim();
        if text.is_empty() { Err(Rejected::NotAllowed) } else { Ok(text.to_owned()) }
    }

    fn shown(&self) -> Shown {
        Shown::text(self.as_str())
    }
}

impl Setting for PathBuf {
    fn allowed() -> String {
        "a path".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        if text.is_empty() { Err(Rejected::NotAllowed) } else { Ok(Self::from(text)) }
    }

    fn shown(&self) -> Shown {
        Shown::text(self.display().to_string())
    }
}

impl Setting for SocketAddr {
    fn allowed() -> String {
        "an IP address and a port, such as 127.0.0.1:8000 or [::]:8000".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        text.trim().parse().map_err(|_| Rejected::NotAllowed)
    }

    fn shown(&self) -> Shown {
        Shown::text(self.to_string())
    }
}

impl Setting for Vec<IpNet> {
    fn allowed() -> String {
        "a list of networks, such as 10.0.0.0/8, fd00::/8 or 192.0.2.7".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| network(part).ok_or_else(|| not_a_network(part))).collect()
    }

    fn shown(&self) -> Shown {
        Shown::Value(self.iter().map(ToString::to_string).collect())
    }
}

/// A range in CIDR notation, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}

fn not_a_network(part: &str) -> Rejected {
    Rejected::Because(format!("must be {}; {part:?} is none", Vec::<IpNet>::allowed()))
}

/// Makes an enum of names into a setting.
macro_rules! names {
    ($Enum:ident { $($name:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::config::setting::Setting for $Enum {
            fn allowed() -> String {
                format!("one of {}", [$($name),+].join(", "))
            }

            fn parse(text: &str) -> Result<Self, $crate::config::setting::Rejected> {
                match text.trim() {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::config::setting::Rejected::NotAllowed),
                }
            }

            fn shown(&self) -> $crate::config::setting::Shown {
                $crate::config::setting::Shown::text(match self {
                    $(Self::$variant => $name,)+
                })
            }
        }
    };
}
pub(super) use names;
