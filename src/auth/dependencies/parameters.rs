//! Parameters: the query of a request, read by name and parsed into words, with every fault reported at once.
//!
//! What nobody knows is ignored; of a name that occurs twice the last counts; an empty one counts as absent.

use std::collections::HashMap;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

use super::payload::Fault;
use crate::problem::{Code, FieldError, Problem};

/// The parameters of a request and what was wrong with them.
pub(crate) struct Parameters {
    values: HashMap<String, String>,
    errors: Vec<FieldError>,
}

/// How many entries a page has unless the request says otherwise, and at most.
const PAGE: (usize, usize) = (50, 100);

impl Parameters {
    /// Reads a parameter as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.values.remove(name).filter(|text| !text.is_empty())
    }

    /// Reads a parameter parsed into a word.
    pub(crate) fn optional<T, E: Fault>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(&self.text(name)?);
        parsed.map_err(|error| self.fault(name, error.code(), error.to_string())).ok()
    }

    /// Reads `limit`: how many entries a page shall have.
    pub(crate) fn limit(&mut self) -> usize {
        let (usual, most) = PAGE;
        let Some(text) = self.text("limit") else { return usual };
        if let Some(limit) = text.parse().ok().filter(|limit| (1..=most).contains(limit)) {
            return limit;
        }
        self.fault("limit", "out_of_range", "a page has 1 to 100 entries".to_owned());
        usual
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, name: &'static str, code: &'static str, message: String) {
        self.errors.push(FieldError::new(name, code, message));
    }

    /// Refuses the request if anything was at fault.
    pub(crate) fn checked(self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Code::ValidationFailed).with_errors(self.errors))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = read.map_err(|_| {
            Problem::new(Code::ValidationFailed).with_detail("The query is not encoded as a query should be.")
        })?;
        Ok(Self { values: pairs.into_iter().collect(), errors: Vec::new() })
    }
}
