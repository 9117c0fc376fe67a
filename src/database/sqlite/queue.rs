//! The queue for the one writer: first come, first served.
//!
//! A semaphore would do, but for this: a turn that is granted to a task which has stopped being polled would be held
//! for ever. Here the time of a turn counts from its being granted, and the committing thread takes it back when it
//! is over, whatever its owner does.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Names a turn. Never used twice.
pub(super) type Ticket = u64;

pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the committing thread.
    duty: Condvar,
    lease: Duration,
}

#[derive(Default)]
struct State {
    holder: Holder,
    waiting: VecDeque<Waiting>,
    last: Ticket,
    /// The committing thread stands in the queue, or has its turn.
    commit_asked: bool,
    /// The committing thread sleeps without a time to wake.
    dozing: bool,
    closing: bool,
}

#[derive(Default)]
enum Holder {
    #[default]
    Nobody,
    Task {
        ticket: Ticket,
        until: Instant,
    },
    Committer,
}

enum Waiting {
    Task { ticket: Ticket, granted: oneshot::Sender<()> },
    Committer,
}

/// What the committing thread is to do next.
pub(super) enum Duty {
    /// End the group: it is this thread's turn.
    Commit,
    /// This turn has lasted too long.
    Revoke(Ticket),
    /// The database is closed.
    Leave,
}

impl Queue {
    pub(super) fn new(lease: Duration) -> Self {
        Self { state: Mutex::default(), duty: Condvar::new(), lease }
    }

    /// Takes a place. Without a receiver the turn is granted at once; otherwise the receiver tells when.
    ///
    /// The receiver must be dropped before the ticket is left: a turn granted to a dropped receiver is passed on.
    pub(super) fn enter(&self) -> (Ticket, Option<oneshot::Receiver<()>>) {
        let mut state = self.lock();
        state.last += 1;
        let ticket = state.last;
        if matches!(state.holder, Holder::Nobody) {
            state.holder = Holder::Task { ticket, until: Instant::now() + self.lease };
            self.wake_dozing(&state);
            return (ticket, None);
        }
        let (granted, receiver) = oneshot::channel();
        state.waiting.push_back(Waiting::Task { ticket, granted });
        (ticket, Some(receiver))
    }

    /// When this turn will be taken back; `None` when it is over already.
    pub(super) fn until(&self, ticket: Ticket) -> Option<Instant> {
        match self.lock().holder {
            Holder::Task { ticket: holder, until } if holder == ticket => Some(until),
            Holder::Nobody | Holder::Task { .. } | Holder::Committer => None,
        }
    }

    /// Ends a turn and grants the next. `commit`: a group is open, so the committing thread needs a turn as well.
    pub(super) fn leave(&self, ticket: Ticket, commit: bool) {
        let mut state = self.lock();
        if !matches!(state.holder, Holder::Task { ticket: holder, .. } if holder == ticket) {
            return;
        }
        if commit && !state.commit_asked {
            state.commit_asked = true;
            state.waiting.push_back(Waiting::Committer);
        }
        self.grant_next(&mut state);
    }

    /// Ends the turn of the committing thread.
    pub(super) fn leave_committer(&self) {
        let mut state = self.lock();
        state.commit_asked = false;
        self.grant_next(&mut state);
    }

    /// Waits for something to do.
    pub(super) fn next_duty(&self) -> Duty {
        let mut state = self.lock();
        loop {
            let wait = match state.holder {
                Holder::Committer => return Duty::Commit,
                Holder::Task { ticket, until } => match until.checked_duration_since(Instant::now()) {
                    None => return Duty::Revoke(ticket),
                    Some(left) => Some(left),
                },
                Holder::Nobody if state.closing => return Duty::Leave,
                Holder::Nobody => None,
            };
            // Granting a turn wakes nobody: a thread that sleeps until the last one's end finds the next one's then.
            state = if let Some(left) = wait {
                self.duty.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                state.dozing = true;
                let mut woken = self.duty.wait(state).unwrap_or_else(PoisonError::into_inner);
                woken.dozing = false;
                woken
            };
        }
    }

    /// Lets the committing thread go when nobody holds a turn any more.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.duty.notify_one();
    }

    /// How many wait for a turn.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn grant_next(&self, state: &mut State) {
        while let Some(next) = state.waiting.pop_front() {
            match next {
                Waiting::Committer => {
                    state.holder = Holder::Committer;
                    self.duty.notify_one();
                    return;
                }
                // Who has left the queue has dropped the receiver.
                Waiting::Task { ticket, granted } => {
                    if granted.send(()).is_ok() {
                        state.holder = Holder::Task { ticket, until: Instant::now() + self.lease };
                        self.wake_dozing(state);
                        return;
                    }
                }
            }
        }
        state.holder = Holder::Nobody;
        if state.closing {
            self.duty.notify_one();
        }
    }

    fn wake_dozing(&self, state: &State) {
        if state.dozing {
            self.duty.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
