//! The router of a hub: requests and pushes to workers that are named by what they do, and to be such a worker.
//!
//! ```no_run
//! use concierge_client::router::{Fault, FaultCode, HandleOptions, Request};
//! use concierge_client::{Client, Options};
//! use futures::StreamExt;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // a worker: whoever asks for `math/…` gets here, or to another one like it
//! let bob = Client::connect(Options::new("localhost", "bob")?).await?.router().await?;
//! let add = async |request: Request| {
//!     let [a, b]: [i64; 2] = request.json()?;
//!     a.checked_add(b).ok_or_else(|| Fault::new(FaultCode::Limit, &["a", "b"]))
//! };
//! let count = async |request: Request| {
//!     let below: u32 = request.json()?;
//!     for n in 0..below {
//!         request.part(&n).await?; // this future is dropped when nobody waits for the answer any more
//!     }
//!     Ok::<_, Fault>(below)
//! };
//! let _adding = bob.handle("math/add", add, HandleOptions::default()).await?; // until it is dropped
//! let _counting = bob.handle("math/count", count, HandleOptions::default()).await?;
//!
//! // whoever wants something done
//! let ada = Client::connect(Options::new("localhost", "ada")?).await?.router().await?;
//! let sum: i64 = ada.request("math/add", &[1, 2]).await?.json()?;
//! let mut numbers = ada.request_many("math/count", &1_000_000).await?;
//! while let Some(number) = numbers.next().await {
//!     if number?.json::<i64>()? == sum {
//!         break;
//!     }
//! }
//! drop(numbers); // the worker is told
//! ada.push("math/thanks", &"bob").await?; // never answered
//! # Ok(()) }
//! ```
//!
//! Every request ends: with its answer, with an error of the protocol ([`Fault`]), or with what this client finds by itself. None
//! is repeated, for it may have been done. A request that is dropped is cancelled. After a reconnect the hub is told again what
//! is handled.
//!
//! Queues and their bounds: [`Options::router_in_flight`](crate::Options::router_in_flight) requests are open, the next one waits
//! for its turn; 1,024 parts of an answer wait to be read, then it ends with [`RouterError::Overrun`]; each handler runs as often
//! at once as [`HandleOptions::concurrency`] says, and what comes beyond it is answered LIMIT; what comes through the
//! [`Subscription`] faster than it is read ends all open requests with [`RouterError::Overrun`].

mod asides;
mod calls;
mod durable;
mod error;
mod handlers;
mod parts;
mod request;
mod runs;
mod send;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::PromiseId;
use concierge_api_rs::packet::{self, Cmd, Datagram, Packet, Push};
pub use concierge_api_rs::packet::{Category, Durable, FaultCode, Group, Headers, Subject, WordError};
use concierge_api_rs::{Target, limits};
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::client::{Client, Told};
use crate::driver::Provided;
use crate::error::RequestError;
use crate::message::Message;
use crate::streams::{Delivery, Subscription};
use asides::{Aside, Asides, speak};
use calls::{Call, Calls, Said};
pub use durable::outcome;
pub use error::{Fault, RouterError};
pub use handlers::{HandleError, HandleOptions};
use handlers::{Handler, Handlers, Pattern};
pub use parts::{Answer, Parts};
pub use request::Request;
use request::{Mark, failure};
use runs::Runs;

/// The router's service.
const SERVICE: &str = "router";
/// How long an answer is waited for: a little more than a hub lets a worker have by default.
const WITHIN: Duration = Duration::from_millis(limits::ROUTER_WITHIN_MS + 5_000);
/// How long the hub is left alone when it could not be told what is handled.
const PAUSE: Duration = Duration::from_secs(1);

/// The router of a client's hub. Clones share everything but the subject and the patience.
#[derive(Clone)]
pub struct Router {
    connected: Arc<Connected>,
    subject: Subject,
    within: Duration,
}

/// What the handles share.
pub(crate) struct Connected {
    core: Arc<Core>,
    _tasks: [AbortOnDropHandle<()>; 3],
}

/// What the tasks behind the handles share.
struct Core {
    client: Client,
    calls: Arc<Calls>,
    handlers: Handlers,
    asides: Asides,
}

