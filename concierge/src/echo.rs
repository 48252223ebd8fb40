//! The hub's transport without the hub: whatever a peer sends comes back. Test suites for WebSocket servers want that
//! (`tests/autobahn`); the command has no way to it.

use std::sync::Arc;

use crate::config::Config;
use crate::desk::Cost;
use crate::frame::{self, Frame};
use crate::ground::Machine;
use crate::peer::Peer;
use crate::run::Run;
use crate::server::{Server, StartError};
use crate::session::{self, Addressee, Opened, Pace};

/// Starts it: listener, HTTP, upgrade, wire, outbox and closing are those of [`Server::start`].
///
/// # Errors
/// [`StartError`]; nothing is left running.
pub async fn start(config: Config) -> Result<Server, StartError> {
    Server::start_as::<Machine>(config, true).await
}

pub(crate) async fn run(opened: Opened, pace: &Pace) {
    let echo = Echo { peer: opened.peer.clone() };
    session::run_unseated(opened, echo, pace).await;
}

struct Echo {
    peer: Arc<Peer>,
}

impl Echo {
    /// Queued like any answer of the hub: it may be larger than the outbox's bound.
    fn answer(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = Vec::new();
        write(&mut frame);
        let _ripe_or_refused = self.peer.queue_answer(&Frame::new(&frame));
    }
}

impl Addressee for Echo {
    fn text(&mut self, _: &mut Run<'_>, text: &str) -> Cost {
        self.answer(|frame| frame::text(frame, |to| to.extend_from_slice(text.as_bytes())));
        Cost { copies: 1, ended: false }
    }

    fn binary(&mut self, _: &mut Run<'_>, bytes: &[u8]) {
        self.answer(|frame| frame::binary(frame, |to| to.extend_from_slice(bytes)));
    }
}
