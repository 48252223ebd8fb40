//! One connection after HELLO: what goes out, what comes in, and how it ends.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use concierge_api_rs::{Hello, cut_reason};
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use crate::connect::{self, Socket};
use crate::status::Ending;

/// How long the end of TCP is awaited after the hub's close frame.
const LINGER: Duration = Duration::from_secs(2);

/// One connection after HELLO.
pub(crate) struct Link {
    socket: Socket,
    pub(crate) hello: Arc<Hello>,
    unflushed: bool,
}

/// What happened on a connection.
pub(crate) enum Turn<R> {
    /// A payload came.
    Text(Utf8Bytes),
    /// A frame came that carries no payload: the hub lives.
    Heard,
    /// A request is to be sent; `None` when none will ever come.
    Request(Option<R>),
    /// It is over.
    Ended(Ending),
}

impl Link {
    pub(crate) fn new(socket: Socket, hello: Hello) -> Self {
        Self { socket, hello: Arc::new(hello), unflushed: false }
    }

    /// The next thing that happens. Requests, if any are wanted now, are taken only while the socket takes what was sent
    /// before, so a hub that does not read holds them back; frames are read even then, or both sides could wait for each other.
    pub(crate) async fn turn<R>(&mut self, mut requests: Option<&mut mpsc::Receiver<R>>) -> Turn<R> {
        std::future::poll_fn(|cx| self.poll_turn(cx, requests.as_deref_mut())).await
    }

    fn poll_turn<R>(&mut self, cx: &mut Context<'_>, requests: Option<&mut mpsc::Receiver<R>>) -> Poll<Turn<R>> {
        match self.poll_flush(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Turn::Ended(lost(error))),
            // requests before frames: what may be in flight is bounded, what the hub sends is not
            Poll::Ready(Ok(())) => {
                if let Some(Poll::Ready(request)) = requests.map(|requests| requests.poll_recv(cx)) {
                    return Poll::Ready(Turn::Request(request));
                }
            }
            Poll::Pending => {}
        }
        Poll::Ready(match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(Message::Text(text))) => Turn::Text(text),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = connect::close_parts(frame);
                Turn::Ended(Ending::ByHub { code, reason })
            }
            Some(Ok(_)) => Turn::Heard,
            Some(Err(error)) => Turn::Ended(lost(error)),
            None => Turn::Ended(abrupt()),
        })
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), tungstenite::Error>> {
        if self.unflushed {
            ready!(self.socket.poll_flush_unpin(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes a payload for the next flush. An error shows again at the next turn, as the end.
    pub(crate) fn write(&mut self, text: String) {
        self.unflushed = true;
        if let Err(error) = self.socket.start_send_unpin(Message::text(text)) {
            tracing::debug!(%error, "a payload could not be written");
        }
    }

    /// Says good-bye and waits, bounded, for the hub's.
    pub(crate) async fn close(mut self, code: CloseCode, reason: &str, within: Duration) {
        let frame = CloseFrame { code, reason: cut_reason(reason).into() };
        let farewell = async {
            self.socket.close(Some(frame)).await?;
            while self.socket.next().await.transpose()?.is_some() {}
            Ok::<_, tungstenite::Error>(())
        };
        let _ = tokio::time::timeout(within, farewell).await; // it is over either way
    }

    /// After the hub's close frame: sends the answer and lets the hub end TCP.
    pub(crate) async fn finish(mut self) {
        let last = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(LINGER, last).await; // it is over either way
    }
}

fn lost(error: tungstenite::Error) -> Ending {
    if connect::is_abrupt(&error) { abrupt() } else { Ending::Lost(Arc::new(error)) }
}

fn abrupt() -> Ending {
    Ending::ByHub { code: 1006, reason: String::new() }
}
