//! A client of a hub.

use std::sync::{Arc, Weak};

use concierge_api_rs::{
    ClientFetch, ClientFetchAll, ClientId, ClientInfo, Hello, Message as MessagePayload, NameError, PayloadIn, PayloadOut,
    SelfFetch, SelfSubscribe, SelfUnsubscribe, ServiceCreate, ServiceDelete, ServiceFetch, ServiceFetchAll, ServiceInfo,
    ServiceName, Target,
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::backoff::Attempts;
use crate::connect::{self, Socket};
use crate::coordinator::{AskError, Connected, Coordinator};
use crate::driver::{Change, Driver, Provided, Request};
use crate::error::{ConnectError, RequestError};
use crate::files::Files;
use crate::link::Link;
use crate::options::Options;
use crate::router::{self, Router, RouterError};
use crate::shared::Shared;
use crate::status::Status;
use crate::streams::{Events, Inbox, StatusChanges, Subscription};

/// What the hub answers, later.
pub(crate) type Told = oneshot::Receiver<Result<PayloadOut, RequestError>>;

/// Requests between the handles and the connection; more wait in their callers.
const REQUESTS: usize = 64;

/// A client of a hub. Clones share the connection.
///
/// The connection lives until [`Client::close`], or until the last clone is dropped (then without a good-bye). While it is
/// lost and being made again, requests wait for it as long as [`Options::request_within`] allows.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: Arc<Options>,
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    in_flight: Arc<Semaphore>,
    closing: CancellationToken,
    /// What the handles of the coordinator share, while there is one.
    coordinator: Mutex<Weak<Connected>>,
    /// The same of the router.
    router: Mutex<Weak<router::Connected>>,
    _task: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// A client and the services it is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientDetails {
    /// The client.
    pub client: ClientInfo,
    /// In the order it subscribed.
    pub subscriptions: Vec<ServiceInfo>,
}

