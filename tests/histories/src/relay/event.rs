//! What is recorded.

use std::fmt;

/// The number of a connection: a client that comes back has another one.
pub type Connection = u32;

/// Everything that was seen, in the order in which it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub events: Vec<Event>,
}

/// Where an event stands in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub usize);

/// Something that a client did or was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the beginning.
    pub at_ms: u64,
    /// Whose it is; none for what happens to the world.
    pub who: Option<Connection>,
    pub what: What,
}

/// What it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// HELLO came.
    Entered(Person),
    /// A payload was about to be written; the hub will count it as `seq`, if it comes.
    Asked { seq: u64, ask: Ask },
    /// An answer.
    Answered { seq: u64, answer: Answer },
    /// A message of another client, or of oneself.
    Received { number: u64, origin: String },
    /// Something that nobody asked for.
    Told(News),
    /// The client's side of the connection is gone.
    Over(String),
    /// The hub is told to shut down. Nobody's.
    Drains,
    /// Anything else, for whoever reads the trace.
    Note(String),
}

/// A client, as others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub id: String,
}

/// A payload to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A message with a number that no other has.
    Message {
        number: u64,
        to: Target,
    },
    Subscribe(String),
    Unsubscribe(String),
    Create(String),
    Delete(String),
    /// Changes nothing and says nothing to others.
    Look(String),
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Name(String),
    Id(String),
    Service(String),
    /// One client, by the owner of a service.
    Member(String, String),
    Everybody,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// OK.
    Okay,
    /// A result about a service: whether it changed something, and whose it is.
    Service { successful: bool, service: String, owner: String },
    /// Everybody.
    Clients(Vec<Person>),
    /// BAD, INVALID_NAME and so on.
    Refused(String),
    /// Another result.
    Other(String),
}

/// News, which has no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Joined(Person),
    Left(Person),
    Created { service: String, owner: String },
    Deleted { service: String, owner: String },
    Subscribed { service: String, id: String },
    Unsubscribed { service: String, id: String },
}

impl Event {
    /// The end of a connection that nobody looks at any more.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.what, What::Over(_))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms ", self.at_ms)?;
        match self.who {
            Some(who) => write!(f, "#{who:<3} ")?,
            None => f.write_str("     ")?,
        }
        match &self.what {
            What::Entered(person) => write!(f, "is in as {person}"),
            What::Asked { seq, ask } => write!(f, "-> {seq}: {ask}"),
            What::Answered { seq, answer } => write!(f, "<- {seq}: {answer}"),
            What::Received { number, origin } => write!(f, "<- message {number} of {origin}"),
            What::Told(news) => write!(f, "<- {news:?}"),
            What::Over(how) => write!(f, "over: {how}"),
            What::Drains => f.write_str("the hub drains"),
            What::Note(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.id)
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { number, to } => write!(f, "message {number} to {to:?}"),
            Self::Look(what) => f.write_str(what),
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Okay => f.write_str("OK"),
            Self::Refused(what) | Self::Other(what) => f.write_str(what),
            other => write!(f, "{other:?}"),
        }
    }
}
