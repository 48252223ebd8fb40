//! The load generator: one thread, one set of sockets, and no sleep while messages are measured, so that the server never
//! pays for waking it.

mod connection;
mod inbox;
mod letters;
mod nats;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

pub(crate) use connection::Client;
use connection::Connection;
pub(crate) use inbox::Inbox;
pub(crate) use letters::Letters;

use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::frames::{self, FRAME_BYTES, Opcode};
use crate::payload::Template;
use crate::server::Server;

/// How long all clients of a sample may take to connect, identify and subscribe.
const SET_UP_WITHIN: Duration = Duration::from_secs(180);
/// How long a generator that may sleep stays awake after something came.
const AWAKE: Duration = Duration::from_micros(500);

/// All clients of a sample. Dropping it resets their connections.
pub(crate) struct Generator {
    address: SocketAddr,
    dialect: Dialect,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
    inbox: Inbox,
    /// When something came or could be sent.
    last: Instant,
}

impl Generator {
    /// A generator without clients.
    pub(crate) fn new(server: &Server) -> Result<Self, Fault> {
        Ok(Self {
            address: server.address,
            dialect: server.dialect,
            poll: Poll::new().map_err(Fault::Generator)?,
            events: Events::with_capacity(1024),
            connections: vec![],
            scratch: vec![0; 2 * FRAME_BYTES],
            inbox: Inbox::default(),
            last: Instant::now(),
        })
    }

    /// Expects a stream of messages: see [`Inbox`]. Streams are numbered in the order of these calls.
    pub(crate) fn expect_stream(&mut self, receivers: usize, in_flight: u64) {
        self.inbox.expect(receivers, in_flight);
    }

    /// Connects clients and sets them up, `at_once` at a time. They are numbered from 0 in the
    /// order of these calls.
    pub(crate) fn join(&mut self, clients: impl ExactSizeIterator<Item = Client>, at_once: usize) -> Result<(), Fault> {
        let total = self.connections.len() + clients.len();
        let began = Instant::now();
        let mut clients = clients;
        while self.inbox.ready < total {
            while self.connections.len() - self.inbox.ready < at_once
                && let Some(client) = clients.next()
            {
                self.connect(&client)?;
            }
            self.turn(Duration::ZERO)?;
            if began.elapsed() > SET_UP_WITHIN {
                return Err(Fault::SetUp { ready: self.inbox.ready, total, within_s: SET_UP_WITHIN.as_secs() });
            }
        }
        Ok(())
    }

    fn connect(&mut self, client: &Client) -> Result<(), Fault> {
        let mut connection = Connection::open(self.address, self.dialect, self.connections.len(), client, self.inbox.streams())?;
        let token = Token(self.connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut connection.stream, token, interest).map_err(Fault::Generator)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Resets all connections.
    pub(crate) fn leave(&mut self) {
        self.connections.clear();
        self.inbox.ready = 0;
    }

    /// What the server speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What arrived so far.
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Reads and writes whatever can be; waits for that, at most `wait`. Returns how many sockets had something.
    pub(crate) fn turn(&mut self, wait: Duration) -> Result<usize, Fault> {
        let Self { poll, events, connections, scratch, inbox, .. } = self;
        match poll.poll(events, Some(wait)) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(0),
            other => other.map_err(Fault::Generator)?,
        }
        for event in &*events {
            // an event of a connection that left in the meantime
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            if event.is_writable() {
                connection.writable()?;
            }
            if event.is_readable() {
                connection.readable(scratch, inbox)?;
            }
        }
        Ok(events.iter().count())
    }

    /// Turns, and sleeps when nothing came for a while: what a commit waits for is done by threads of the kernel, and at real-time
    /// priority a generator that never sleeps keeps those of its core from running, for a second.
    pub(crate) fn turn_or_sleep(&mut self) -> Result<(), Fault> {
        let wait = if self.last.elapsed() < AWAKE { Duration::ZERO } else { Duration::from_millis(1) };
        if self.turn(wait)? > 0 {
            self.last = Instant::now();
        }
        Ok(())
    }

    /// Turns until nothing came for `quiet`; gives up after `at_most` (heartbeats go on for ever).
    pub(crate) fn settle(&mut self, quiet: Duration, at_most: Duration) -> Result<(), Fault> {
        let began = Instant::now();
        let mut last = began;
        while last.elapsed() < quiet && began.elapsed() < at_most {
            if self.turn(Duration::from_millis(5))? > 0 {
                last = Instant::now();
            }
        }
        Ok(())
    }

    /// Queues a message of a client; [`Self::flush`] sends it.
    pub(crate) fn queue(&mut self, client: usize, template: &Template, number: u64) {
        template.append(number, self.connections[client].out());
    }

    /// Sends what a client has queued, as far as its socket takes it.
    pub(crate) fn flush(&mut self, client: usize) -> Result<(), Fault> {
        self.connections[client].flush()
    }

    /// Sends a text of a client.
    pub(crate) fn say(&mut self, client: usize, text: &str) -> Result<(), Fault> {
        self.queue_text(client, text);
        self.flush(client)
    }

    /// Queues a text of a client; [`Self::flush`] sends it.
    pub(crate) fn queue_text(&mut self, client: usize, text: &str) {
        frames::append(Opcode::Text, text.as_bytes(), self.connections[client].out());
    }

    /// Moves what the coordinator and the router said since the last time to `letters`, whose old ones go.
    pub(crate) fn take_letters(&mut self, letters: &mut Letters) {
        letters.clear();
        std::mem::swap(letters, &mut self.inbox.letters);
    }

    /// A client was told something that it should not be told.
    pub(crate) fn refused(&self, client: usize, text: &[u8]) -> Fault {
        self.connections[client].refused(text)
    }

    /// Bytes of a client that its socket did not take yet.
    pub(crate) fn unsent(&self, client: usize) -> usize {
        self.connections[client].unsent()
    }
}

#[cfg(test)]
mod tests;
