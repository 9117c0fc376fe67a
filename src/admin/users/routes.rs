//! `/admin/users`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ChangeError, Changes, Seen,
    search::{self, Position, Query},
};
use crate::{
    app::App,
    audit::By,
    auth::dependencies::{CurrentAdmin, Fields, FromFields, Parameters, Payload, Segment},
    domain::{Client, Roles, UserId},
    models::account::Account,
    problem::{Code, Problem, refusals},
    schemas::User,
};

refusals!(SearchRefusals: Forbidden, InvalidCursor, ValidationFailed);
refusals!(FindRefusals: Forbidden, UserNotFound);
refusals!(ChangeRefusals: Forbidden, UserNotFound, LastAdmin, PreconditionFailed);

/// Searches the users by the beginning of their address or name, in any case; without `query`, lists all.
///
/// Those whose address matches come first. A page may be asked for while users come and go: nobody is shown twice or
/// left out who was there all the time.
#[utoipa::path(
    get, path = "/admin/users", operation_id = "search_users", tag = "admin", security(("bearer" = [])),
    params(
        ("query" = Option<String>, Query, description = "What the address or the name begins with.", example = "ada"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, with the same `query`."),
        ("limit" = Option<u8>, Query, description = "How many users a page has at most: 1 to 100, 50 by default.",
         minimum = 1, maximum = 100, example = 50),
    ),
    responses((status = OK, description = "A page of users.", body = Users), SearchRefusals),
)]
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    _admin: CurrentAdmin,
    mut parameters: Parameters,
) -> Result<Json<Users>, Problem> {
    let query = Query::of(&parameters.text("query").unwrap_or_default());
    let (limit, cursor) = (parameters.limit(), parameters.text("cursor"));
    parameters.checked()?;
    let question = ["admin/users", query.as_str()];
    let after = cursor.map(|cursor| {
        let position = app.cursors.read(&question, &cursor).and_then(|position| Position::parse(&position));
        position.ok_or_else(|| Problem::new(Code::InvalidCursor))
    });
    let page = search::search(&app.database, &query, after.transpose()?.as_ref(), limit).await?;
    let next_cursor = page.next.map(|position| app.cursors.write(&question, &position.to_string()));
    Ok(Json(Users { users: page.users.iter().map(User::from).collect(), next_cursor }))
}

/// Shows a user, and their version as `ETag`.
#[utoipa::path(
    get, path = "/admin/users/{id}", operation_id = "find_user", tag = "admin", security(("bearer" = [])),
    params(("id" = i64, Path, description = "The user's number.", example = 1)),
    responses(
        (status = OK, description = "The user.", body = User,
         headers(("ETag" = String, description = "The version, for `If-Match`."))),
        FindRefusals
    ),
)]
pub(crate) async fn find(
    State(app): State<Arc<App>>,
    _admin: CurrentAdmin,
    Segment(id): Segment,
) -> Result<Versioned, Problem> {
    let account = super::find(app.as_ref().into(), parse(&id)?).await?;
    account.map(Versioned).ok_or_else(|| Problem::new(Code::UserNotFound))
}

/// Changes what is given of a user. Who is disabled or loses a role is signed out everywhere.
///
/// With `If-Match`, only if the user is still that version.
#[utoipa::path(
    patch, path = "/admin/users/{id}", operation_id = "change_user", tag = "admin", security(("bearer" = [])),
    params(
        ("id" = i64, Path, description = "The user's number.", example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the user as you saw them."),
    ),
    request_body = Body,
    responses(
        (status = OK, description = "The user as they are from now on.", body = User,
         headers(("ETag" = String, description = "The version, for `If-Match`."))),
        ChangeRefusals
    ),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    CurrentAdmin { user: admin }: CurrentAdmin,
    Asked { id, seen, client }: Asked,
    Payload(Body { changes }): Payload<Body>,
) -> Result<Versioned, Problem> {
    let by = By::admin(admin.id, &client);
    Ok(Versioned(super::change(app.as_ref().into(), id, &changes, (&seen, by)).await?))
}

