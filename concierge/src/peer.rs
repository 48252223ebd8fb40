//! A connection as the rest of the hub sees it: an id, an outbox to push frames into, a way to end it.
//!
//! Pushing never waits. It happens on any thread, under the outbox's short lock. Writing is the peer's shard's, at the end
//! of a turn; only an outbox that is ripe or full is written by whoever pushes.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use concierge_api_rs::{ClientId, CloseCode};
use futures::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use tokio_tungstenite::tungstenite::Message;

use crate::admin::Glass;
use crate::builtin::Builtin;
use crate::frame::{self, Frame};
use crate::metrics::METRICS;
use crate::outbox::{Outbox, Pushed};
use crate::shard::Shard;
use crate::socket::Writer;

/// Frames are held back while so little waits.
const HELD_BYTES: usize = 4_096;
/// Confirmations of more bytes are of so many messages that a write of their own is little.
pub(crate) const FEW_BYTES: usize = 128;

/// Why the hub ends a connection, and what the close frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// One of [`CloseCode`], or one that an administrator chose.
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Ending {
    pub(crate) fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code: code.code(), reason: reason.into() }
    }

    /// The client reads too slowly.
    pub(crate) fn is_slow(&self) -> bool {
        self.code == CloseCode::SlowConsumer.code()
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It waits for the shard's flush.
    Waits,
    /// The same, but from now on waiting longer gains little: [`Peer::flush`] may be called as soon as no lock is held.
    Ripe,
    /// The peer ends.
    Refused,
}

/// Whether a flush is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    No,
    /// The one after the next one that has something else to write.
    Later,
    /// The next one.
    Now,
}

struct State {
    outbox: Outbox,
    mark: Mark,
    /// The shard knows that something waits which nobody asked a flush for.
    held: bool,
    /// The socket takes nothing: the session waits for it, nobody else tries.
    blocked: bool,
    /// All bytes ever written; a session sees by it whether its socket moves.
    written: u64,
    /// All messages ever queued.
    messages: u64,
    /// What is queued is shown there, while somebody watches this client.
    glass: Option<Arc<Glass>>,
    /// Somebody other than the session decided to end this connection.
    ending: Option<Box<Ending>>,
    /// Writing failed: the connection is gone.
    broken: bool,
}

impl State {
    /// What was queued, while somebody watches.
    fn show(&self, frame: &Frame<'_>) {
        if let Some(glass) = &self.glass {
            glass.went(frame.bytes());
        }
    }
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    News,
    /// To what the client asked; it may be long.
    Answer,
    /// Nobody who watches the client may see it.
    Unseen,
}

/// One connection.
pub(crate) struct Peer {
    pub(crate) id: ClientId,
    pub(crate) address: IpAddr,
    shard: Arc<Shard>,
    line: Line,
    state: Mutex<State>,
    /// Wakes the session.
    waker: AtomicWaker,
    /// Requests to built-in services that are not answered yet, for as long as the connection lasts.
    pub(crate) unanswered: AtomicU32,
    /// Text messages that its session took, and their bytes. Only the session writes it, once a turn.
    received: AtomicU64,
    received_bytes: AtomicU64,
    /// When it joined, in seconds since the hub began.
    pub(crate) joined: AtomicU32,
    /// How the conversation ended, for whoever tells of it: see [`Peer::end_with`].
    ended_with: AtomicU16,
    /// It is on this machine, and nothing said that it speaks for somebody else.
    local: bool,
    /// Whether there is a glass: a session looks once a turn.
    watched: AtomicBool,
}

/// Of [`Peer::ended_with`]: the hub ended it.
const BY_HUB: u16 = 1 << 15;

/// What is at a peer's end.
enum Line {
    /// Written to by the shard.
    Socket(Writer),
    /// The session owns the stream (TLS) and writes itself.
    Stream,
    /// A built-in client's code; such a peer has no connection, and its outbox takes nothing.
    Code(Weak<dyn Builtin>),
}

impl Peer {
    pub(crate) fn new(id: ClientId, address: IpAddr, shard: Arc<Shard>, socket: Option<Writer>, bound: usize) -> Arc<Self> {
        Self::at(id, (address, address.is_loopback()), shard, socket.map_or(Line::Stream, Line::Socket), Outbox::new(bound))
    }

