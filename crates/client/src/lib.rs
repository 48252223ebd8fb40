//! The Rust client of a Concierge hub: one connection with a name, kept up, that many tasks share.
//!
//! ```no_run
//! use concierge_client::{Client, Delivery, Options, Target};
//! use futures::StreamExt;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let ada = Client::connect(Options::new("ws://localhost:64209/ws", "ada")?).await?;
//! ada.create_service("news", None).await?;
//!
//! let bob = Client::connect(Options::new("localhost", "bob")?).await?;
//! let mut news = bob.subscribe("news").await?;
//! ada.broadcast("news", &"hello").await?;
//! let message = news.next_message().await.expect("the subscription lives as long as bob");
//! assert_eq!((message.origin.name.as_str(), message.json::<String>()?.as_str()), ("ada", "hello"));
//!
//! bob.send(Target::Service { service: "news".parse()? }, &42).await?; // a subscriber answers the owner
//! while let Some(delivery) = ada.inbox().next().await {
//!     if let Delivery::Message(message) = delivery {
//!         println!("{}: {}", message.origin.name, message.data);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! * **Requests** ([`Client::subscribe`], [`Client::send`], …) are matched with their answers by sequence number, so any
//!   number of tasks may have requests in flight, up to [`Options::in_flight`]. Dropping a request's future is safe: the
//!   answer is thrown away. Everything the hub can answer is a variant of [`RequestError`] or the `Ok` value.
//! * **Streams** ([`Subscription`], [`Inbox`], [`Events`], [`StatusChanges`]) are bounded by [`Options::stream_capacity`].
//!   A stream that is not read fast enough loses its *oldest* items and says how many with a `Lagged` item; it never slows
//!   down the connection or another stream.
//! * **Reconnecting** is described at [`Reconnect`]: which ends of a connection are tried again, and how patiently. After
//!   it, owned services are created again and subscriptions renewed, 16 at a time, before anything else is sent.
//! * **Files** are put and got through [`Client::files`].
//! * **Requests to workers**, and to be a worker, are in [`router`].
//! * **Durable promises and tasks** are in [`coordinator`], watching a hub and ending connections in [`admin`].
#![warn(missing_docs)]

pub mod admin;
mod backoff;
mod client;
mod connect;
pub mod coordinator;
mod driver;
mod error;
mod event;
mod files;
mod link;
mod message;
mod options;
mod pending;
mod policy;
mod restoration;
mod ring;
pub mod router;
mod shared;
mod status;
mod streams;
mod tls;
mod transport;
mod url;

pub use backoff::Reconnect;
pub use client::{Client, ClientDetails};
pub use concierge_api_rs::{
    ClientId, ClientInfo, ClientName, CloseCode, FileKey, Hello, Intent, Intents, NameError, Origin, PayloadOut, ServiceInfo,
    ServiceName, Target,
};
pub use error::{ConnectError, RequestError};
pub use event::Event;
pub use files::{FileEntry, FileStored, Files, FilesError, Progress};
pub use message::Message;
pub use options::{Options, OptionsError};
pub use policy::{Verdict, verdict};
pub use status::{Ending, Status};
pub use streams::{Delivery, Events, Inbox, StatusChanges, Subscription};
pub use tls::{Tls, TlsError};
pub use transport::{Transport, dial};
pub use url::{HubUrl, UrlError};
