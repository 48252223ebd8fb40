//! One client's connection, from the upgrade to the last byte: identify, converse, finish.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use concierge_api_rs::{CloseCode, limits};
use futures::FutureExt as _;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use crate::arrivals::Coming;
use crate::bucket::{Limit, Rates};
use crate::config::Config;
use crate::desk::{Cost, Desk, Seat};
use crate::endings::Endings;
use crate::frame::{self, Frame};
use crate::metrics;
use crate::peer::{Ending, Peer};
use crate::run::Run;
use crate::throttle::{Allowance, Throttle};
use crate::websocket::WebSocket;
use crate::wire::Wire;

/// Messages that one session takes before others have their turn.
const READ_BUDGET: usize = 256;
/// So much is read of messages before the state of the connection is looked at again.
const UNSEEN_BYTES: usize = 2048;
/// Copies that its messages and the news of what it changes make: a thousand small ones to everybody are not small.
const COPY_BUDGET: usize = 64 * 1024;

/// The times and sizes that a session goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    identify_within: Duration,
    ping_every: Duration,
    silent_for: Duration,
    stalled_for: Duration,
    payload_bytes: usize,
    outbox_bytes: usize,
    allowance: Allowance,
}

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let ms = Duration::from_millis;
        Self {
            identify_within: ms(config.limits.identify_within_ms),
            ping_every: ms(config.heartbeat.every_ms),
            silent_for: ms(config.heartbeat.every_ms + config.heartbeat.grace_ms),
            stalled_for: ms(config.limits.stall_ms),
            payload_bytes: config.limits.payload_bytes,
            outbox_bytes: config.limits.outbox_bytes,
            allowance: Allowance {
                messages_per_second: config.limits.messages_per_second,
                bytes_per_second: config.limits.bytes_per_second,
                endings_per_second: config.limits.endings_per_second,
                payload_bytes: config.limits.payload_bytes,
                excess_for: ms(config.limits.excess_ms),
            },
        }
    }
}

/// How a conversation came to its end.
#[derive(Debug)]
enum Outcome {
    /// The hub ends it with a close frame.
    Ended(Ending),
    /// The same, but what the peer sends cannot be understood any more.
    Broken(Ending),
    /// The peer sent a close frame; this is the answer.
    Closed(Vec<u8>),
    /// The connection is gone.
    Gone,
}

impl Outcome {
    /// For whoever tells of the end.
    fn note(&self, peer: &Peer) {
        match self {
            Self::Ended(ending) | Self::Broken(ending) => peer.end_with(ending.code, true),
            // a frame's header, then the code that it repeats; 1005 and 1006 are what RFC 6455 calls none, and no close frame
            Self::Closed(answer) => {
                let code = answer.get(2..4).and_then(|code| code.try_into().ok());
                peer.end_with(code.map_or(1005, u16::from_be_bytes), false);
            }
            Self::Gone => peer.end_with(1006, false),
        }
    }
}

/// Takes what a peer says. The hub's is the [`Desk`] with the peer's [`Seat`]; only `echo` has another.
pub(crate) trait Addressee {
    /// A text message, whose turn's messages meet in `run`.
    fn text(&mut self, run: &mut Run<'_>, text: &str) -> Cost;
    /// A binary message: it says nothing in the hub's protocol.
    fn binary(&mut self, _: &mut Run<'_>, _: &[u8]) {}
    /// The client begins to be held back by that limit.
    fn throttled(&mut self, _: Limit) {}
}

/// A client of the hub.
struct Seated<'a> {
    desk: &'a Desk,
    seat: Seat,
}

impl Addressee for Seated<'_> {
    fn text(&mut self, run: &mut Run<'_>, text: &str) -> Cost {
        self.desk.receive(&mut self.seat, run, text)
    }

    fn throttled(&mut self, limit: Limit) {
        self.desk.throttled(&self.seat, limit);
    }
}

/// A connection that was upgraded.
pub(crate) struct Opened {
    pub(crate) wire: Wire,
    /// Bytes that came with the request.
    pub(crate) early: Vec<u8>,
    pub(crate) peer: Arc<Peer>,
    /// Let go when it has identified.
    pub(crate) coming: Coming,
}