/// A push that was sent. Waiting for it tells whether it arrived at the hub; nothing tells whether anybody
/// got it.
#[derive(Debug)]
#[must_use = "that it was sent does not say that it arrived"]
pub struct Pushed(Told);

/// A command that is handled. Dropping it ends that; what is under way goes on.
#[derive(Debug)]
#[must_use = "a handler serves as long as this exists"]
pub struct Serving {
    router: Router,
    handler: Arc<Handler>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("client", self.client()).field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Connected {
    /// Subscribes, and reads what comes for as long as there is a handle. A hub that may know handlers of earlier handles is told
    /// that they are gone.
    pub(crate) async fn connect(client: Client, again: bool) -> Result<Self, RouterError> {
        let feed = client.subscribe(SERVICE).await?;
        let (asides, waiting) = Asides::new();
        let calls = Arc::new(Calls::new(client.options().router_in_flight, asides.clone()));
        let core = Arc::new(Core { client: client.clone(), calls, handlers: Handlers::new(again), asides });
        let tasks =
            [tokio::spawn(read(feed, core.clone())), tokio::spawn(tell(core.clone())), tokio::spawn(speak(client, waiting))];
        Ok(Self { core, _tasks: tasks.map(AbortOnDropHandle::new) })
    }
}

impl Router {
    pub(crate) fn of(connected: Arc<Connected>) -> Self {
        Self { connected, subject: Subject::api(), within: WITHIN }
    }

    /// The client that asks.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.connected.core.client
    }

    /// The same router; what this handle sends goes to that subject. Default: `api`.
    #[must_use]
    pub fn subject(&self, subject: Subject) -> Self {
        Self { subject, ..self.clone() }
    }

    /// The same router; this handle waits that long for answers, its turn and a lost connection included. The hub answers TIMEOUT
    /// by itself, after 10 s unless it was told otherwise. Default: 15 s.
    #[must_use]
    pub fn within(&self, within: Duration) -> Self {
        Self { within, ..self.clone() }
    }

    /// Asks for one answer. Dropping the future cancels the request.
    ///
    /// # Errors
    /// [`RouterError::Fault`] when that is the answer; others when there is none, or not one.
    pub async fn request<T: Serialize + ?Sized>(&self, cmd: impl AsRef<str>, body: &T) -> Result<Answer, RouterError> {
        let asked = Asked::new(cmd.as_ref(), body, None)?;
        self.patiently(async { one(self.open(asked).await?).await }).await
    }

    /// Asks for an answer that may come in parts. Dropping the stream before its end cancels the request.
    ///
    /// # Errors
    /// When it cannot be sent; what comes of it is in the stream.
    pub async fn request_many<T: Serialize + ?Sized>(&self, cmd: impl AsRef<str>, body: &T) -> Result<Parts, RouterError> {
        let asked = Asked::new(cmd.as_ref(), body, None)?;
        let until = Instant::now() + self.within;
        let call = self.patiently(self.open(asked)).await?;
        Ok(Parts::new(self.clone(), call, self.within, until))
    }

    /// Asks for an answer that outlives this connection and the worker's: it is a promise of the coordinator, which
    /// [waits](crate::coordinator::Coordinator::wait) for it, and [`outcome`] reads it. `Ok` when the request is durably kept. With
    /// an id of its own ([`Durable::promise`]) it may be repeated without harm.
    ///
    /// # Errors
    /// UNAVAILABLE (`coordinator`) when the hub has none; as [`Router::request`].
    pub async fn request_durable<T: Serialize + ?Sized>(
        &self,
        cmd: impl AsRef<str>,
        body: &T,
        durable: Durable,
    ) -> Result<PromiseId, RouterError> {
        #[derive(Deserialize)]
        struct Kept {
            promise: PromiseId,
        }
        let asked = Asked::new(cmd.as_ref(), body, Some(durable))?;
        let answer = self.patiently(async { one(self.open(asked).await?).await }).await?;
        let Kept { promise } = answer.json()?;
        Ok(promise)
    }