/// Deletes a user and ends every session of theirs. With `If-Match`, only if the user is still that version.
#[utoipa::path(
    delete, path = "/admin/users/{id}", operation_id = "delete_user", tag = "admin", security(("bearer" = [])),
    params(
        ("id" = i64, Path, description = "The user's number.", example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the user as you saw them."),
    ),
    responses((status = NO_CONTENT, description = "The user is gone."), ChangeRefusals),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    CurrentAdmin { user: admin }: CurrentAdmin,
    Asked { id, seen, client }: Asked,
) -> Result<StatusCode, Problem> {
    super::delete(app.as_ref().into(), id, (&seen, By::admin(admin.id, &client))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of a user.
#[utoipa::path(
    post, path = "/admin/users/{id}/logout", operation_id = "log_out_user", tag = "admin", security(("bearer" = [])),
    params(("id" = i64, Path, description = "The user's number.", example = 1)),
    responses((status = NO_CONTENT, description = "Every session of the user has ended."), FindRefusals),
)]
pub(crate) async fn log_out(
    State(app): State<Arc<App>>,
    CurrentAdmin { user: admin }: CurrentAdmin,
    Asked { id, client, .. }: Asked,
) -> Result<StatusCode, Problem> {
    super::log_out(app.as_ref().into(), id, By::admin(admin.id, &client)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Some of the users that match.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    /// The users.
    users: Vec<User>,
    /// What to send as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

/// What an administrator may change of a user; what is absent or null stays.
#[derive(ToSchema)]
#[schema(as = UserChanges, example = json!({"is_active": true, "roles": ["support"], "email_verified": true}))]
#[expect(dead_code, reason = "it is the schema of a body that is read field by field")]
pub(crate) struct Schema {
    /// Whether the user may sign in.
    is_active: Option<bool>,
    /// All of their roles from now on.
    roles: Option<Roles>,
    /// Whether the address counts as confirmed.
    email_verified: Option<bool>,
}

/// The changes that a body asks for.
pub(crate) struct Body {
    changes: Changes,
}

impl utoipa::PartialSchema for Body {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Schema::schema()
    }
}

impl ToSchema for Body {
    fn name() -> std::borrow::Cow<'static, str> {
        Schema::name()
    }
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let roles = fields.texts("roles").map(|names| Roles::parse(names.iter().map(String::as_str)));
        let roles = roles.and_then(|parsed| fields.checked("roles", parsed));
        let (is_active, email_verified) = (fields.truth("is_active"), fields.truth("email_verified"));
        Some(Self { changes: Changes { is_active, roles, email_verified } })
    }
}

/// Which user, of which version, and where the request comes from.
pub(crate) struct Asked {
    id: UserId,
    seen: Seen,
    client: Client,
}

impl axum::extract::FromRequestParts<Arc<App>> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Segment(id) = Segment::from_request_parts(parts, app).await?;
        let client = Client::from_request_parts(parts, app).await?;
        Ok(Self { id: parse(&id)?, seen: seen(&parts.headers), client })
    }
}

/// A user with their version.
pub(crate) struct Versioned(Account);

impl IntoResponse for Versioned {
    fn into_response(self) -> Response {
        let version = format!("\"{}\"", self.0.version());
        ([(header::ETAG, version)], Json(User::from(&self.0.user))).into_response()
    }
}

/// The versions that `If-Match` names (RFC 9110 §13.1.1). A weak one matches nothing, and so does what is no version.
fn seen(headers: &HeaderMap) -> Seen {
    let values: Vec<&str> =
        headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    if values.is_empty() || values == ["*"] {
        return Seen::Any;
    }
    let tags = values.iter().flat_map(|value| value.split(',')).map(str::trim);
    let strong = tags.filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
    Seen::OneOf(strong.map(str::to_owned).collect())
}

fn parse(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::UserNotFound))
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::new(Code::UserNotFound),
            ChangeError::Outdated => Self::new(Code::PreconditionFailed),
            ChangeError::LastAdmin => Self::new(Code::LastAdmin),
            ChangeError::Database(error) => error.into(),
        }
    }
}
