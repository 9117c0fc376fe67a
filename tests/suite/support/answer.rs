//! What the service answered, and what a test may ask of it.

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign::problem::Code;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Sends a request and reads its answer.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    /// A header's value, or nothing where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The access token that this answer grants.
    #[track_caller]
    pub(crate) fn access_token(&self) -> String {
        self.granted("access_token")
    }

    /// The refresh token that this answer grants.
    #[track_caller]
    pub(crate) fn refresh_token(&self) -> String {
        self.granted("refresh_token")
    }

    /// A claim of the access token that this answer grants, unchecked.
    #[track_caller]
    pub(crate) fn claim(&self, name: &str) -> Value {
        let token = self.access_token();
        let claims = token.split('.').nth(1).and_then(|text| Base64UrlUnpadded::decode_vec(text).ok());
        let claims: Value = serde_json::from_slice(&claims.expect("claims in base64url")).expect("claims in JSON");
        claims[name].clone()
    }

    #[track_caller]
    fn granted(&self, token: &str) -> String {
        self.json()[token].as_str().unwrap_or_else(|| panic!("no {token}: {self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Asserts that this is the problem `code`, in the form that every problem has.
    #[track_caller]
    pub(crate) fn assert_problem(&self, code: Code) -> &Self {
        self.assert_problem_with(code, code.entry().status)
    }

    /// Asserts that the bearer token was refused with `code` (RFC 6750 §3.1).
    #[track_caller]
    pub(crate) fn assert_refused_token(&self, code: Code) -> &Self {
        assert_eq!(self.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{self:?}");
        self.assert_problem_with(code, 401)
    }

    #[track_caller]
    fn assert_problem_with(&self, code: Code, status: u16) -> &Self {
        let entry = code.entry();
        self.assert_status(status);
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["code"], entry.code, "{self:?}");
        assert_eq!(body["status"], status, "{self:?}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{self:?}");
        let page = body["type"].as_str().unwrap_or_default();
        assert!(page.ends_with(&format!("/problems/{}", entry.code)), "{self:?}");
        self
    }

    /// The fields that a problem complains of, each with its code, in alphabetical order.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let word = |fault: &Value, key: &str| fault[key].as_str().unwrap_or_default().to_owned();
        let mut faults: Vec<_> = self.json()["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fault| (word(fault, "field"), word(fault, "code")))
            .collect();
        faults.sort();
        faults
    }
}
