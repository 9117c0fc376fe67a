//! The post: letters leave as they are posted, a few at a time.
//!
//! Each hand takes one letter, so the memory in use does not depend on how many wait. A letter posted here wakes a hand
//! at once; one posted by a node that has died, or put off until now, is found by looking.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::for_ever;
use crate::{
    app::App,
    database::DatabaseError,
    letters::{self, Delivery},
};

/// How often to look for letters that nobody has told of. A read of an index that is mostly empty.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Delivers letters until it is dropped.
pub(super) async fn deliver(app: &Arc<App>) {
    if !app.mailer.has_a_way() {
        return;
    }
    let hands = 0..app.config.mail.max_connections;
    join_all(hands.map(|hand| for_ever("deliver_letters", move || deliver_with(app, hand)))).await;
}

/// One hand. The first one looks most often; a letter that it finds wakes the next.
async fn deliver_with(app: &App, hand: u32) {
    let posted = app.mailer.posted();
    loop {
        let pause = match next(app).await {
            Delivery::Done => continue,
            Delivery::Later(retry_after) => {
                sleep(retry_after.min(LOOK_INTERVAL)).await;
                continue;
            }
            Delivery::Nothing => LOOK_INTERVAL * (1 + hand).min(5),
        };
        tokio::select! {
            () = posted.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

async fn next(app: &App) -> Delivery {
    // Whoever is about to end leaves the letters to others, and finishes the one in hand.
    if app.stopping.has_begun() {
        return Delivery::Nothing;
    }
    letters::deliver_one(app).await.unwrap_or_else(|error| {
        if let DatabaseError::Refused { .. } = error {
            // The database's breaker is open, and has said so.
            debug!(%error, "letters could not be looked for");
        } else {
            warn!(%error, "letters could not be looked for");
        }
        Delivery::Later(LOOK_INTERVAL)
    })
}
