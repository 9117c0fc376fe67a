//! Takes each setting out of what was given, and remembers all that is wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Fault, Faults, Origin};
use super::layers::Given;
use super::section::Field;
use super::setting::{Rejected, Setting};

/// Hands out settings; a faulty one is replaced by its default, so that reading goes on to the next fault.
pub(super) struct Reader {
    given: BTreeMap<String, Given>,
    faults: Faults,
    faulty: BTreeSet<String>,
    origins: BTreeMap<String, Origin>,
}

impl Reader {
    pub(super) fn new(given: BTreeMap<String, Given>, faults: Faults) -> Self {
        let origins = given.iter().map(|(name, given)| (name.clone(), given.origin.clone())).collect();
        Self { given, faults, faulty: BTreeSet::new(), origins }
    }

    /// Takes one setting.
    pub(super) fn read<T: Setting>(&mut self, field: &Field<T>, default: T) -> T {
        let Some(given) = self.given.remove(&field.name) else {
            return default;
        };
        match given.text().and_then(|text| parse(field, &text)) {
            Ok(value) => value,
            Err(reason) => {
                self.faulty.insert(field.name.clone());
                self.faults.push(Fault::at(given.origin, format!("{} {reason}", field.name)));
                default
            }
        }
    }

    /// Reports that a setting does not go with the others, unless it or one of them is faulty by itself.
    pub(super) fn contradiction(&mut self, name: &str, others: &[&str], reason: &str) {
        let known_faulty = self.is_faulty(name) || others.iter().any(|other| self.is_faulty(other));
        if !known_faulty {
            let origin = self.origins.get(name).cloned().unwrap_or(Origin::Default);
            self.faults.push(Fault::at(origin, format!("{name} {reason}")));
        }
    }

    /// Tells whether a setting was given but could not be used.
    pub(super) fn is_faulty(&self, name: &str) -> bool {
        self.faulty.contains(name)
    }

    pub(super) fn origins(&self) -> &BTreeMap<String, Origin> {
        &self.origins
    }

    /// Ends reading: nothing was wrong, or this was.
    pub(super) fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    /// Ends reading with what is wrong with several settings together.
    pub(super) fn finish_with(mut self, refusal: String) -> Faults {
        self.faults.push(Fault::of_the_whole(refusal));
        self.faults
    }
}

fn parse<T: Setting>(field: &Field<T>, text: &str) -> Result<T, String> {
    let not_allowed = || format!("must be {}, not {text:?}", field.allowed);
    match T::parse(text) {
        Ok(value) if field.accepts(&value) => Ok(value),
        Ok(_) | Err(Rejected::NotAllowed) => Err(not_allowed()),
        Err(Rejected::Because(reason)) => Err(reason),
    }
}
