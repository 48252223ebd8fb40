//! One client: its socket, the conversation that sets it up, and the frames that it gets.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use memchr::memmem;
use mio::net::TcpStream;

use crate::dialect::{Dialect, Step};
use crate::fault::Fault;
use crate::frames::{self, Frame, FrameError, Opcode};
use crate::generator::inbox::{Due, Inbox};
use crate::generator::nats::{self, Unit};
use crate::payload::Mark;

/// A client to be: its name and tags, the services that it creates and those that it subscribes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) owns: Vec<String>,
    pub(crate) subscribes: Vec<String>,
    /// It wants to hear what is said to it, and not who comes and goes.
    pub(crate) quiet: bool,
}

impl Client {
    /// A client that only identifies itself.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Upgrading,
    /// Sent a step, waiting for this answer.
    SettingUp(&'static str),
    Ready,
}

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// Its place among all clients.
    number: usize,
    name: String,
    dialect: Dialect,
    phase: Phase,
    steps: VecDeque<Step>,
    /// The beginning of a frame whose rest has not come yet.
    left: Vec<u8>,
    /// Where it is in what nats-server sends.
    nats: nats::Stream,
    out: Vec<u8>,
    written: usize,
    due: Due,
}

impl Connection {
    /// Begins to connect. Closing resets the connection, so that thousands of runs leave no ports in TIME_WAIT behind.
    pub(super) fn open(
        address: SocketAddr,
        dialect: Dialect,
        number: usize,
        client: &Client,
        streams: usize,
    ) -> Result<Self, Fault> {
        let fault = |source| Fault::Socket { client: client.name.clone(), source };
        let stream = TcpStream::connect(address).map_err(fault)?;
        stream.set_nodelay(true).map_err(fault)?;
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).map_err(|e| fault(e.into()))?;
        Ok(Self {
            stream,
            number,
            name: client.name.clone(),
            dialect,
            phase: Phase::Connecting,
            steps: dialect.steps(client),
            left: vec![],
            nats: nats::Stream::default(),
            out: vec![],
            written: 0,
            due: Due::new(streams),
        })
    }

    /// What is queued, to be written with the next [`Self::flush`].
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    pub(super) fn unsent(&self) -> usize {
        self.out.len() - self.written
    }

    /// The socket takes bytes: finishes connecting, or writes what waits.
    pub(super) fn writable(&mut self) -> Result<(), Fault> {
        if self.phase == Phase::Connecting {
            if let Some(source) = self.stream.take_error().map_err(|source| self.socket(source))? {
                return Err(self.socket(source));
            }
            let Ok(peer) = self.stream.peer_addr() else { return Ok(()) }; // not connected yet
            self.out.extend_from_slice(upgrade(peer).as_bytes());
            self.phase = Phase::Upgrading;
        }
        self.flush()
    }

    /// Writes as much of what is queued as the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(self.socket(e)),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads all that has come. Readiness is edge-triggered: a read that fills less than the buffer has emptied the socket,
    /// and what comes later makes a new edge.
    pub(super) fn readable(&mut self, scratch: &mut [u8], inbox: &mut Inbox) -> Result<(), Fault> {
        while self.phase != Phase::Connecting {
            let kept = self.left.len();
            scratch[..kept].copy_from_slice(&self.left);
            let read = match self.stream.read(&mut scratch[kept..]) {
                Ok(0) => return Err(Fault::Ended { client: self.name.clone() }),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(self.socket(e)),
            };
            let came = &scratch[..kept + read];
            let used = self.take(came, inbox)?;
            self.left.clear();
            self.left.extend_from_slice(&came[used..]);
            if came.len() < scratch.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Handles every whole frame and returns how many bytes they were.
    fn take(&mut self, came: &[u8], inbox: &mut Inbox) -> Result<usize, Fault> {
        let mut at = 0;
        if self.phase == Phase::Upgrading {
            let Some(end) = memmem::find(came, b"\r\n\r\n") else { return Ok(0) };
            if !came.starts_with(b"HTTP/1.1 101 ") {
                let answer = String::from_utf8_lossy(&came[..end.min(200)]).into_owned();
                return Err(Fault::Upgrade { client: self.name.clone(), answer });
            }
            at = end + 4;
            self.step(inbox)?;
        }
        if self.dialect == Dialect::Nats {
            return self.take_nats(came, at, inbox);
        }
        while let Some((frame, length)) = self.parse(&came[at..])? {
            self.frame(&frame, inbox)?;
            at += length;
        }
        Ok(at)
    }

    /// The same for frames of any length whose units may go on in the next one. What comes before `at` is done.
    fn take_nats(&mut self, came: &[u8], mut at: usize, inbox: &mut Inbox) -> Result<usize, Fault> {
        loop {
            if self.nats.left == 0 {
                let Some(head) = frames::head(&came[at..]).map_err(|source| self.broken(source))? else { return Ok(at) };
                if head.opcode != Opcode::Binary {
                    let Some((frame, length)) = self.parse(&came[at..])? else { return Ok(at) };
                    self.frame(&frame, inbox)?;
                    at += length;
                    continue;
                }
                at += head.begins;
                self.nats.left = usize::try_from(head.length).map_err(|_| self.broken(FrameError::TooLong(head.length)))?;
            }
            let there = &came[at..came.len().min(at + self.nats.left)];
            let whole = there.len() == self.nats.left;
            let mut used = if self.nats.carried.is_empty() { self.units(there, inbox)? } else { self.carry_on(there, inbox)? };
            if whole && used < there.len() {
                self.nats.carried.extend_from_slice(&there[used..]);
                used = there.len();
            }
            at += used;
            self.nats.left -= used;
            if !whole {
                return Ok(at);
            }
        }
    }

    /// Units that began in the frame before.
    fn carry_on(&mut self, there: &[u8], inbox: &mut Inbox) -> Result<usize, Fault> {
        let mut carried = std::mem::take(&mut self.nats.carried);
        carried.extend_from_slice(there);
        let used = self.units(&carried, inbox)?;
        carried.drain(..used);
        self.nats.carried = carried;
        Ok(there.len())
    }

    /// Handles every whole unit and returns how many bytes they were.
    fn units(&mut self, bytes: &[u8], inbox: &mut Inbox) -> Result<usize, Fault> {
        let mut at = 0;
        while let Some((unit, length)) = nats::unit(&bytes[at..]) {
            match unit {
                Unit::Message(payload) => match inbox.mark(payload) {
                    Some(mark) => self.delivered(mark, length, inbox)?,
                    None => inbox.news += 1,
                },
                Unit::Line(b"PING") => {
                    frames::append(Opcode::Binary, b"PONG\r\n", &mut self.out);
                    self.flush()?;
                }
                Unit::Line(b"PONG") => self.step(inbox)?,
                Unit::Line(line) if line.starts_with(b"INFO ") => {}
                Unit::Line(line) => return Err(self.refused(line)),
            }
            at += length;
        }
        Ok(at)
    }

    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<Option<(Frame<'a>, usize)>, Fault> {
        frames::parse(bytes).map_err(|source| self.broken(source))
    }

    fn frame(&mut self, frame: &Frame<'_>, inbox: &mut Inbox) -> Result<(), Fault> {
        match frame.opcode {
            Opcode::Text => self.text(frame.payload, inbox),
            Opcode::Ping => {
                inbox.pings += 1;
                frames::append(Opcode::Pong, frame.payload, &mut self.out);
                self.flush()
            }
            Opcode::Close => Err(self.closed(frame.payload)),
            Opcode::Pong | Opcode::Binary => Ok(()),
        }
    }

    fn text(&mut self, text: &[u8], inbox: &mut Inbox) -> Result<(), Fault> {
        if inbox.letters.add(self.number, text) {
            return Ok(());
        }
        if let Some(mark) = inbox.mark(text) {
            return self.delivered(mark, text.len(), inbox);
        }
        match self.phase {
            Phase::SettingUp(answer) if memmem::find(text, answer.as_bytes()).is_some() && is_mine(answer, text) => {
                self.step(inbox)
            }
            _ if text.starts_with(br#"{"type":"OK""#) => {
                inbox.answered += 1;
                Ok(())
            }
            _ if is_reply(text) => Err(self.refused(text)),
            _ => {
                inbox.news += 1;
                Ok(())
            }
        }
    }

    /// A numbered message of so many bytes.
    fn delivered(&mut self, mark: Mark, bytes: usize, inbox: &mut Inbox) -> Result<(), Fault> {
        self.due.check(mark, &self.name)?;
        inbox.delivered_bytes += bytes as u64;
        if inbox.arrived(mark) { Ok(()) } else { Err(self.astray(mark)) }
    }

    /// Sends the next step of the setting up, or is ready.
    fn step(&mut self, inbox: &mut Inbox) -> Result<(), Fault> {
        let Some(Step { text, answer }) = self.steps.pop_front() else {
            self.phase = Phase::Ready;
            inbox.ready += 1;
            return Ok(());
        };
        self.phase = Phase::SettingUp(answer);
        frames::append(self.dialect.opcode(), text.as_bytes(), &mut self.out);
        self.flush()
    }

    fn broken(&self, source: FrameError) -> Fault {
        Fault::Frame { client: self.name.clone(), source }
    }

    fn socket(&self, source: std::io::Error) -> Fault {
        Fault::Socket { client: self.name.clone(), source }
    }

    fn astray(&self, Mark { stream, number }: Mark) -> Fault {
        Fault::Astray { client: self.name.clone(), stream, number }
    }

    pub(super) fn refused(&self, text: &[u8]) -> Fault {
        Fault::Refused { client: self.name.clone(), answer: String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned() }
    }

    fn closed(&self, payload: &[u8]) -> Fault {
        let (code, reason) = match payload {
            [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), String::from_utf8_lossy(reason).into_owned()),
            _ => (1005, String::new()),
        };
        Fault::Closed { client: self.name.clone(), code, reason }
    }
}

/// Only replies carry `seq`; news of the same type do not.
fn is_reply(text: &[u8]) -> bool {
    memmem::find(text, br#""seq":"#).is_some()
}

/// HELLO is the one answer without `seq`.
fn is_mine(answer: &str, text: &[u8]) -> bool {
    answer == "\"HELLO\"" || is_reply(text)
}

fn upgrade(host: SocketAddr) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}
