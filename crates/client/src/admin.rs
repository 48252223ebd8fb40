//! The admin service of a hub: watch it, and end connections.
//!
//! ```no_run
//! use concierge_client::admin::{Admin, News, Op};
//! use concierge_client::{Client, Options};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(Options::new("localhost", "operator")?).await?;
//! let mut admin = Admin::connect(&client, Some("the admin secret")).await?;
//! admin.watch(Op::StatsWatch { every_ms: 1_000 }).await?;
//! while let News::Stats(stats) = admin.next().await? {
//!     println!("{} clients, {} messages so far", stats.clients, stats.messages);
//! }
//! # Ok(()) }
//! ```
//!
//! After the connection was lost and made again, the secret is presented and what was watched is watched again, events from
//! the last one on.

use std::collections::VecDeque;
use std::time::Duration;

use concierge_api_rs::Target;
pub use concierge_api_rs::admin::{
    Account, CategoryRecord, ClientRecord, Clients, CoordinatorStats, Direction, Event, Events, FaultRecord, FileChange,
    FileEvent, Files, Frames, Happening, History, Messages, Moment, Named, NatsRecord, Op, Opcode, Overheard, Page, Promises,
    Refusal, RefusalCode, RouteRecord, RouterTotals, Routing, SeenFrame, Stats, Step, Tasks, Usage, WorkerRecord, may_kick_with,
};
use concierge_api_rs::admin::{Ask, SERVICE, Said};
use futures::StreamExt;
use serde_json::Value;

use crate::client::Client;
use crate::error::RequestError;
use crate::streams::{Delivery, Subscription};

/// News that waits while an answer is waited for; then the oldest is dropped.
const NEWS: usize = 256;

/// The admin service of a client's hub.
#[derive(Debug)]
pub struct Admin {
    client: Client,
    feed: Subscription,
    secret: Option<String>,
    watched: Vec<Op>,
    /// The number of the last request.
    asked: u64,
    news: VecDeque<News>,
    /// The connection was made again since something was asked.
    resumed: bool,
}

/// What is told to those who watch.
#[derive(Debug, Clone)]
pub enum News {
    /// A snapshot of the totals.
    Stats(Box<Stats>),
    /// How the router stands.
    Router(Box<Routing>),
    /// Clients that came, changed or went.
    Clients(Clients),
    /// What happened.
    Events(Events),
    /// What was said to a service.
    Messages(Messages),
    /// What came from a client and went to it. One that is gone is watched no more.
    Frames(Frames),
    /// Promises that changed.
    Promises(Promises),
    /// Tasks that changed.
    Tasks(Tasks),
    /// Files that changed.
    Files(Files),
}

/// Why the admin service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It refused.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The hub has none.
    #[error("this hub has no admin service")]
    Absent,
    /// The hub did not take the request.
    #[error(transparent)]
    Hub(RequestError),
    /// The connection was lost before the answer came: it may have happened.
    #[error("the answer of the admin service was lost")]
    Lost,
    /// No answer in time: it may happen.
    #[error("the admin service did not answer within {0:?}")]
    NoAnswer(Duration),
    /// What it says cannot be read.
    #[error("what the admin service says cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// The client is closed.
    #[error("the connection is closed")]
    Closed,
}

impl From<RequestError> for AdminError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::InvalidService(_) => Self::Absent,
            error => Self::Hub(error),
        }
    }
}

/// What comes over the subscription.
enum Heard {
    Said(Said),
    Lost,
    Resumed,
}

impl Admin {
    /// Subscribes, and presents the admin secret where there is one. The client has to want messages.
    ///
    /// # Errors
    /// [`AdminError::Absent`], [`AdminError::Refused`] when the secret is wrong, or as every request.
    pub async fn connect(client: &Client, secret: Option<&str>) -> Result<Self, AdminError> {
        let feed = client.subscribe(SERVICE).await?;
        let (secret, watched, news) = (secret.map(str::to_owned), Vec::new(), VecDeque::new());
        let mut admin = Self { client: client.clone(), feed, secret, watched, asked: 0, news, resumed: false };
        admin.present().await?;
        Ok(admin)
    }