    /// The same, of a request that says that somebody else asks, wherever it comes from.
    pub(crate) fn foreign(id: ClientId, address: IpAddr, shard: Arc<Shard>, socket: Option<Writer>, bound: usize) -> Arc<Self> {
        Self::at(id, (address, false), shard, socket.map_or(Line::Stream, Line::Socket), Outbox::new(bound))
    }

    /// A client that is code.
    pub(crate) fn builtin(id: ClientId, code: Weak<dyn Builtin>) -> Arc<Self> {
        let mut outbox = Outbox::new(0);
        outbox.seal();
        Self::at(id, (IpAddr::V4(Ipv4Addr::LOCALHOST), false), Arc::default(), Line::Code(code), outbox)
    }

    fn at(id: ClientId, (address, local): (IpAddr, bool), shard: Arc<Shard>, line: Line, outbox: Outbox) -> Arc<Self> {
        let (mark, held, blocked, broken) = (Mark::No, false, false, false);
        let state = State { outbox, mark, held, blocked, written: 0, messages: 0, glass: None, ending: None, broken };
        Arc::new(Self {
            id,
            address,
            shard,
            line,
            state: Mutex::new(state),
            waker: AtomicWaker::new(),
            unanswered: AtomicU32::new(0),
            received: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            joined: AtomicU32::new(0),
            ended_with: AtomicU16::new(0),
            local,
            watched: AtomicBool::new(false),
        })
    }

    /// What comes from it and is queued for it is shown there from now on, or nowhere.
    pub(crate) fn show_to(&self, glass: Option<Arc<Glass>>) {
        let mut state = self.state.lock();
        self.watched.store(glass.is_some(), Ordering::Relaxed);
        state.glass = glass;
    }

    /// Whether somebody watches what comes from it.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// That came from it, while somebody watches.
    #[cold]
    pub(crate) fn came(&self, message: &Message) {
        let glass = self.state.lock().glass.clone();
        glass.iter().for_each(|glass| glass.came(message));
    }

    /// Its connection has ended, and nothing will be queued any more.
    pub(crate) fn over(&self) {
        self.state.lock().glass.iter().for_each(|glass| glass.end());
    }

    /// Whether it is a program on this machine that speaks for itself.
    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    /// Its session took so many text messages more, of so many bytes.
    pub(crate) fn count(&self, messages: u64, bytes: u64) {
        let add = |to: &AtomicU64, more| to.store(to.load(Ordering::Relaxed) + more, Ordering::Relaxed); // nobody else writes
        add(&self.received, messages);
        add(&self.received_bytes, bytes);
    }