    /// Pushes: to all workers of the category, of each group to one. `Ok` when it has its place in the order of what is sent.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn push<T: Serialize + ?Sized>(&self, cmd: impl AsRef<str>, body: &T) -> Result<Pushed, RouterError> {
        let Asked { cmd, data, .. } = Asked::new(cmd.as_ref(), body, None)?;
        let push = Push { cmd, data: Cow::Owned(data) };
        let packet = Packet { subject: self.subject.clone(), datagram: push.into() }.encode();
        let posted = async { Ok(send::post(self.client(), packet, Provided::Nothing).await?) };
        self.patiently(posted).await.map(Pushed)
    }

    /// Serves a command (`math/add`), or all of a category that have no handler of their own (`math/*`). `Ok` when the hub was told;
    /// it is told again after each reconnect. A hub that lets only some clients be workers (`router.worker_tags`) does not say so.
    ///
    /// What the handler returns is the answer: something that is JSON, or a [`Fault`], which every error becomes. One that panics
    /// answers GENERIC. It runs in a task of its own, which is dropped when nobody waits for the answer any more.
    ///
    /// # Errors
    /// When there cannot be such a handler now, or the hub cannot be told.
    pub async fn handle<F, R, T, E>(
        &self,
        cmd: impl AsRef<str>,
        handler: F,
        options: HandleOptions,
    ) -> Result<Serving, HandleError>
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: Into<Fault>,
    {
        let pattern = Pattern::parse(cmd.as_ref())?;
        let run = Box::new(move |request| {
            let work = handler(request);
            async move { work.await.map_err(Into::into).and_then(|answer| Ok(to_raw_value(&answer)?)) }.boxed()
        });
        let handler = Arc::new(Handler::new(pattern, options, run));
        let handlers = &self.connected.core.handlers;
        let generation = handlers.add(handler.clone())?;
        let serving = Serving { router: self.clone(), handler };
        serving.known(generation).await?;
        Ok(serving)
    }

    async fn open(&self, Asked { cmd, data, durable }: Asked) -> Result<Call, RouterError> {
        let call = self.connected.core.calls.call(self.subject.clone()).await;
        let request = packet::Request { cmd, reqid: Some(call.reqid.clone()), durable, data: Cow::Owned(data) };
        let packet = Packet { subject: self.subject.clone(), datagram: request.into() }.encode();
        match send::send(self.client(), packet).await {
            Ok(()) => Ok(call),
            Err(error @ RequestError::TimedOut(_)) => Err(error.into()),
            Err(error) => {
                call.unsent();
                Err(error.into())
            }
        }
    }

    async fn patiently<T>(&self, work: impl Future<Output = Result<T, RouterError>>) -> Result<T, RouterError> {
        timeout(self.within, work).await.unwrap_or(Err(RouterError::TimedOut(self.within)))
    }
}

/// What is asked for, in the words of the protocol.
struct Asked {
    cmd: Cmd,
    data: Box<RawValue>,
    durable: Option<Durable>,
}

impl Asked {
    fn new<T: Serialize + ?Sized>(cmd: &str, body: &T, durable: Option<Durable>) -> Result<Self, RouterError> {
        Ok(Self { cmd: Cmd::parse(cmd)?, data: to_raw_value(body)?, durable })
    }
}

/// The only response.
async fn one(mut call: Call) -> Result<Answer, RouterError> {
    let answer = call.next().await.answer()?;
    if answer.more { Err(RouterError::InParts) } else { Ok(answer) }
}

impl Pushed {
    /// Waits until the hub has it.
    ///
    /// # Errors
    /// When it did not arrive.
    pub async fn arrived(self) -> Result<(), RouterError> {
        RequestError::check(self.0.await.unwrap_or(Err(RequestError::Closed))?)?;
        Ok(())
    }
}

impl Serving {
    /// The command, as it was given.
    #[must_use]
    pub fn cmd(&self) -> String {
        self.handler.pattern.to_string()
    }

    /// Ends it in good order: tells the hub, takes what was on the way meanwhile, and waits for what is under way.
    ///
    /// # Errors
    /// When the hub cannot be told; it is ended all the same.
    pub async fn stop(self) -> Result<(), RequestError> {
        let generation = self.handlers().leave(&self.handler);
        self.known(generation).await?;
        self.handlers().remove(&self.handler);
        let all = u32::try_from(self.handler.options.turns()).unwrap_or(u32::MAX);
        drop(self.handler.turns.acquire_many(all).await);
        Ok(())
    }

