//! `countersign user list`, `show` and `sessions`.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    admin::users::search::{Query, search},
    cli::{answer, answer_json, opened::Opened, table},
    models::{session::Session, user::User},
    schemas,
};

pub(super) async fn list(opened: &Opened, query: &str, (limit, json): (usize, bool)) -> anyhow::Result<ExitCode> {
    let page = search(&opened.database, &Query::of(query), None, limit).await?;
    if json {
        let users: Vec<_> = page.users.iter().map(schemas::User::from).collect();
        return answer_json(&users);
    }
    let rows: Vec<_> = page.users.iter().map(row).collect();
    let mut text = table::written(HEADING, &rows, "no users");
    if page.next.is_some() {
        text.push_str("… and more: say what their address begins with, or give a higher --limit\n");
    }
    answer(text.as_bytes())
}

pub(super) fn one(user: &User, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        return answer_json(&schemas::User::from(user));
    }
    answer(table::written(HEADING, &[row(user)], "").as_bytes())
}

pub(super) async fn sessions(opened: &Opened, user: &User, json: bool) -> anyhow::Result<ExitCode> {
    let now = opened.now();
    let idle_ttl = opened.config.tokens.refresh_idle_ttl();
    let open = Session::open_of(&opened.database, user.id, now, now - idle_ttl).await?;
    let ends = |session: &Session| session.expires_at.min(session.refreshed_at + idle_ttl);
    if json {
        let as_json = |session: &Session| {
            json!({
                "id": session.id, "created_at": session.created_at, "last_used_at": session.refreshed_at,
                "expires_at": ends(session), "ip": session.ip, "user_agent": session.user_agent,
            })
        };
        return answer_json(&open.iter().map(as_json).collect::<Vec<_>>());
    }
    let row = |session: &Session| {
        [
            session.id.to_string(),
            session.created_at.to_string(),
            session.refreshed_at.to_string(),
            ends(session).to_string(),
            session.ip.clone().unwrap_or_default(),
            session.user_agent.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = open.iter().map(row).collect();
    let heading = ["SESSION", "OPENED", "LAST USED", "ENDS", "ADDRESS", "CLIENT"];
    answer(table::written(heading, &rows, "no open sessions").as_bytes())
}

const HEADING: [&str; 7] = ["ID", "EMAIL", "USERNAME", "ACTIVE", "VERIFIED", "ROLES", "CREATED"];

fn row(user: &User) -> [String; 7] {
    let word = |truth| if truth { "yes" } else { "no" }.to_owned();
    [
        user.id.to_string(),
        user.email.as_str().to_owned(),
        user.username.as_str().to_owned(),
        word(user.is_active),
        word(user.email_verified),
        user.roles.to_string(),
        user.created_at.to_string(),
    ]
}
