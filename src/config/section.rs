//! A section of the settings, declared once.
//!
//! [`section!`] turns a documented struct into the struct itself, its loader and the rows that the generated
//! documents are made of. It knows nothing about any particular setting.

use std::ops::RangeInclusive;

use super::reader::Reader;
use super::setting::{Setting, Shown};

/// Declares a section: a struct of documented fields, each with its default and, for numbers, its range.
///
/// ```ignore
/// section! {
///     /// Access tokens.
///     pub struct Tokens in "tokens" {
///         /// How long an access token is accepted, in seconds.
///         pub access_ttl_seconds: u32 = 1800, in 1..=86_400;
///     }
/// }
/// ```
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $Section:ident in $name:literal {
            $(
                $(#[doc = $doc:literal])*
                pub $key:ident: $Type:ty = $default:expr $(, in $range:expr)?;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $Section {
            $($(#[doc = $doc])* pub $key: $Type,)*
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::section::Section for $Section {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = concat!($($about, "\n",)*);

            fn read(reader: &mut $crate::config::reader::Reader) -> Self {
                Self {
                    $($key: {
                        let field = $crate::config::section::Field::<$Type>::new($name, stringify!($key))
                            $(.within($range))?;
                        reader.read(&field, $default)
                    },)*
                }
            }

            fn rows(&self) -> Vec<$crate::config::section::Row> {
                vec![$(
                    $crate::config::section::Field::<$Type>::new($name, stringify!($key))
                        $(.within($range))?
                        .row(concat!($($doc, "\n",)*), &self.$key),
                )*]
            }
        }
    };
}
pub(super) use section;

/// What [`section!`] makes of a struct.
pub(super) trait Section: Default {
    /// The name in the file; empty for the settings at its top.
    const NAME: &'static str;
    /// The documentation, a line per line.
    const ABOUT: &'static str;

    /// Takes the section's settings, and reports what is wrong with them.
    fn read(reader: &mut Reader) -> Self;

    /// Returns a row per setting.
    fn rows(&self) -> Vec<Row>;
}

/// A setting with its value, as documents and displays need it.
pub(super) struct Row {
    /// The name with its section: `tokens.algorithm`.
    pub(super) name: String,
    /// The documentation, a line per line.
    pub(super) doc: &'static str,
    /// What is allowed: "a whole number from 1 to 86400".
    pub(super) allowed: String,
    /// The value.
    pub(super) shown: Shown,
}

/// A setting's name and what it accepts.
pub(super) struct Field<T> {
    pub(super) name: String,
    pub(super) allowed: String,
    accepts: Box<dyn Fn(&T) -> bool>,
}

impl<T: Setting> Field<T> {
    pub(super) fn new(section: &str, key: &str) -> Self {
        let name = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        Self { name, allowed: T::allowed(), accepts: Box::new(|_| true) }
    }

    pub(super) fn accepts(&self, value: &T) -> bool {
        (self.accepts)(value)
    }

    pub(super) fn row(self, doc: &'static str, value: &T) -> Row {
        Row { name: self.name, doc, allowed: self.allowed, shown: value.shown() }
    }
}

impl<T: Ranged> Field<T> {
    pub(super) fn within(mut self, range: RangeInclusive<u32>) -> Self {
        self.allowed = format!("{} from {} to {}", self.allowed, range.start(), range.end());
        self.accepts = Box::new(move |value| value.number().is_none_or(|number| range.contains(&number)));
        self
    }
}

/// A setting that is a number, and so may have a range.
pub(super) trait Ranged: Setting + 'static {
    /// The number, where there is one.
    fn number(&self) -> Option<u32>;
}

impl Ranged for u32 {
    fn number(&self) -> Option<u32> {
        Some(*self)
    }
}

impl Ranged for Option<u32> {
    fn number(&self) -> Option<u32> {
        *self
    }
}