    async fn known(&self, generation: u64) -> Result<(), RequestError> {
        let within = self.router.client().options().request_within;
        timeout(within, self.handlers().known(generation)).await.unwrap_or(Err(RequestError::TimedOut(within)))
    }

    fn handlers(&self) -> &Handlers {
        &self.router.connected.core.handlers
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handlers().remove(&self.handler);
    }
}

/// Tells the router what is handled, whenever that changes and whenever it may have forgotten.
async fn tell(core: Arc<Core>) {
    loop {
        core.handlers.changed.notified().await;
        while !core.handlers.is_ended() {
            let (generation, serve) = core.handlers.serve();
            if generation == 0 {
                break; // nothing was ever handled
            }
            let packet = Packet { subject: Subject::router(), datagram: Push::serve(&serve).into() };
            match send::send(&core.client, packet.encode()).await {
                Ok(()) => core.handlers.tell(generation),
                // on the next connection it is to be told again anyway
                Err(RequestError::Disconnected | RequestError::InvalidService(_) | RequestError::Closed) => {}
                Err(error) => {
                    tracing::warn!(%error, "the hub could not be told what is handled; it is told again");
                    sleep(PAUSE).await;
                    continue;
                }
            }
            break;
        }
    }
}

/// Hands on what comes, until the stream ends.
async fn read(mut feed: Subscription, core: Arc<Core>) {
    let mut runs = Runs::default();
    loop {
        let delivery = tokio::select! {
            biased; // what has ended makes room for what comes
            () = runs.ended() => continue,
            delivery = feed.next() => delivery,
        };
        match delivery {
            Some(Delivery::Message(message)) => core.take(&message, &mut runs),
            Some(Delivery::Lagged(lost)) => {
                tracing::warn!(lost, "packets of the router were dropped because they were not read");
                core.calls.lose(|| Said::Overrun);
            }
            Some(Delivery::Paused) => {
                core.calls.lose(|| Said::Disconnected);
                runs.cancel_all();
            }
            Some(Delivery::Resumed) => core.handlers.changed.notify_one(),
            None => break,
        }
    }
    core.calls.lose(|| Said::Closed);
    core.handlers.end();
}

impl Core {
    /// A packet came.
    fn take(&self, message: &Message, runs: &mut Runs) {
        let text = message.data.get();
        let Packet { subject, datagram } = match Packet::decode(text) {
            Ok(packet) => packet,
            Err(error) => return tracing::debug!(%error, "the router said something that cannot be read"),
        };
        match datagram {
            Datagram::Response(response) => self.calls.take(response, subject),
            Datagram::Push(push) => match push.cancels() {
                Some(reqid) => runs.cancel(&reqid),
                None => self.handle((subject, push.cmd), &push.data, Headers::read(text), None, runs),
            },
            Datagram::Request(request) => {
                let Some(reqid) = request.reqid else { return };
                let on = match message.target {
                    Target::ServiceClientUuid { uuid, .. } => uuid,
                    _ => self.client.uuid(),
                };
                let mark = Some(Mark { reqid, on });
                self.handle((subject, request.cmd), &request.data, Headers::read(text), mark, runs);
            }
        }
    }

    /// To the handler that there is for it, or back.
    fn handle(&self, to: (Subject, Cmd), body: &RawValue, headers: Headers, mark: Option<Mark>, runs: &mut Runs) {
        let taken = self.handlers.find(&to.1, &to.0).and_then(|handler| {
            let turn = handler.turns.clone().try_acquire_owned();
            Ok((handler, turn.map_err(|_| Fault::new(FaultCode::Limit, &["requests"]))?))
        });
        match (taken, mark) {
            (Ok((handler, turn)), mark) => {
                let reqid = mark.as_ref().map(|mark| mark.reqid.clone());
                let request = |over| Request::new(self.client.clone(), to, body.to_owned(), headers, mark, over);
                runs.begin(handler, turn, reqid, request);
            }
            (Err(fault), Some(Mark { reqid, on })) => {
                self.asides.say(Aside::response(failure(&to.0, &reqid, &fault), Provided::On(on)));
            }
            (Err(fault), None) => tracing::warn!(cmd = %to.1, %fault, "a push was dropped"),
        }
    }
}

#[cfg(test)]
mod tests;
