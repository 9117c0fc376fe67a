//! Admitted: a request that the limit of its address has let through.
//!
//! Where the quota stands goes into the answer, whatever becomes of the request.

use std::{marker::PhantomData, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    app::App,
    auth::limits::{self, LimitError, Subject},
    crypto::{Overloaded, Turn},
    domain::Client,
    limits::Policy,
    metrics::{LoginOutcome, RegistrationOutcome},
    middleware::exchange::Exchange,
    problem::{Code, Problem},
};

/// The client, counted against the quota of its address: a handler that takes it is only called for one that had some
/// left, and before the body is read.
pub(crate) struct Admitted<P> {
    pub(crate) client: Client,
    policy: PhantomData<P>,
}

/// A policy that counts by address, as a type.
pub(crate) trait PerAddress {
    const POLICY: Policy;
}

macro_rules! per_address {
    ($($(#[doc = $doc:literal])* $name:ident: $policy:expr;)+) => {
        $(
            $(#[doc = $doc])*
            pub(crate) struct $name;

            impl PerAddress for $name {
                const POLICY: Policy = $policy;
            }
        )+
    };
}

per_address! {
    /// Signing in.
    Logins: Policy::Login;
    /// Registering.
    Registrations: Policy::Registration;
    /// Asking for a mail.
    MailRequests: Policy::MailPerAddress;
}

/// The door of handlers that learn from the body whether a request is limited.
pub(crate) struct Gate(Arc<Exchange>);

impl Gate {
    /// Counts a request against the quota of its address.
    ///
    /// Between this node's bucket and the count of all nodes it takes a turn, so that logins in excess, however many come
    /// at once, are no load of the database. The turn ends with the count: nobody keeps it by a slow body.
    pub(crate) async fn admit(&self, app: &App, policy: Policy, client: &Client) -> Result<(), Problem> {
        let Some(passed) = limits::pass(app, policy, Subject::Address(client))? else { return Ok(()) };
        let _turn = turn(app, policy).inspect_err(|_| self.0.note_limit(passed.standing()))?;
        self.0.note_limit(passed.count(app).await?);
        Ok(())
    }
}

/// Takes a turn for what ends with a password to be hashed, where nobody knows yet who asks.
fn turn(app: &App, policy: Policy) -> Result<Option<Turn>, Overloaded> {
    let (logins, registrations) = (&app.metrics.logins, &app.metrics.registrations);
    match policy {
        Policy::Login => app.hasher.turn().inspect_err(|_| logins.count(LoginOutcome::Overloaded)).map(Some),
        Policy::Registration => {
            app.hasher.turn().inspect_err(|_| registrations.count(RegistrationOutcome::Overloaded)).map(Some)
        }
        Policy::MailPerAccount
        | Policy::RegistrationMail
        | Policy::AddressChangeMail
        | Policy::MailPerAddress
        | Policy::TypedCodes => Ok(None),
    }
}

impl FromRequestParts<Arc<App>> for Gate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        Exchange::of(parts).map(Self)
    }
}

impl<P: PerAddress> FromRequestParts<Arc<App>> for Admitted<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let client = Client::from_request_parts(parts, app).await?;
        Gate::from_request_parts(parts, app).await?.admit(app, P::POLICY, &client).await?;
        Ok(Self { client, policy: PhantomData })
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(standing) => Self::new(Code::RateLimited).limited(standing),
            LimitError::Database(error) => error.into(),
        }
    }
}
