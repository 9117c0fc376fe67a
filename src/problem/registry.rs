//! The registry of problem codes: the one place where a code gets its status, its words and its page.

use axum::http::StatusCode;

/// What the registry says of a code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The word that clients branch on; it never changes.
    pub code: &'static str,
    /// The status that answers carry, unless the case says otherwise.
    pub status: u16,
    /// The kind of problem in a few words.
    pub title: &'static str,
    /// What happened, in a sentence.
    pub detail: &'static str,
    /// What the caller can do about it.
    pub remedy: &'static str,
}

/// Declares the codes: variant, status, word, title, detail, remedy.
macro_rules! registry {
    ($($variant:ident $status:literal $code:literal $title:literal $detail:literal $remedy:literal)*) => {
        /// All that can go wrong, as clients see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What the registry says of this code.
            #[must_use]
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        code: $code, status: $status, title: $title, detail: $detail, remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

registry! {
    MalformedBody 400 "malformed_body"
        "The body cannot be read"
        "The body is not well-formed JSON."
        "Send one JSON object in UTF-8, without duplicate keys and nested no deeper than 32."
    MalformedRequest 400 "malformed_request"
        "The request is not well-formed HTTP"
        "The head of the request breaks a rule of HTTP."
        "Send what the detail asks for; a client library does so by itself."
    InvalidCode 400 "invalid_code"
        "The code does not work"
        "The code is not valid for this: it was used, its time is over, a newer one has taken its place, or it was never issued."
        "Use the code of the newest mail, once, for what the mail says. Or ask for another one."
    InvalidCursor 400 "invalid_cursor"
        "The cursor is not valid"
        "The cursor was not made by this service for this list, or it was altered."
        "Begin again without a cursor, and ask every page with the same filters."
    InvalidCredentials 401 "invalid_credentials"
        "The credentials are wrong"
        "No active sign-in matches these credentials."
        "Check the address and the password. The answer is the same whether the account exists or not."
    MissingToken 401 "missing_token"
        "An access token is required"
        "The request carries no access token."
        "Sign in and send the access token as `Authorization: Bearer …`."
    InvalidToken 401 "invalid_token"
        "The access token is not valid"
        "The access token was not issued by this service, or not for this audience, or it was altered."
        "Send the access token exactly as it was issued, once, as `Authorization: Bearer …`."
    TokenExpired 401 "token_expired"
        "The access token has expired"
        "The access token was valid, but its time is over."
        "Trade the refresh token for a new pair at `/auth/refresh`, or sign in again."
    SessionEnded 401 "session_ended"
        "The session has ended"
        "The session was ended by a sign-out, a new password, an administrator or its age."
        "Sign in again."
    InvalidRefreshToken 401 "invalid_refresh_token"
        "The refresh token is not valid"
        "The refresh token was not issued by this service, or it was altered."
        "Send the refresh token exactly as it was issued, or sign in again."
    RefreshTokenReused 401 "refresh_token_reused"
        "The refresh token was used before"
        "A refresh token can be spent once. This one had been spent, so its session has been ended."
        "Sign in again. If you did not use the token twice, somebody else may hold a copy: change the password."
    AccountDisabled 403 "account_disabled"
        "The account is disabled"
        "An administrator has disabled this account."
        "Ask whoever runs the service."
    EmailUnverified 403 "email_unverified"
        "The address has not been confirmed"
        "This service lets people in once they have confirmed their e-mail address."
        "Open the link in the mail that was sent after registration, or ask for another one."
    Forbidden 403 "forbidden"
        "Not allowed"
        "The user lacks the role that this needs."
        "Sign in as a user with the role, or ask an administrator for it."
    RegistrationDisabled 403 "registration_disabled"
        "Registration is closed"
        "This service does not accept registrations."
        "Ask whoever runs the service for an account."
    HttpsRequired 403 "https_required"
        "Only over HTTPS"
        "The request came over plain HTTP, so what it carries could be read on the way."
        "Send it to the https address. If it carried a password or a token, change or end that: others may have it."
    NotFound 404 "not_found"
        "Nothing is here"
        "No resource has this path."
        "Check the path against the documentation at `/docs`."
    SessionNotFound 404 "session_not_found"
        "No such session"
        "None of the user's open sessions has this id."
        "List the sessions again; it may have ended meanwhile."
    UserNotFound 404 "user_not_found"
        "No such user"
        "No user has this id."
        "Search again; the account may have been deleted meanwhile."
    MethodNotAllowed 405 "method_not_allowed"
        "The method does not fit the path"
        "The path exists, but not for this method."
        "Use one of the methods that the `Allow` header lists."
    RequestTimeout 408 "request_timeout"
        "The request took too long"
        "The request did not arrive whole, or was not answered, within its time."
        "Send it again; if it keeps happening, ask whoever runs the service."
    EmailTaken 409 "email_taken"
        "The address is taken"
        "An account with this e-mail address exists already."
        "Sign in, or reset the password, or use another address."
    UsernameTaken 409 "username_taken"
        "The username is taken"
        "An account with this username exists already; case does not make a difference."
        "Choose another username."
    LastAdmin 409 "last_admin"
        "This is the last administrator"
        "Nobody else has the role `admin` and may sign in."
        "Make somebody else an administrator first."
    PreconditionFailed 412 "precondition_failed"
        "It has changed meanwhile"
        "The user is another version than the one that `If-Match` names."
        "Get the user again, look at what has changed, and decide anew."
    BodyTooLarge 413 "body_too_large"
        "The body is too large"
        "The body is larger than this service reads."
        "Send a smaller body; the limit is 64 KiB unless configured otherwise."
    UnsupportedMediaType 415 "unsupported_media_type"
        "The body has the wrong media type"
        "This path reads another media type than the one that was sent."
        "Send the body with the content type that the documentation names, usually `application/json`."
    ValidationFailed 422 "validation_failed"
        "Some fields are not acceptable"
        "The body is well-formed, but fields are missing or break their rules."
        "Read `errors`: it has an entry for each field."
    TooManyAttempts 429 "too_many_attempts"
        "Too many failed sign-ins"
        "Sign-in to this account has failed too often."
        "Wait as long as `Retry-After` says. Resetting the password clears the wait."
    RateLimited 429 "rate_limited"
        "Too many requests"
        "This address sends more requests than the service accepts."
        "Wait as long as `Retry-After` says."
    InternalError 500 "internal_error"
        "Something went wrong here"
        "The service failed to answer. It is not the request's fault."
        "Try again later. Quote the request id to whoever runs the service: the log has the cause under it."
    Overloaded 503 "overloaded"
        "Too busy to sign anyone in"
        "More passwords are waiting to be checked than can be checked in time."
        "Wait as long as `Retry-After` says."
    ServiceUnavailable 503 "service_unavailable"
        "Temporarily unavailable"
        "Something this service depends on does not answer."
        "Wait as long as `Retry-After` says and try again. If the request was to change something, look first whether it did."
}

impl Code {
    /// The word that clients branch on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().code
    }

    /// The code that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// The status that answers with this code carry, unless the case says otherwise.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
