//! What it costs at least: one thread on an epoll set that looks at as little of a message as can be, copies it behind a prepared
//! envelope and writes it. One write for each message, or everything that is for one client in one write at the end of a
//! turn. It keeps no bounds, checks nothing and would fail at whatever else than this benchmark's clients; nobody could use it.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use uuid::Uuid;

const LISTENER: Token = Token(usize::MAX);
const READ_BYTES: usize = 256 * 1024;

/// A server of that kind.
pub(crate) struct Floor {
    poll: Poll,
    listener: TcpListener,
    members: Vec<Option<Member>>,
    /// Places in `members` that nobody has.
    free: Vec<usize>,
    board: Board,
    /// Who has something to be written at the end of the turn.
    dirty: Vec<usize>,
    joined: bool,
    /// The last frame and the last answer, whose memory is used again.
    frame: Vec<u8>,
    answer: Vec<u8>,
}

/// Who can be reached.
#[derive(Default)]
struct Board {
    clients: HashMap<Vec<u8>, usize>,
    services: HashMap<Vec<u8>, Service>,
}

struct Service {
    owner: Uuid,
    info: Vec<u8>,
    subscribers: Vec<usize>,
}

struct Member {
    stream: TcpStream,
    upgraded: bool,
    /// The beginning of a frame whose rest has not come yet.
    left: Vec<u8>,
    out: Vec<u8>,
    dirty: bool,
    name: Vec<u8>,
    /// Its messages up to what they say of the service.
    head: Vec<u8>,
    uuid: Uuid,
    seq: u64,
}

