//! What the commands of a client share: to connect, to be stopped, and to tell how the connection is.

use std::io;

use concierge_client::{Client, Ending, Intent, Reconnect, Status, StatusChanges};
use futures::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::client_args::ClientArgs;
use super::exit::{Exit, Failure, exit_of_close};
use super::output::Output;

/// What a command asks for that prints nothing of others: answers come always.
pub(crate) const NOTHING: [Intent; 0] = [];

/// A connection for one question: it fails when it is lost.
pub(crate) async fn once(args: &ClientArgs, intents: impl IntoIterator<Item = Intent>) -> Result<Client, Failure> {
    Ok(Client::connect(args.options()?.intents(intents).reconnect(None)).await?)
}

/// A connection that is made again when it is lost.
pub(crate) async fn lasting(args: &ClientArgs, intents: impl IntoIterator<Item = Intent>) -> Result<Client, Failure> {
    Ok(Client::connect(args.options()?.intents(intents).reconnect(Reconnect::default())).await?)
}

/// SIGINT (Ctrl-C) and SIGTERM, from the moment that this exists.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one of them. Nothing is lost when this is dropped.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            biased; // either will do
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// The failure of a command that was stopped before it had done what it was asked.
    pub(crate) fn failure() -> Failure {
        Failure::new(Exit::Interrupted, "interrupted")
    }
}

/// Keeps a client until it is stopped, and tells meanwhile how its connection is. `status` begins with what is known already.
///
/// # Errors
/// The connection has ended for good.
pub(crate) async fn hold(
    client: &Client,
    mut status: StatusChanges,
    stop: &mut Stop,
    output: &mut Output,
) -> Result<(), Failure> {
    status.next().await; // it is connected
    loop {
        tokio::select! {
            biased; // to stop comes first
            () = stop.asked() => break,
            now = status.next() => tell(now, output)?,
        }
    }
    client.close().await;
    Ok(())
}

/// Tells how the connection is, but for its beginning.
///
/// # Errors
/// The connection has ended for good.
pub(crate) fn tell(status: Option<Status>, output: &mut Output) -> Result<(), Failure> {
    match status {
        Some(Status::Disconnected { why, again_in }) => {
            output.note(&format!("{why}; connecting again in {:.1} s", again_in.as_secs_f32()));
        }
        Some(Status::Connecting { .. }) => {}
        Some(Status::Connected(_)) => output.note("connected"),
        Some(Status::Closed(ending)) => return Err(ended(&ending)),
        None => return Err(Failure::new(Exit::Unreachable, "the connection ended")),
    }
    Ok(())
}

/// The end of a connection as a failure.
fn ended(ending: &Ending) -> Failure {
    match ending {
        Ending::Refused(error) => error.as_ref().into(),
        _ => match ending.close_code() {
            Some(code) => Failure::new(exit_of_close(code), ending.to_string()).try_next(code.remedy()),
            None => Failure::new(Exit::Unreachable, ending.to_string()),
        },
    }
}