    /// Text messages that came from it, and their bytes.
    pub(crate) fn received(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.received_bytes.load(Ordering::Relaxed))
    }

    /// The conversation is over: with that code, by the hub or by the client.
    pub(crate) fn end_with(&self, code: u16, by_hub: bool) {
        self.ended_with.store(code | if by_hub { BY_HUB } else { 0 }, Ordering::Relaxed);
    }

    /// The code that the conversation ended with, and whether the hub ended it.
    pub(crate) fn ended_with(&self) -> (u16, bool) {
        let ended = self.ended_with.load(Ordering::Relaxed);
        (ended & !BY_HUB, ended & BY_HUB != 0)
    }

    /// Whether it is built in.
    pub(crate) fn is_builtin(&self) -> bool {
        matches!(self.line, Line::Code(_))
    }

    /// A built-in client's code, while there is a server.
    pub(crate) fn code(&self) -> Option<Arc<dyn Builtin>> {
        if let Line::Code(code) = &self.line { code.upgrade() } else { None }
    }

    /// Queues a frame, and writes an outbox that is ripe. False when the peer ends: nothing was queued.
    pub(crate) fn push(self: &Arc<Self>, frame: &Frame<'_>) -> bool {
        let queued = self.queue(frame);
        if queued == Queued::Ripe {
            self.flush();
        }
        queued != Queued::Refused
    }

    /// The same of a frame that holds so many messages.
    pub(crate) fn push_messages(self: &Arc<Self>, frame: &Frame<'_>, count: u64) -> bool {
        let mut state = self.state.lock();
        state.messages += count;
        let queued = self.queue_in(state, frame, Kind::News);
        if queued == Queued::Ripe {
            self.flush();
        }
        queued != Queued::Refused
    }

    /// The same of what nobody who watches this client may see.
    pub(crate) fn push_unseen(self: &Arc<Self>, frame: &Frame<'_>) -> bool {
        let queued = self.queue_in(self.state.lock(), frame, Kind::Unseen);
        if queued == Queued::Ripe {
            self.flush();
        }
        queued != Queued::Refused
    }

    /// Queues a frame that says little by itself: it leaves with what comes next, which spares a system call. When nothing
    /// comes, the shard sees to it. False when the peer ends.
    pub(crate) fn push_held(self: &Arc<Self>, frame: &Frame<'_>) -> bool {
        let mut state = self.state.lock();
        if !self.holds_back(&mut state, frame) {
            drop(state);
            return self.push(frame);
        }
        if !std::mem::replace(&mut state.held, true) {
            let written = state.written;
            drop(state);
            self.shard.hold(self.clone(), written);
        }
        true
    }

    /// Nothing comes that could take along what is held back.
    pub(crate) fn send_held(self: &Arc<Self>) {
        let state = self.state.lock();
        if !state.outbox.is_empty() {
            self.mark(state);
        }
    }

    /// Queues a frame that confirms what the peer said to others: they are written first, and it leaves with what this peer says
    /// meanwhile. Where nobody else is written, it leaves at once. False when the peer ends.
    pub(crate) fn push_confirmation(self: &Arc<Self>, frame: &Frame<'_>) -> bool {
        let mut state = self.state.lock();
        let alone = state.mark == Mark::Later || state.outbox.is_empty();
        if !alone || frame.len() > FEW_BYTES || state.blocked || state.broken || !self.holds_back(&mut state, frame) {
            drop(state);
            return self.push(frame);
        }
        if state.mark == Mark::No {
            state.mark = Mark::Later;
            drop(state);
            self.shard.mark_later(self.clone());
        }
        true
    }

    /// Queues a frame that nobody asks a flush for, where little waits.
    fn holds_back(&self, state: &mut State, frame: &Frame<'_>) -> bool {
        let room = || self.shard.pool.lock().take();
        let queued = state.outbox.waiting() <= HELD_BYTES && state.outbox.push(frame, room) == Pushed::Queued;
        if queued {
            state.show(frame);
        }
        queued
    }

    /// The shard's look at what is held back since `written` bytes had been written. When something was written meanwhile, what
    /// waits came after it: how much had been written by now, to look again.
    pub(crate) fn release(self: &Arc<Self>, written: u64) -> Option<u64> {
        let mut state = self.state.lock();
        if !state.outbox.is_empty() && state.written != written {
            return Some(state.written);
        }
        state.held = false;
        if !state.outbox.is_empty() {
            self.mark(state);
        }
        None
    }

    /// Queues a frame, for whoever holds a lock and should not write. A peer whose outbox is full is ended: its frames are
    /// dropped but for the one on its way, and a close frame 4011 waits for it instead.
    pub(crate) fn queue(self: &Arc<Self>, frame: &Frame<'_>) -> Queued {
        let state = self.state.lock();
        self.queue_in(state, frame, Kind::News)
    }

    /// Queues an answer to what the client asked, which may be long.
    pub(crate) fn queue_answer(self: &Arc<Self>, frame: &Frame<'_>) -> Queued {
        let state = self.state.lock();
        self.queue_in(state, frame, Kind::Answer)
    }

    fn queue_in(self: &Arc<Self>, mut state: MutexGuard<'_, State>, frame: &Frame<'_>, kind: Kind) -> Queued {
        let room = || self.shard.pool.lock().take();
        let push = |outbox: &mut Outbox| match kind {
            Kind::Answer => outbox.push_answer(frame, room),
            Kind::News | Kind::Unseen => outbox.push(frame, room),
        };
        let was_ripe = state.outbox.is_ripe();
        let mut pushed = push(&mut state.outbox);
        if pushed == Pushed::Full {
            pushed = match self.relieve(&mut state) {
                true => push(&mut state.outbox),
                // only its session can write a stream, and it had no turn yet: that is no fault of the client's
                false if self.socket().is_none() && !state.blocked => state.outbox.push_beyond(frame, room),
                false => Pushed::Full,
            };
        }
        match pushed {
            Pushed::Queued => {
                if kind != Kind::Unseen {
                    state.show(frame);
                }
                let ripe = !was_ripe && state.outbox.is_ripe() && !state.blocked;
                self.mark(state);
                if ripe { Queued::Ripe } else { Queued::Waits }
            }
            Pushed::Closed => Queued::Refused,
            Pushed::Full => {
                let ending = Ending::new(CloseCode::SlowConsumer, format!("{} bytes wait", state.outbox.waiting()));
                self.condemn_in(state, ending);
                Queued::Refused
            }
        }
    }

    /// A burst of many senders fills an outbox before its shard has its turn to flush. The bound is on what the socket does
    /// not take, so the socket is asked, on whatever thread this is: it takes what it can and never waits. True when it
    /// was worth asking.
    fn relieve(&self, state: &mut State) -> bool {
        match self.socket() {
            Some(socket) if !state.blocked && !state.broken => {
                self.write_in(state, |slices| socket.write(slices));
                true
            }
            _ => false,
        }
    }

    /// Ends the connection: the session leaves the hub at once, the close frame waits behind what was queued, or, for a
    /// slow consumer, in its place.
    pub(crate) fn condemn(self: &Arc<Self>, ending: Ending) {
        self.condemn_in(self.state.lock(), ending);
    }

    fn condemn_in(self: &Arc<Self>, mut state: MutexGuard<'_, State>, ending: Ending) {
        if state.ending.is_some() {
            return;
        }
        if ending.is_slow() {
            METRICS.slow_consumers.increment(1);
            state.outbox.cut();
        }
        let close = frame::close(ending.code, &ending.reason);
        state.show(&Frame::Small(&close));
        state.outbox.close(&close);
        state.ending = Some(Box::new(ending));
        self.mark(state);
        self.waker.wake();
    }

    /// Answers the peer's close frame: the last thing that it gets.
    pub(crate) fn answer_close(self: &Arc<Self>, close: &[u8]) {
        let mut state = self.state.lock();
        state.show(&Frame::Small(close));
        state.outbox.close(close);
        self.mark(state);
    }

    /// Nothing but a close frame is queued from now on; what waits still leaves.
    pub(crate) fn seal(&self) {
        self.state.lock().outbox.seal();
    }

    /// How the connection ends, if somebody decided that.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.state.lock().ending.as_deref().cloned()
    }

    /// Whether nothing will be queued for it any more, however it ended.
    pub(crate) fn is_gone(&self) -> bool {
        let state = self.state.lock();
        state.ending.is_some() || state.broken || state.outbox.is_sealed()
    }

    pub(crate) fn look(&self) -> Look {
        let state = self.state.lock();
        Look {
            ended: state.ending.is_some() || state.broken,
            broken: state.broken,
            blocked: state.blocked,
            waiting: state.outbox.waiting(),
            written: state.written,
            messages: state.messages,
        }
    }

    pub(crate) fn waker(&self) -> &AtomicWaker {
        &self.waker
    }

    pub(crate) fn socket(&self) -> Option<&Writer> {
        if let Line::Socket(socket) = &self.line { Some(socket) } else { None }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Writes what waits, as far as the socket takes it. The peer's shard does it, but for an outbox that is ripe.
    pub(crate) fn flush(&self) {
        match self.socket() {
            Some(socket) => {
                self.write_with(|slices| socket.write(slices));
            }
            None => self.waker.wake(),
        }
    }

    /// The flush that was asked for at the peer's shard.
    pub(crate) fn flush_marked(&self) {
        self.state.lock().mark = Mark::No;
        self.flush();
    }

    /// Writes what waits by `write`. True when nothing waits any more.
    pub(crate) fn write_with(&self, write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> bool {
        let mut state = self.state.lock();
        self.write_in(&mut state, write);
        state.outbox.is_empty()
    }

    fn write_in(&self, state: &mut State, write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) {
        let (written, result) = state.outbox.write_with(&mut |buffer| self.shard.pool.lock().put(buffer), write);
        state.written += written as u64;
        match result {
            Ok(()) => state.blocked = false,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if !std::mem::replace(&mut state.blocked, true) {
                    self.waker.wake();
                }
            }
            Err(_) => {
                state.broken = true;
                state.blocked = false;
                self.waker.wake();
            }
        }
    }

    fn mark(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if !state.blocked && !state.broken && state.mark < Mark::Now {
            state.mark = Mark::Now;
            drop(state);
            self.shard.mark(self.clone());
        }
    }
}

/// A peer's state at a glance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// The session shall leave.
    pub(crate) ended: bool,
    /// Writing failed.
    pub(crate) broken: bool,
    /// The socket takes nothing.
    pub(crate) blocked: bool,
    /// Bytes that wait.
    pub(crate) waiting: usize,
    /// Bytes ever written.
    pub(crate) written: u64,
    /// Messages ever queued.
    pub(crate) messages: u64,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("id", &self.id).field("address", &self.address).finish_non_exhaustive()
    }
}