impl Floor {
    /// Listens; `joined` is whether messages of a turn share a write.
    ///
    /// # Errors
    /// What binding says.
    pub(crate) fn bind(address: SocketAddr, joined: bool) -> io::Result<Self> {
        let (poll, mut listener) = (Poll::new()?, TcpListener::bind(address)?);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            members: vec![],
            free: vec![],
            board: Board::default(),
            dirty: vec![],
            joined,
            frame: vec![],
            answer: vec![],
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until polling fails.
    pub(crate) fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; READ_BYTES];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(at) => {
                        let alive =
                            (!event.is_writable() || self.write(at)) && (!event.is_readable() || self.read(at, &mut scratch));
                        if !alive {
                            self.remove(at);
                        }
                    }
                }
            }
            for at in std::mem::take(&mut self.dirty) {
                if !self.write(at) {
                    self.remove(at);
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or(self.members.len());
            self.poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            let member = Member {
                stream,
                upgraded: false,
                left: vec![],
                out: vec![],
                dirty: false,
                name: vec![],
                head: vec![],
                uuid: Uuid::new_v4(),
                seq: 0,
            };
            match self.members.get_mut(at) {
                Some(place) => *place = Some(member),
                None => self.members.push(Some(member)),
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let Some(member) = self.members[at].take() else { return };
        self.free.push(at);
        self.board.clients.remove(&member.name);
        self.board.services.values_mut().for_each(|service| service.subscribers.retain(|other| *other != at));
    }

    /// Writes what waits, and says whether the client is still there.
    fn write(&mut self, at: usize) -> bool {
        match &mut self.members[at] {
            Some(member) => member.write(),
            None => true, // it was removed in this turn
        }
    }

    /// Reads all that has come, and says whether the client is still there.
    fn read(&mut self, at: usize, scratch: &mut [u8]) -> bool {
        loop {
            let Some(member) = &mut self.members[at] else { return true };
            let kept = member.left.len();
            scratch[..kept].copy_from_slice(&member.left);
            let read = match member.stream.read(&mut scratch[kept..]) {
                Ok(0) => return false,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            let came = &mut scratch[..kept + read];
            let mut used = if member.upgraded { 0 } else { member.upgrade(came) };
            while let Some((begins, ends)) = unmask(&mut came[used..]) {
                let text = &came[used + begins..used + ends];
                used += ends;
                self.take(at, text);
            }
            let all = came.len() == READ_BYTES;
            let Some(member) = &mut self.members[at] else { return true };
            member.left.clear();
            member.left.extend_from_slice(&scratch[used..kept + read]);
            if !all {
                return true;
            }
        }
    }

    /// One payload of a client, and the answer.
    fn take(&mut self, at: usize, text: &[u8]) {
        let (kind, done) = match text {
            _ if text.starts_with(br#"{"type":"MESSAGE""#) => ("OK", self.message(at, text)),
            _ if text.starts_with(br#"{"type":"IDENTIFY""#) => ("HELLO", self.identify(at, text)),
            _ if text.starts_with(br#"{"type":"SERVICE_CREATE""#) => ("SERVICE_CREATE_RESULT", self.create(at, text)),
            _ if text.starts_with(br#"{"type":"SELF_SUBSCRIBE""#) => ("SELF_SUBSCRIBE_RESULT", self.subscribe(at, text)),
            _ => ("ERROR_UNSUPPORTED", Some(())),
        };
        let Some(member) = &mut self.members[at] else { return };
        let seq = member.seq;
        member.seq += u64::from(kind != "HELLO");
        let kind = if done.is_some() { kind } else { "BAD" };
        self.answer.clear();
        let _ = write!(self.answer, r#"{{"type":"{kind}","seq":{seq}}}"#); // writing to a Vec cannot fail
        let mut frame = std::mem::take(&mut self.frame);
        append(&[&self.answer], &mut frame);
        self.send(at, &frame);
        self.frame = frame;
    }

    fn identify(&mut self, at: usize, text: &[u8]) -> Option<()> {
        let name = between(text, br#""name":""#, b"\"")?;
        self.board.clients.insert(name.to_vec(), at);
        let member = self.members[at].as_mut()?;
        let (shown, uuid) = (String::from_utf8_lossy(name), member.uuid);
        member.head =
            format!(r#"{{"type":"MESSAGE","origin":{{"name":"{shown}","nickname":null,"uuid":"{uuid}","tags":[],"service":"#)
                .into_bytes();
        member.name = name.to_vec();
        Some(())
    }

    fn create(&mut self, at: usize, text: &[u8]) -> Option<()> {
        let name = between(text, br#""service":""#, b"\"")?;
        let mut service = Service { owner: self.members[at].as_ref()?.uuid, info: vec![], subscribers: vec![] };
        service.describe(name);
        self.board.services.insert(name.to_vec(), service);
        Some(())
    }

    fn subscribe(&mut self, at: usize, text: &[u8]) -> Option<()> {
        let name = between(text, br#""service":""#, b"\"")?;
        let service = self.board.services.get_mut(name)?;
        service.subscribers.push(at);
        service.describe(name);
        Some(())
    }

    fn message(&mut self, at: usize, text: &[u8]) -> Option<()> {
        let target = between(text, br#""target":"#, br#","data":"#)?;
        let data = between(text, br#","data":"#, b"}")?;
        let mut frame = std::mem::take(&mut self.frame);
        let head = &self.members[at].as_ref()?.head;
        if let Some(name) = between(target, br#""service":""#, b"\"") {
            let service = self.board.services.get_mut(name)?;
            append(&[head, &service.info, br#"},"target":"#, target, br#","data":"#, data, b"}"], &mut frame);
            let subscribers = std::mem::take(&mut service.subscribers);
            subscribers.iter().for_each(|to| self.send(*to, &frame));
            self.board.services.get_mut(name)?.subscribers = subscribers;
        } else {
            let to = *self.board.clients.get(between(target, br#""name":""#, b"\"")?)?;
            append(&[head, br#"null},"target":"#, target, br#","data":"#, data, b"}"], &mut frame);
            self.send(to, &frame);
        }
        self.frame = frame;
        Some(())
    }

    fn send(&mut self, to: usize, frame: &[u8]) {
        let Some(member) = &mut self.members[to] else { return };
        if self.joined || !member.out.is_empty() {
            member.out.extend_from_slice(frame);
            if self.joined && !member.dirty {
                member.dirty = true;
                self.dirty.push(to);
            }
            return;
        }
        // what a broken connection says is found out by reading
        let written = member.stream.write(frame).unwrap_or(0);
        member.out.extend_from_slice(&frame[written..]);
    }
}

impl Member {
    fn write(&mut self) -> bool {
        self.dirty = false;
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.out.drain(..written);
        true
    }

    /// Answers the head of the connection, once it is whole; returns how long it was.
    fn upgrade(&mut self, came: &[u8]) -> usize {
        let Some(end) = memmem::find(came, b"\r\n\r\n") else { return 0 };
        let key = between(came, b"Sec-WebSocket-Key: ", b"\r").unwrap_or_default();
        let accept = derive_accept_key(key);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.out.extend_from_slice(answer.as_bytes());
        self.upgraded = true;
        self.write();
        end + 4
    }
}

impl Service {
    /// What messages say of it.
    fn describe(&mut self, name: &[u8]) {
        let (name, owner, count) = (String::from_utf8_lossy(name), self.owner, self.subscribers.len());
        self.info =
            format!(r#"{{"name":"{name}","nickname":null,"owner_uuid":"{owner}","subscribers":[],"subscriber_count":{count}}}"#)
                .into_bytes();
    }
}

/// What stands between two marks: after the first `begin`, up to the next `end`.
fn between<'a>(text: &'a [u8], begin: &[u8], end: &[u8]) -> Option<&'a [u8]> {
    let rest = &text[memmem::find(text, begin)? + begin.len()..];
    Some(&rest[..memmem::find(rest, end)?])
}

/// Unmasks the first frame, once it is whole, and returns where its payload begins and ends.
fn unmask(bytes: &mut [u8]) -> Option<(usize, usize)> {
    let (key_at, length) = match bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let key: [u8; 4] = bytes.get(key_at..key_at + 4)?.try_into().ok()?;
    let (begins, ends) = (key_at + 4, key_at + 4 + length);
    let mut words = bytes.get_mut(begins..ends)?.chunks_exact_mut(4);
    for word in &mut words {
        let plain = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]) ^ u32::from_ne_bytes(key);
        word.copy_from_slice(&plain.to_ne_bytes());
    }
    words.into_remainder().iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    Some((begins, ends))
}

/// A text frame of a server, of these parts, and nothing else in `out`.
fn append(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.clear();
    out.push(0x81);
    let length: usize = parts.iter().map(|part| part.len()).sum();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
