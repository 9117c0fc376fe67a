//! Countersign: a self-hosted authentication service.
//!
//! The house has floors, and imports go down only:
//!
//! | floor | modules | what it knows |
//! |---|---|---|
//! | entry | [`cli`], [`server`], [`router`], [`openapi`] | how the parts are put together |
//! | faces | `auth/*/routes`, [`auth::dependencies`], [`middleware`], [`pages`], [`health`], [`problem`], [`schemas`] | HTTP |
//! | verbs | `auth/*`, [`admin`], [`audit`], [`keys`], [`letters`], [`jobs`], [`moving`] | the rules of authentication |
//! | nouns | [`models`] | SQL |
//! | tools | [`app`], [`config`], [`database`], [`crypto`], [`breaches`], [`circuit_breaker`], [`limits`], [`mail`], [`metrics`], [`telemetry`], [`traces`] | the outside |
//! | words | [`domain`], [`clock`] | themselves |
//!
//! A login, read downward: `auth/login/routes.rs` → `auth/login/mod.rs` → `models/user.rs`, `models/session.rs`.

pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod breaches;
pub mod circuit_breaker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod database;
pub mod domain;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod letters;
pub mod limits;
pub mod mail;
pub mod metrics;
pub mod middleware;
pub mod models;
pub mod moving;
pub mod oauth;
pub mod openapi;
mod outgoing;
pub mod pages;
pub mod problem;
pub mod router;
pub mod schemas;
pub mod server;
pub mod telemetry;
pub mod traces;
