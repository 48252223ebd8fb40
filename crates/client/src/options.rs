//! What a client says of itself and how it behaves.

use std::fmt;
use std::time::Duration;

use concierge_api_rs::{ClientName, Intent, Intents, NameError, limits};

use crate::backoff::Reconnect;
use crate::tls::Tls;
use crate::url::{HubUrl, UrlError};

/// What a client says of itself and how it behaves. Every method replaces one default.
///
/// ```
/// # use concierge_client::Options;
/// # use std::time::Duration;
/// let options = Options::new("localhost:64209", "thermometer_7")?
///     .nickname("Kitchen")
///     .tag("sensor")
///     .request_within(Duration::from_secs(5));
/// # Ok::<(), concierge_client::OptionsError>(())
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) url: HubUrl,
    pub(crate) files: Option<HubUrl>,
    pub(crate) name: ClientName,
    pub(crate) nickname: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) intents: Intents,
    pub(crate) secret: Option<String>,
    pub(crate) tls: Tls,
    pub(crate) connect_within: Duration,
    pub(crate) request_within: Duration,
    pub(crate) close_within: Duration,
    pub(crate) silence: Duration,
    pub(crate) reconnect: Option<Reconnect>,
    pub(crate) payload_bytes: usize,
    pub(crate) in_flight: usize,
    pub(crate) router_in_flight: usize,
    pub(crate) stream_capacity: usize,
}

/// Why options were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// See [`HubUrl`].
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The client's name breaks the rule of names.
    #[error("the client's name {name:?} is refused")]
    Name {
        /// As it was given.
        name: String,
        /// The rule.
        source: NameError,
    },
}

impl Options {
    /// A client called `name` of the hub at `url` (see [`HubUrl`] for what is understood).
    ///
    /// # Errors
    /// When one of them breaks its rule.
    pub fn new(url: &str, name: &str) -> Result<Self, OptionsError> {
        let url = url.parse()?;
        let name = ClientName::parse(name).map_err(|source| OptionsError::Name { name: name.to_owned(), source })?;
        Ok(Self::of(url, name))
    }

    /// As [`Options::new`], from what was parsed already.
    #[must_use]
    pub fn of(url: HubUrl, name: ClientName) -> Self {
        Self {
            url,
            files: None,
            name,
            nickname: None,
            tags: Vec::new(),
            intents: Intents::ALL,
            secret: None,
            tls: Tls::default(),
            connect_within: Duration::from_secs(10),
            request_within: Duration::from_secs(30),
            close_within: Duration::from_secs(5),
            silence: Duration::from_secs(45),
            reconnect: Some(Reconnect::default()),
            payload_bytes: limits::PAYLOAD_BYTES,
            in_flight: 1_024,
            router_in_flight: limits::ROUTER_IN_FLIGHT,
            stream_capacity: 1_024,
        }
    }

    /// A name for people, at most 128 characters. Default: none.
    #[must_use]
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// One more tag, at most 64 characters; at most 32 tags. Default: none.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// What of others it wants to hear of; the hub sends it nothing else but answers. Default: everything.
    ///
    /// Subscriptions, the inbox and the coordinator need [`Intent::Messages`]. A subscription that outlives its service, and
    /// one that waits for a service to come, needs [`Intent::Services`]. What is not wanted is not among the events.
    #[must_use]
    pub fn intents(mut self, intents: impl IntoIterator<Item = Intent>) -> Self {
        self.intents = intents.into_iter().collect();
        self
    }

    /// The hub's secret. Default: none.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Whom to trust with `wss`. Default: the system's certificate authorities.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Where the file server is, when it is not at the hub's address (`files.listen`): as the address of a hub there.
    #[must_use]
    pub fn files_at(mut self, url: HubUrl) -> Self {
        self.files = Some(url);
        self
    }

    pub(crate) fn files_url(&self) -> &HubUrl {
        self.files.as_ref().unwrap_or(&self.url)
    }

    /// From the start of a connection to its HELLO. Default: 10 s.
    #[must_use]
    pub fn connect_within(mut self, time: Duration) -> Self {
        self.connect_within = time;
        self
    }

    /// From the call of a request to its answer, waiting for a connection included. Default: 30 s.
    #[must_use]
    pub fn request_within(mut self, time: Duration) -> Self {
        self.request_within = time;
        self
    }

    /// How long [`Client::close`](crate::Client::close) waits for the hub to agree. Default: 5 s.
    #[must_use]
    pub fn close_within(mut self, time: Duration) -> Self {
        self.close_within = time;
        self
    }

    /// Gives a connection up when nothing came from the hub for that long. The hub pings every 20 s. Default: 45 s.
    #[must_use]
    pub fn silence(mut self, time: Duration) -> Self {
        self.silence = time;
        self
    }

    /// How a lost connection is made again, or `None`: not at all. Default: [`Reconnect::default`].
    #[must_use]
    pub fn reconnect(mut self, policy: impl Into<Option<Reconnect>>) -> Self {
        self.reconnect = policy.into();
        self
    }

    /// Refuses to send larger payloads, as the hub would end the connection. Default: 64 KiB, the hub's default.
    #[must_use]
    pub fn payload_bytes(mut self, bytes: usize) -> Self {
        self.payload_bytes = bytes;
        self
    }

    /// Requests to the router that may be open; the next one waits for its turn. What the hub takes of a client (`router.in_flight`
    /// of its configuration), or less. Default: 64, the hub's default, at least 1.
    #[must_use]
    pub fn router_in_flight(mut self, requests: usize) -> Self {
        self.router_in_flight = requests.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Requests that may wait for their answers; the next one waits for its turn. Default: 1,024, at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Items that each stream holds; beyond it the oldest is dropped and counted. Memory is taken as items come.
    /// Default: 1,024, at least 1.
    #[must_use]
    pub fn stream_capacity(mut self, items: usize) -> Self {
        self.stream_capacity = items.max(1);
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url.to_string())
            .field("name", &self.name)
            .field("secret", &self.secret.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}