/// Runs a connection. The stages before and after the conversation are boxed, and what they need comes in a box or is borrowed:
/// an idle client does not carry it. `address`: what all clients of its address share.
#[expect(clippy::manual_async_fn, reason = "an async fn keeps what it was given twice, for as long as the client is here")]
pub(crate) fn run<'a>(
    opened: Box<Opened>,
    desk: &'a Desk,
    pace: &'a Pace,
    address: Option<&'a Arc<Rates>>,
    draining: &'a CancellationToken,
) -> impl Future<Output = ()> + Send + 'a {
    async move {
        let peer = opened.peer.clone();
        // before it identifies: leaving without having come is harmless
        let stay = Stay { peer: &peer, desk };
        let Some((mut ws, seat)) = Box::pin(enter(opened, desk, pace, draining)).await else { return };
        if draining.is_cancelled() {
            peer.condemn(going_away()); // it came in while the hub told the others
        }
        let outcome = Conversation::new(&peer, Seated { desk, seat }, pace, address).run(&mut ws).await;
        outcome.note(&peer);
        let ended = async {
            peer.shard().departures.leave(&peer, desk).await;
            finish(ws, &peer, outcome).await;
            drop(stay);
        };
        Box::pin(ended).await;
    }
}

/// Until the client has identified. `None`: its connection has ended.
async fn enter(opened: Box<Opened>, desk: &Desk, pace: &Pace, draining: &CancellationToken) -> Option<(WebSocket, Seat)> {
    let Opened { wire, early, peer, coming: _coming } = *opened;
    let mut ws = WebSocket::new(wire, early, pace.payload_bytes);
    let identified = AssertUnwindSafe(identify(&mut ws, &peer, desk, pace, draining)).catch_unwind().await;
    peer.flush(); // HELLO does not wait for the shard's flush, behind all that is ready to run
    match identified.unwrap_or_else(|_| Err(failed())) {
        Ok(seat) => Some((ws, seat)),
        Err(outcome) => {
            if let Outcome::Ended(ending) | Outcome::Broken(ending) = &outcome {
                desk.refused(peer.address, CloseCode::from_code(ending.code).map_or("OTHER", CloseCode::name), ending.code);
            }
            finish(ws, &peer, outcome).await;
            None
        }
    }
}

/// The same for a peer that need not identify and is nobody's client.
pub(crate) async fn run_unseated(opened: Opened, addressee: impl Addressee, pace: &Pace) {
    let Opened { wire, early, peer, coming } = opened;
    drop(coming);
    let mut ws = WebSocket::new(wire, early, pace.payload_bytes);
    let outcome = Conversation::new(&peer, addressee, pace, None).run(&mut ws).await;
    finish(ws, &peer, outcome).await;
}

/// A client's time in the hub, to the last byte; it leaves when this is dropped, even by a panic.
struct Stay<'a> {
    peer: &'a Arc<Peer>,
    desk: &'a Desk,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.desk.leave(self.peer); // it has left already, if nothing failed
        self.desk.over(self.peer);
    }
}

async fn identify(
    ws: &mut WebSocket,
    peer: &Arc<Peer>,
    desk: &Desk,
    pace: &Pace,
    draining: &CancellationToken,
) -> Result<Seat, Outcome> {
    let deadline = Instant::now() + pace.identify_within;
    let first = poll_fn(|cx| {
        // a pong queued by tungstenite wakes the session, which alone writes to a stream that it owns
        peer.waker().register(cx.waker());
        loop {
            ws.wire.poll_blocked(cx);
            if let Some(outcome) = over(peer) {
                return Poll::Ready(Err(outcome));
            }
            match std::task::ready!(ws.poll_next(cx)) {
                // pings are answered by tungstenite and are no payload
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                other => return Poll::Ready(Ok(other)),
            }
        }
    });
    let first = tokio::select! {
        biased; // a hub that drains takes nobody in, even one that spoke already
        () = draining.cancelled() => return Err(Outcome::Ended(going_away())),
        first = timeout_at(deadline, first) => first,
    };
    let late = || Outcome::Ended(Ending::new(CloseCode::AuthFailed, "no IDENTIFY in time"));
    match first.map_err(|_| late())?? {
        Some(Ok(Message::Text(text))) => desk.identify(peer, &text).map_err(Outcome::Ended),
        Some(Ok(Message::Binary(_))) => {
            Err(Outcome::Ended(Ending::new(CloseCode::FatalDecode, "the first message is binary, not an IDENTIFY payload")))
        }
        Some(Ok(Message::Close(close))) => Err(Outcome::Closed(frame::close_answer(close.as_ref()))),
        Some(Ok(_)) | None => Err(Outcome::Gone),
        Some(Err(e)) => Err(broken(&e)),
    }
}

