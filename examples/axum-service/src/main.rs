//! A service that lets in who Countersign has signed in.
//!
//! `GET /me` is for everybody with a token, `GET /admin` for those with the role `admin`. It keeps no users, no
//! passwords and no sessions.
//!
//! | variable | meaning |
//! |---|---|
//! | `ISSUER` | the public address of Countersign |
//! | `AUDIENCE` | whom tokens must be for; by default the issuer, as Countersign has it |
//! | `JWKS_URL` | where its keys are, if not at `$ISSUER/.well-known/jwks.json` |
//! | `JWT_SECRET` | the shared secret instead of keys, if Countersign signs with HS256 |
//! | `LISTEN` | where to listen, by default `127.0.0.1:8080` |

use axum::routing::get;
use axum::{Json, Router};
use countersign_token::{Claims, CurrentUser, Issuer, KeySet, Role, VerificationKey, Verifier};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(variable("LISTEN").unwrap_or("127.0.0.1:8080".into())).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router(issuer()?)).await?)
}

fn router(issuer: Issuer) -> Router {
    Router::new().route("/me", get(me)).route("/admin", get(admin)).with_state(issuer)
}

async fn me(user: CurrentUser) -> Json<Claims> {
    Json(user.claims)
}

async fn admin(user: CurrentUser<Admin>) -> String {
    format!("user {} is an administrator", user.id())
}

struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

fn issuer() -> anyhow::Result<Issuer> {
    let issuer = variable("ISSUER").ok_or_else(|| anyhow::anyhow!("ISSUER is missing"))?;
    let audience = variable("AUDIENCE").unwrap_or_else(|| issuer.clone());
    if let Some(secret) = variable("JWT_SECRET") {
        let keys = KeySet::new([VerificationKey::from_secret(secret.as_bytes())?])?;
        return Ok(Verifier::new(issuer, audience, keys).into());
    }
    let mut builder = Issuer::builder(issuer, audience);
    if let Some(url) = variable("JWKS_URL") {
        builder = builder.jwks_url(url);
    }
    Ok(builder.start()?)
}

#[expect(clippy::disallowed_methods, reason = "the rule is for Countersign, which has a configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
