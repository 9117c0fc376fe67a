//! What every test stands on: the whole service with an empty database, and people who use it.

mod answer;
mod app;
mod engine;
pub(crate) mod mail;
mod person;
#[path = "../../support/postgres.rs"]
mod postgres;

pub(crate) use answer::Answer;
pub(crate) use app::{ROOT_SECRET, TestApp};
pub(crate) use engine::Engine;
pub(crate) use person::Person;