pub(crate) fn going_away() -> Ending {
    Ending::new(CloseCode::GoingAway, "the hub is shutting down")
}

/// A panic, which is a defect of the hub: its message is in the log, this client's connection ends, nobody else's does.
fn failed() -> Outcome {
    Outcome::Broken(Ending::new(CloseCode::Unknown, "the hub failed; its log says why"))
}

/// What a frame that broke the rules leads to.
fn broken(error: &tungstenite::Error) -> Outcome {
    use tungstenite::Error;
    let ending = |code, reason: String| Outcome::Broken(Ending::new(code, reason));
    match error {
        Error::Capacity(e) => ending(CloseCode::TooBig, e.to_string()),
        Error::Utf8(e) => ending(CloseCode::InvalidUtf8, e.to_string()),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => Outcome::Gone,
        Error::Protocol(e) => ending(CloseCode::Protocol, e.to_string()),
        _ => Outcome::Gone,
    }
}

/// Whether somebody else, or the socket, ended it.
fn over(peer: &Peer) -> Option<Outcome> {
    let look = peer.look();
    if look.broken {
        return Some(Outcome::Gone);
    }
    if look.ended { peer.ending().map(Outcome::Ended) } else { None }
}

/// The time between HELLO and the end.
struct Conversation<'a, A> {
    peer: &'a Arc<Peer>,
    addressee: A,
    pace: &'a Pace,
    throttle: Option<Box<Throttle>>,
    endings: Endings,
    next_ping: Instant,
    heard: Instant,
    /// Since when the socket takes nothing, and how much it had taken by then.
    stalled: Option<(Instant, u64)>,
    /// So much waits for it that it is not read.
    full: bool,
}

impl<'a, A: Addressee> Conversation<'a, A> {
    fn new(peer: &'a Arc<Peer>, addressee: A, pace: &'a Pace, address: Option<&Arc<Rates>>) -> Self {
        let now = Instant::now();
        let throttle = Throttle::new(pace.allowance, address).map(Box::new);
        Self {
            peer,
            addressee,
            pace,
            throttle,
            endings: Endings::default(),
            next_ping: now + pace.ping_every,
            heard: now,
            stalled: None,
            full: false,
        }
    }

    async fn run(&mut self, ws: &mut WebSocket) -> Outcome {
        let mut timer = std::pin::pin!(sleep_until(self.next_ping));
        let conversing = poll_fn(|cx| self.poll(ws, timer.as_mut(), cx));
        AssertUnwindSafe(conversing).catch_unwind().await.unwrap_or_else(|_| failed())
    }

    /// In this order: writing frees memory; a decision made elsewhere ends it, whatever else is ready; then reading; the
    /// clock last, because what was just heard counts. The read budget keeps a flood from hiding the clock.
    fn poll(&mut self, ws: &mut WebSocket, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.peer.waker().register(cx.waker());
        ws.wire.poll_blocked(cx);
        let read = match over(self.peer) {
            Some(outcome) => return Poll::Ready(outcome),
            None => self.poll_turn(ws, cx),
        };
        let now = Instant::now();
        // a client that is not read cannot be heard; the stall sees to one that is gone
        if ws.wire.take_heard() || self.full || self.is_held() {
            self.heard = now;
        }
        if let Poll::Ready(outcome) = read {
            return Poll::Ready(outcome);
        }
        match self.due(now) {
            Err(ending) => return Poll::Ready(Outcome::Ended(ending)),
            Ok(next) if next != timer.deadline() => timer.as_mut().reset(next),
            Ok(_) => {}
        }
        if timer.poll(cx).is_ready() {
            cx.waker().wake_by_ref(); // it became due since `now`
        }
        Poll::Pending
    }

