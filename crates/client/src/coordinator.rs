//! The coordinator of a hub: durable promises, the tasks that fulfil them, schedules that create them.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use concierge_client::coordinator::{NewPromise, Task, json};
//! use concierge_client::{Client, Options};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // a worker of the group `clerks`, which is a tag of its client
//! let clerk = Client::connect(Options::new("localhost", "clerk_1")?.tag("clerks")).await?;
//! let worker = clerk.coordinator().await?.worker("clerks")?.concurrency(8);
//! tokio::spawn(worker.run(
//!     async |task: Task| {
//!         let order: u32 = json::from_value(&task.promise().param).unwrap_or_default();
//!         // the answer of a person: the run ends here, and begins again when there is one
//!         let approval = NewPromise::within(format!("order:{order}:approval").parse()?, Duration::from_secs(3600));
//!         let approved = task.result_of(approval).await?;
//!         Ok(approved.value)
//!     },
//!     std::future::pending(), // until it is told to stop
//! ));
//!
//! // whoever wants its work done
//! let ada = Client::connect(Options::new("localhost", "ada")?).await?.coordinator().await?;
//! let order = NewPromise::within("order:7".parse()?, Duration::from_secs(86_400)).json(&7)?.target(&"any@clerks".parse()?);
//! ada.create(order).await?;
//! let settled = ada.wait(&"order:7".parse()?).await?; // however often connection or hub are lost meanwhile
//! println!("{:?}: {}", settled.state, json::from_value::<serde_json::Value>(&settled.value)?);
//! # Ok(()) }
//! ```
//!
//! Requests that may be repeated without harm are: for [`Options::request_within`](crate::Options::request_within), while the
//! connection is lost, the coordinator has too much to do (429) or its store fails (500). [`Coordinator::ask`] alone asks once.
//!
//! Queues and their bounds: 512 requests wait for answers, the next one waits for its turn; answers and offers come through a
//! [`Subscription`], and when that drops some, all requests that wait are told that their answers are lost;
//! 1,024 offered tasks wait for a worker, then the oldest is forgotten, for it is offered again.

mod calls;
mod error;
pub mod json;
mod leases;
mod new_promise;
mod offers;
mod promises;
mod schedules;
mod task;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::Target;
use concierge_api_rs::coordinator::Dialect;
pub use concierge_api_rs::coordinator::{
    Address, Claims, GroupName, Millis, Pid, Promise, PromiseCreate, PromiseId, PromiseSearch, PromiseSettle, PromiseState,
    Request, Response, Schedule, ScheduleCreate, ScheduleId, ScheduleSearch, SettleState, Tags, Task as TaskRecord, TaskRef,
    TaskState, Value,
};
use futures::StreamExt;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::client::Client;
use crate::error::RequestError;
use crate::streams::{Delivery, Subscription};
use calls::{Answer, Calls};
pub use error::{AskError, CreateError, GetError, Refused, ScheduleError, SearchError, SettleError, WaitError};
pub use new_promise::NewPromise;
pub use task::{Break, Task};
pub use worker::{AsyncWork, Ended, Worker, WorkerEnded, WorkerError};

/// The coordinator's service.
const SERVICE: &str = "coordinator";
/// The first wait before a request is repeated; each is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait before a request is repeated.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The coordinator of a client's hub. Clones share everything.
#[derive(Clone)]
pub struct Coordinator(pub(crate) Arc<Connected>);

/// What the handles share.
pub(crate) struct Connected {
    client: Client,
    calls: Arc<Calls>,
    _reader: AbortOnDropHandle<()>,
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("client", &self.0.client).finish_non_exhaustive()
    }
}

impl Coordinator {
    /// Subscribes, and reads what comes for as long as there is a handle.
    pub(crate) async fn connect(client: Client) -> Result<Self, AskError> {
        let feed = client.subscribe(SERVICE).await.map_err(|error| match error {
            RequestError::InvalidService(_) => AskError::Absent,
            error => AskError::Hub(error),
        })?;
        let calls = Arc::new(Calls::new());
        let _reader = AbortOnDropHandle::new(tokio::spawn(read(feed, calls.clone())));
        Ok(Self(Arc::new(Connected { client, calls, _reader })))
    }

    /// The client that asks.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Asks once. The answer has status 200, or 300 for `task.suspend`; every other status is [`AskError::Refused`].
    ///
    /// # Errors
    /// When it is refused, or there is no answer; after [`AskError::Lost`] and [`AskError::NoAnswer`] it may have happened.
    pub async fn ask(&self, request: &Request) -> Result<Response, AskError> {
        let _turn = self.0.calls.turn().await;
        let call = self.0.calls.call();
        let text = request.encode(Dialect::V20260401, &call.corr_id).ok_or(AskError::Unspeakable)?;
        let data = RawValue::from_string(text).expect("a request is JSON");
        let service = SERVICE.parse().expect("it is a name");
        self.0.client.send(Target::Service { service }, &*data).await.map_err(|error| match error {
            RequestError::InvalidService(_) => AskError::Absent,
            error => AskError::Hub(error),
        })?;
        let within = self.0.client.options().request_within;
        let answer = tokio::time::timeout(within, call.answer()).await.map_err(|_| AskError::NoAnswer(within))?;
        let Answer::Came(response) = answer else { return Err(AskError::Lost) };
        match response.status {
            200 | 300 => Ok(response),
            status => Err(AskError::Refused(Refused { status, sentence: response.sentence().unwrap_or_default() })),
        }
    }

    /// Asks, again and again while that makes sense, for [`Options::request_within`](crate::Options::request_within). Only for what
    /// may be done twice.
    pub(crate) async fn insist(&self, request: &Request) -> Result<Response, AskError> {
        let until = Instant::now() + self.0.client.options().request_within;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.ask(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if !error.is_passing() || Instant::now() + pause >= until {
                return Err(error);
            }
            tracing::debug!(%error, ?pause, "a request to the coordinator is repeated");
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Where this client is reached, whatever its tags.
    fn address(&self) -> Address {
        let name = &self.0.client.options().name;
        Address::parse(&format!("uni@hub/{name}")).expect("a client's name can be a pid")
    }

    /// What this client calls itself when it claims.
    fn pid(&self) -> Pid {
        Pid::parse(self.0.client.options().name.as_str()).expect("a client's name can be a pid")
    }
}

/// Hands on what comes, until the stream ends.
async fn read(mut feed: Subscription, calls: Arc<Calls>) {
    while let Some(delivery) = feed.next().await {
        match delivery {
            Delivery::Message(message) => calls.take(message.data.get()),
            Delivery::Lagged(lost) => {
                tracing::warn!(lost, "answers of the coordinator were dropped because they were not read");
                calls.lose();
            }
            Delivery::Paused => calls.lose(),
            Delivery::Resumed => calls.look_again(),
        }
    }
    calls.end();
}

#[cfg(test)]
mod tests;