impl Client {
    /// Connects, identifies and waits for HELLO.
    ///
    /// # Errors
    /// When the first attempt fails; with [`Reconnect::from_the_start`](crate::Reconnect), when the policy gives up.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let (socket, hello) = first_connection(&options).await?;
        let link = Link::new(socket, hello);
        let shared = Arc::new(Shared::new(options.stream_capacity, link.hello.clone()));
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let closing = CancellationToken::new();
        let options = Arc::new(options);
        let driver = Driver::new(options.clone(), shared.clone(), receiver, closing.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(driver.run(link)));
        let in_flight = Arc::new(Semaphore::new(options.in_flight));
        let (coordinator, router) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { options, shared, requests, in_flight, closing, coordinator, router, _task: task })))
    }

    /// Says good-bye, waits for the hub's (at most [`Options::close_within`]), and ends every stream. All clones are closed;
    /// requests that have no answer yet fail, so wait for those that matter first.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let mut status = self.0.shared.status();
        // an error means that the shared state is gone, which holds the sender: impossible while `self` lives
        let _ = status.wait_for(|status| matches!(status, Status::Closed(_))).await;
    }

    /// The present connection's HELLO, or the last one's: the public id, the protocol version, the file key.
    #[must_use]
    pub fn hello(&self) -> Arc<Hello> {
        self.0.shared.hello()
    }

    /// The public id on the present connection, or the last one. A reconnect changes it.
    #[must_use]
    pub fn uuid(&self) -> ClientId {
        self.hello().uuid
    }

    /// The options that it connected with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// How the connection is now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.shared.status().borrow().clone()
    }

    /// How the connection is, now and from now on.
    #[must_use]
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges(self.0.shared.changes())
    }

    /// Messages to this client. The first inbox begins with those that have come since HELLO; every later one begins now.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox(self.0.shared.inbox())
    }

    /// Who comes and goes from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(self.0.shared.events())
    }

    /// This client's folder on the hub's file server.
    #[must_use]
    pub fn files(&self) -> Files {
        Files::of_client(self.0.options.clone(), self.0.shared.clone())
    }

    /// The hub's coordinator: durable promises, tasks, schedules. Subscribes to its service, which it leaves when the last handle
    /// is dropped. All handles of a client are the same.
    ///
    /// # Errors
    /// [`AskError::Absent`] when the hub has none, or as every request.
    pub async fn coordinator(&self) -> Result<Coordinator, AskError> {
        let mut present = self.0.coordinator.lock().await;
        if let Some(connected) = present.upgrade() {
            return Ok(Coordinator(connected));
        }
        let coordinator = Coordinator::connect(self.clone()).await?;
        *present = Arc::downgrade(&coordinator.0);
        Ok(coordinator)
    }

    /// The hub's router: requests and pushes to workers, and to be a worker. Subscribes to its service, which it leaves when the
    /// last handle is dropped. All handles of a client are the same.
    ///
    /// # Errors
    /// [`RouterError::Absent`] when the hub has none, or as every request.
    pub async fn router(&self) -> Result<Router, RouterError> {
        let mut present = self.0.router.lock().await;
        if let Some(connected) = present.upgrade() {
            return Ok(Router::of(connected));
        }
        let again = !present.ptr_eq(&Weak::new());
        let connected = Arc::new(router::Connected::connect(self.clone(), again).await?);
        *present = Arc::downgrade(&connected);
        Ok(Router::of(connected))
    }

    /// SELF_SUBSCRIBE: a stream of what the service's owner says. Subscribing twice gives two streams of the same messages.
    ///
    /// # Errors
    /// [`RequestError::InvalidService`] when there is no such service, or as every request.
    pub async fn subscribe(&self, service: impl AsRef<str>) -> Result<Subscription, RequestError> {
        let (subscription, answer) = self.try_subscribe(service.as_ref()).await?;
        answer.map(|()| subscription)
    }

    /// As [`Client::subscribe`], but the service need not be there yet: the stream then begins, with
    /// [`Delivery::Resumed`](crate::Delivery), when it is created. A connection that is lost on the way is no error either:
    /// the next one subscribes.
    ///
    /// # Errors
    /// As every request.
    pub async fn follow(&self, service: impl AsRef<str>) -> Result<Subscription, RequestError> {
        match self.try_subscribe(service.as_ref()).await? {
            (subscription, Ok(()) | Err(RequestError::InvalidService(_) | RequestError::Disconnected)) => Ok(subscription),
            (_, Err(error)) => Err(error),
        }
    }

    async fn try_subscribe(&self, service: &str) -> Result<(Subscription, Result<(), RequestError>), RequestError> {
        let service = service_name(service)?;
        let subscription = Subscription::new(service.clone(), self.0.shared.clone());
        let payload = SelfSubscribe { service: service.clone() };
        let answer = match self.request(&payload, Change::Subscribe(service)).await {
            Ok(PayloadOut::SelfSubscribeResult(_)) => Ok(()),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(error),
        };
        Ok((subscription, answer))
    }

    /// SELF_UNSUBSCRIBE: ends all streams of the service. False when the client was not subscribed.
    ///
    /// # Errors
    /// [`RequestError::InvalidService`] when there is no such service, or as every request.
    pub async fn unsubscribe(&self, service: impl AsRef<str>) -> Result<bool, RequestError> {
        let service = service_name(service.as_ref())?;
        match self.request(&SelfUnsubscribe { service: service.clone() }, Change::Unsubscribe(service)).await? {
            PayloadOut::SelfUnsubscribeResult(result) => Ok(result.successful),
            other => Err(unexpected(&other)),
        }
    }

    /// SELF_FETCH: who this client is, and what it is subscribed to.
    ///
    /// # Errors
    /// As every request.
    pub async fn whoami(&self) -> Result<ClientDetails, RequestError> {
        match self.request(&SelfFetch {}, Change::Nothing).await? {
            PayloadOut::SelfFetchResult(result) => {
                Ok(ClientDetails { client: result.client, subscriptions: result.subscriptions })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// SERVICE_CREATE: this client owns the service from now on, across reconnects. Its subscribers' answers come to the
    /// [`Inbox`].
    ///
    /// # Errors
    /// [`RequestError::Exists`], with the existing service, or as every request.
    pub async fn create_service(&self, service: impl AsRef<str>, nickname: Option<&str>) -> Result<ServiceInfo, RequestError> {
        let service = service_name(service.as_ref())?;
        let nickname = nickname.map(str::to_owned);
        let payload = ServiceCreate { service: service.clone(), nickname: nickname.clone() };
        match self.request(&payload, Change::Create(service, nickname)).await? {
            PayloadOut::ServiceCreateResult(result) if result.successful => Ok(result.service),
            PayloadOut::ServiceCreateResult(result) => Err(RequestError::Exists(Box::new(result.service))),
            other => Err(unexpected(&other)),
        }
    }

    /// SERVICE_DELETE: ends a service that this client owns. Returns it as it was.
    ///
    /// # Errors
    /// [`RequestError::Bad`] when another client owns it, [`RequestError::InvalidService`], or as every request.
    pub async fn delete_service(&self, service: impl AsRef<str>) -> Result<ServiceInfo, RequestError> {
        let service = service_name(service.as_ref())?;
        match self.request(&ServiceDelete { service: service.clone() }, Change::Delete(service)).await? {
            PayloadOut::ServiceDeleteResult(result) => Ok(result.service),
            other => Err(unexpected(&other)),
        }
    }

    /// SERVICE_FETCH: a service with all of its subscribers.
    ///
    /// # Errors
    /// [`RequestError::InvalidService`], or as every request.
    pub async fn service(&self, service: impl AsRef<str>) -> Result<ServiceInfo, RequestError> {
        let service = service_name(service.as_ref())?;
        match self.request(&ServiceFetch { service }, Change::Nothing).await? {
            PayloadOut::ServiceFetchResult(result) => Ok(result.service),
            other => Err(unexpected(&other)),
        }
    }

    /// SERVICE_FETCH_ALL: all services, in the order of their creation.
    ///
    /// # Errors
    /// As every request.
    pub async fn services(&self) -> Result<Vec<ServiceInfo>, RequestError> {
        match self.request(&ServiceFetchAll {}, Change::Nothing).await? {
            PayloadOut::ServiceFetchAllResult(result) => Ok(result.services),
            other => Err(unexpected(&other)),
        }
    }

    /// CLIENT_FETCH: a client and what it is subscribed to.
    ///
    /// # Errors
    /// [`RequestError::InvalidUuid`], or as every request.
    pub async fn client(&self, uuid: ClientId) -> Result<ClientDetails, RequestError> {
        match self.request(&ClientFetch { uuid }, Change::Nothing).await? {
            PayloadOut::ClientFetchResult(result) => {
                Ok(ClientDetails { client: result.client, subscriptions: result.subscriptions })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// CLIENT_FETCH_ALL: all clients, this one too, in the order they joined.
    ///
    /// # Errors
    /// As every request.
    pub async fn clients(&self) -> Result<Vec<ClientInfo>, RequestError> {
        match self.request(&ClientFetchAll {}, Change::Nothing).await? {
            PayloadOut::ClientFetchAllResult(result) => Ok(result.clients),
            other => Err(unexpected(&other)),
        }
    }

    /// MESSAGE: `Ok` when the hub has queued it for everybody it is meant for.
    ///
    /// `data` is anything that serializes to JSON; a `&RawValue` is sent as it stands.
    ///
    /// # Errors
    /// [`RequestError::InvalidName`], [`RequestError::InvalidUuid`], [`RequestError::InvalidService`],
    /// [`RequestError::Bad`] (a service of which this client is neither owner nor subscriber), or as every request.
    pub async fn send<T: Serialize + ?Sized>(&self, target: Target, data: &T) -> Result<(), RequestError> {
        let data = serde_json::value::to_raw_value(data)?;
        self.request(&MessagePayload { target, data: &data }, Change::Nothing).await.and_then(expect_ok)
    }

    /// MESSAGE that is not waited for: done when it has its place in the order of what is sent. What comes of it is told by the
    /// receiver, which may be dropped.
    pub(crate) async fn post(&self, target: Target, data: &RawValue, provided: Provided) -> Result<Told, RequestError> {
        let text = serde_json::to_string(&MessagePayload { target, data })?;
        let within = self.0.options.request_within;
        let place = self.enqueue(text, None, Change::Nothing, provided);
        tokio::time::timeout(within, place).await.unwrap_or(Err(RequestError::TimedOut(within)))
    }

    /// MESSAGE to a service: from its owner to the subscribers, from a subscriber to the owner.
    ///
    /// # Errors
    /// [`RequestError::InvalidService`], [`RequestError::Bad`], or as every request.
    pub async fn broadcast<T: Serialize + ?Sized>(&self, service: impl AsRef<str>, data: &T) -> Result<(), RequestError> {
        let service = service_name(service.as_ref())?;
        self.send(Target::Service { service }, data).await
    }

    /// Sends any text and returns whatever the hub answers, errors as payloads, too. Subscriptions and services that come
    /// about this way are not restored after a reconnect, and messages through them go to the [`Inbox`].
    ///
    /// # Errors
    /// [`RequestError::TooBig`], [`RequestError::TimedOut`], [`RequestError::Disconnected`], [`RequestError::Closed`],
    /// [`RequestError::Unexpected`] when the answer cannot be read.
    pub async fn request_raw(&self, text: impl Into<String>) -> Result<PayloadOut, RequestError> {
        let text = text.into();
        let renumber = match PayloadIn::decode(&text) {
            Ok(PayloadIn::SelfSetSeq(payload)) => Some(payload.seq),
            _ => None,
        };
        self.exchange(text, renumber, Change::Nothing).await
    }

    async fn request(&self, payload: &impl Serialize, change: Change) -> Result<PayloadOut, RequestError> {
        let text = serde_json::to_string(payload)?;
        self.exchange(text, None, change).await.and_then(RequestError::check)
    }

    async fn exchange(
        &self,
        text: String,
        renumber: Option<concierge_api_rs::Seq>,
        change: Change,
    ) -> Result<PayloadOut, RequestError> {
        let answer = async {
            let answer = self.enqueue(text, renumber, change, Provided::Awaited).await?;
            answer.await.unwrap_or(Err(RequestError::Closed))
        };
        let within = self.0.options.request_within;
        tokio::time::timeout(within, answer).await.unwrap_or(Err(RequestError::TimedOut(within)))
    }

    async fn enqueue(
        &self,
        text: String,
        renumber: Option<concierge_api_rs::Seq>,
        change: Change,
        provided: Provided,
    ) -> Result<Told, RequestError> {
        let limit = self.0.options.payload_bytes;
        if text.len() > limit {
            return Err(RequestError::TooBig { bytes: text.len(), limit });
        }
        let permit = self.0.in_flight.clone().acquire_owned().await.map_err(|_| RequestError::Closed)?;
        let (reply, told) = oneshot::channel();
        let request = Request { text, renumber, change, provided, reply, permit };
        self.0.requests.send(request).await.map_err(|_| RequestError::Closed)?;
        Ok(told)
    }
}

/// One attempt, or, with `from_the_start`, as many as the policy allows.
async fn first_connection(options: &Options) -> Result<(Socket, Hello), ConnectError> {
    let policy = options.reconnect.clone().filter(|policy| policy.from_the_start);
    let mut attempts = policy.map(Attempts::from_the_start);
    loop {
        let error = match connect::connect(options).await {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        let Some(attempts) = &mut attempts else { return Err(error) };
        attempts.fail();
        let Some(wait) = attempts.next(error.verdict(false), error.loss(), Instant::now(), rand::random()) else {
            return Err(error);
        };
        tracing::debug!(%error, ?wait, "not connected yet");
        tokio::time::sleep(wait).await;
    }
}

fn service_name(name: &str) -> Result<ServiceName, RequestError> {
    ServiceName::parse(name).map_err(|source: NameError| RequestError::Name { name: name.to_owned(), source })
}

fn expect_ok(answer: PayloadOut) -> Result<(), RequestError> {
    match answer {
        PayloadOut::Ok(_) => Ok(()),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &PayloadOut) -> RequestError {
    RequestError::Unexpected(answer.kind())
}