    /// Reads, and queues what came of it before others have their turn.
    fn poll_turn(&mut self, ws: &mut WebSocket, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut run = Run::new(self.peer, self.pace.outbox_bytes);
        self.poll_read(ws, &mut run, cx) // what came of it is queued when the run is dropped
    }

    fn poll_read(&mut self, ws: &mut WebSocket, run: &mut Run<'_>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let (mut copies, mut unseen) = (0, 0);
        let watched = self.peer.is_watched();
        for _ in 0..READ_BUDGET {
            // while a run goes on nothing is queued for the client itself but the run, which is short
            if !run.is_open() || unseen >= UNSEEN_BYTES {
                let look = self.peer.look();
                self.full = look.waiting > self.pace.outbox_bytes / 4;
                if self.full && look.blocked {
                    // it shall read its answers before it asks for more; what it could not send meanwhile is no excess
                    self.idle();
                    return Poll::Pending;
                }
                if look.ended || self.full {
                    break;
                }
                unseen = 0;
            }
            if copies >= COPY_BUDGET {
                break;
            }
            match std::task::ready!(self.poll_held(cx)) {
                Ok(Some(text)) => {
                    copies += self.text(run, &text);
                    continue; // it may have ended something
                }
                Ok(None) => {}
                Err(ending) => return Poll::Ready(Outcome::Ended(ending)),
            }
            let next = ws.poll_next(cx);
            if watched && let Poll::Ready(Some(Ok(message))) = &next {
                self.peer.came(message);
            }
            match next {
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    ws.wire.understood(text.len());
                    unseen += text.len();
                    match &mut self.throttle {
                        None => copies += self.text(run, &text),
                        Some(throttle) => throttle.take(text),
                    }
                }
                // the pong is queued as soon as reading goes on, behind the answers to what came before the ping
                Poll::Ready(Some(Ok(Message::Ping(ping)))) => {
                    run.end();
                    self.count(ping.len());
                }
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => {
                    self.count(bytes.len());
                    self.addressee.binary(run, &bytes);
                }
                Poll::Ready(Some(Ok(Message::Pong(bytes)))) => self.count(bytes.len()),
                Poll::Ready(Some(Ok(Message::Frame(_)))) => {}
                Poll::Ready(Some(Ok(Message::Close(close)))) => {
                    run.end();
                    return Poll::Ready(Outcome::Closed(frame::close_answer(close.as_ref())));
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(broken(&e)),
                Poll::Ready(None) => return Poll::Ready(Outcome::Gone),
                Poll::Pending => {
                    if !ws.wire.yielded() {
                        self.idle();
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether reading may go on, with the message to be taken first if there is one.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Utf8Bytes>, Ending>> {
        let ended = self.endings.poll_ready(cx);
        if let Some(limit) = self.endings.begun() {
            self.addressee.throttled(limit);
        }
        std::task::ready!(ended)?;
        let Some(throttle) = &mut self.throttle else { return Poll::Ready(Ok(None)) };
        let passed = throttle.poll_ready(cx);
        if let Some(limit) = throttle.begun() {
            self.addressee.throttled(limit);
        }
        passed
    }

    /// Hands a message on. How many copies were made.
    fn text(&mut self, run: &mut Run<'_>, text: &str) -> usize {
        let Cost { copies, ended } = self.addressee.text(run, text);
        if ended {
            self.endings.count(self.pace.allowance);
        }
        copies
    }

    /// Whether what it sent has to wait.
    fn is_held(&self) -> bool {
        self.endings.holds() || self.throttle.as_ref().is_some_and(|throttle| throttle.holds())
    }

    /// It has nothing more to say, or is not read for another reason than its own.
    fn idle(&mut self) {
        self.endings.idle();
        self.throttle.iter_mut().for_each(|throttle| throttle.idle());
    }

    /// What is no message counts as bytes all the same.
    fn count(&mut self, bytes: usize) {
        if let Some(throttle) = &mut self.throttle {
            throttle.take_bytes(bytes);
        }
    }

    /// Does what is due and says when to look again.
    fn due(&mut self, now: Instant) -> Result<Instant, Ending> {
        let look = self.peer.look();
        self.stalled = match self.stalled {
            _ if !look.blocked => None,
            Some((since, written)) if written == look.written => Some((since, written)),
            _ => Some((now, look.written)),
        };
        if let Some((since, _)) = self.stalled
            && now >= since + self.pace.stalled_for
        {
            let reason = format!("{} bytes wait, none was taken for {} s", look.waiting, self.pace.stalled_for.as_secs());
            return Err(Ending::new(CloseCode::SlowConsumer, reason));
        }
        let silent_at = self.heard + self.pace.silent_for;
        if now >= silent_at {
            return Err(Ending::new(CloseCode::HbFailed, format!("silent for {} s", self.pace.silent_for.as_secs())));
        }
        if now >= self.next_ping {
            self.peer.push(&Frame::Small(frame::PING));
            while self.next_ping <= now {
                self.next_ping += self.pace.ping_every;
            }
        }
        let stalled_at = self.stalled.map(|(since, _)| since + self.pace.stalled_for);
        Ok(self.next_ping.min(silent_at).min(stalled_at.unwrap_or(silent_at)))
    }
}

/// The closing handshake and the end of the stream, bounded in time. The peer reads our close frame before the socket
/// goes: what it still sends is read and forgotten, because closing a socket with unread bytes resets it.
async fn finish(mut ws: WebSocket, peer: &Arc<Peer>, outcome: Outcome) {
    let (code, understood) = match &outcome {
        Outcome::Gone => return metrics::closed(None),
        Outcome::Closed(answer) => {
            peer.answer_close(answer);
            (None, true)
        }
        Outcome::Ended(ending) => (Some(ending), true),
        Outcome::Broken(ending) => (Some(ending), false),
    };
    metrics::closed(peer.ending().as_ref().or(code).map(|ending| ending.code));
    if let Some(ending) = code {
        tracing::debug!(client = %peer.id, code = ending.code, reason = ending.reason, "connection ended");
        peer.condemn(ending.clone());
    }
    let slow = code.is_some_and(Ending::is_slow);
    let ms = Duration::from_millis;
    let to_write = ms(if slow { limits::SLOW_CLOSE_WITHIN_MS } else { limits::CLOSE_WITHIN_MS });
    let deadline = Instant::now() + to_write;
    let drained = timeout_at(
        deadline,
        poll_fn(|cx| {
            // reading goes on, or two peers that both wait for room would wait for ever
            let over = understood && poll_closed(&mut ws, cx);
            if !understood {
                let _end = ws.wire.poll_forget(cx);
            }
            ws.wire.poll_drain(cx).map(|()| over)
        }),
    );
    let Ok(closed) = drained.await else { return };
    let deadline = Instant::now() + ms(limits::CLOSE_WITHIN_MS);
    let goodbye = async {
        if understood && !closed {
            poll_fn(|cx| if poll_closed(&mut ws, cx) { Poll::Ready(()) } else { Poll::Pending }).await;
            poll_fn(|cx| ws.wire.poll_drain(cx)).await;
        }
        poll_fn(|cx| ws.wire.poll_end(cx)).await;
        poll_fn(|cx| ws.wire.poll_forget(cx)).await;
    };
    // a peer that does not answer in time loses its socket all the same
    let _in_time = timeout_at(deadline, goodbye).await;
}

/// Reads on, ignoring messages, until the peer's close frame or the end.
fn poll_closed(ws: &mut WebSocket, cx: &mut Context<'_>) -> bool {
    loop {
        match ws.poll_next(cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None | Some(Err(_))) => return true,
            Poll::Pending => return false,
        }
    }
}
