//! The bare handler: axum answering what `/auth/me` answers, without asking who asks.
//!
//! It is the ceiling for any axum service: no token, no database, no log, no headers.

use std::net::SocketAddr;

use axum::{Json, Router, routing::get};
use serde::Serialize;
use tokio::net::TcpListener;

#[derive(Serialize)]
struct User {
    id: i64,
    email: &'static str,
    username: &'static str,
    is_active: bool,
    email_verified: bool,
    roles: [&'static str; 0],
    created_at: &'static str,
    updated_at: &'static str,
}

/// Serves until it is ended.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let router = Router::new().route("/auth/me", get(me)).route("/health/ready", get(async || "ready"));
    axum::serve(TcpListener::bind(listen).await?, router).await?;
    Ok(())
}

async fn me() -> Json<User> {
    Json(User {
        id: 1,
        email: "visitor-0@example.com",
        username: "visitor-0",
        is_active: true,
        email_verified: false,
        roles: [],
        created_at: "2026-11-22T12:00:00.000Z",
        updated_at: "2026-11-22T12:00:00.000Z",
    })
}