    /// Asks once; what it leads to, as JSON.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn ask(&mut self, op: Op) -> Result<Value, AdminError> {
        self.asked += 1;
        let id = Value::from(self.asked);
        let service = SERVICE.parse().expect("it is a name");
        self.client.send(Target::Service { service }, &Ask { id: id.clone(), op }).await?;
        let within = self.client.options().request_within;
        tokio::time::timeout(within, self.answer(&id)).await.unwrap_or(Err(AdminError::NoAnswer(within)))
    }

    /// Asks for news, which [`Admin::next`] gives, also after the connection was lost and made again.
    ///
    /// # Errors
    /// As every request.
    pub async fn watch(&mut self, op: Op) -> Result<Value, AdminError> {
        let answer = self.ask(op.clone()).await?;
        self.watched.push(op);
        Ok(answer)
    }

    /// How the router stands.
    ///
    /// # Errors
    /// [`RefusalCode::InvalidService`] when there is none, or as every request.
    pub async fn router(&mut self) -> Result<Routing, AdminError> {
        Ok(serde_json::from_value(self.ask(Op::RouterLook).await?)?)
    }

    /// Ends a client's connection with that code (4013 is the usual one) and reason.
    ///
    /// # Errors
    /// [`RefusalCode::InvalidUuid`] when it is not there, or as every request.
    pub async fn kick(&mut self, uuid: concierge_api_rs::ClientId, code: u16, reason: &str) -> Result<(), AdminError> {
        self.ask(Op::ClientsKick { uuid, code, reason: reason.to_owned() }).await.map(drop)
    }

    /// The next news of what is watched.
    ///
    /// # Errors
    /// [`AdminError::Closed`] when the client is closed, or why watching could not begin again.
    pub async fn next(&mut self) -> Result<News, AdminError> {
        loop {
            if self.resumed {
                self.begin_again().await?;
                continue;
            }
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            match self.hear().await? {
                Heard::Said(said) => self.keep(said),
                Heard::Resumed => self.resumed = true,
                Heard::Lost => {}
            }
        }
    }

    async fn begin_again(&mut self) -> Result<(), AdminError> {
        let again = async {
            self.present().await?;
            for op in self.watched.clone() {
                self.ask(op).await?;
            }
            Ok(())
        };
        // should this be dropped on the way, it begins once more
        let again = again.await;
        self.resumed = false;
        match again {
            // and when the connection is there again
            Err(AdminError::Lost | AdminError::Hub(RequestError::Disconnected)) => Ok(()),
            begun => begun,
        }
    }

    async fn present(&mut self) -> Result<(), AdminError> {
        match self.secret.clone() {
            Some(secret) => self.ask(Op::Auth { secret }).await.map(drop),
            None => Ok(()),
        }
    }

    async fn answer(&mut self, to: &Value) -> Result<Value, AdminError> {
        loop {
            match self.hear().await? {
                Heard::Said(Said::Done { id, ok }) if id == *to => return Ok(ok),
                Heard::Said(Said::Refused { id, error }) if id == *to => return Err(AdminError::Refused(error)),
                Heard::Said(said) => self.keep(said),
                // this was asked on the new connection already; what is watched is not
                Heard::Resumed => self.resumed = true,
                Heard::Lost => return Err(AdminError::Lost),
            }
        }
    }

    async fn hear(&mut self) -> Result<Heard, AdminError> {
        loop {
            let Some(delivery) = self.feed.next().await else { return Err(AdminError::Closed) };
            return Ok(match delivery {
                Delivery::Message(message) => match Said::decode(message.data.get())? {
                    Some(said) => Heard::Said(said),
                    None => continue,
                },
                Delivery::Lagged(_) => continue,
                Delivery::Paused => Heard::Lost,
                Delivery::Resumed => Heard::Resumed,
            });
        }
    }

    fn keep(&mut self, said: Said) {
        let news = match said {
            Said::Stats { stats } => News::Stats(stats),
            Said::Router { router } => News::Router(router),
            Said::Clients(clients) => News::Clients(clients),
            Said::Events(events) => News::Events(events),
            Said::Messages(messages) => News::Messages(messages),
            Said::Frames(frames) => News::Frames(frames),
            Said::Promises(promises) => News::Promises(promises),
            Said::Tasks(tasks) => News::Tasks(tasks),
            Said::Files(files) => News::Files(files),
            // answers to what nobody waits for any more
            Said::Done { .. } | Said::Refused { .. } => return,
        };
        match &news {
            News::Events(events) => self.told(events),
            // it could not be watched again
            News::Frames(frames) if frames.gone => self.watched.retain(|op| *op != Op::FramesWatch { uuid: frames.uuid }),
            _ => {}
        }
        if self.news.len() == NEWS {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    /// What is watched again begins behind these.
    fn told(&mut self, events: &Events) {
        let last = events.events.last().map(|last| last.n);
        for op in &mut self.watched {
            if let Op::EventsWatch { since } = op {
                *since = last.or(*since);
            }
        }
    }
}
