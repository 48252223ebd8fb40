//! The task behind a client: holds the connection, answers requests, and connects again.

use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::CloseCode::RateLimited;
use concierge_api_rs::{
    ClientId, DecodeError, Incoming, PayloadOut, SelfSubscribe, SelfUnsubscribe, Seq, ServiceCreate, ServiceName,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use crate::backoff::Attempts;
use crate::connect;
use crate::error::RequestError;
use crate::event::Event;
use crate::link::{Link, Turn};
use crate::message::Message;
use crate::options::Options;
use crate::pending::Pending;
use crate::restoration::{Owed, Restoration};
use crate::shared::Shared;
use crate::status::{Ending, Status};

/// Requests that are written before the socket is flushed and read again.
const REQUESTS_PER_TURN: usize = 64;

/// Services and subscriptions that are restored before the hub's answers are awaited.
const RESTORED_AT_ONCE: usize = 16;

/// What a caller is told instead of the type of an answer.
const UNREADABLE: &str = "something that cannot be read";

/// A request on its way to the hub.
pub(crate) struct Request {
    pub(crate) text: String,
    /// Set when the text is SELF_SET_SEQ.
    pub(crate) renumber: Option<Seq>,
    pub(crate) change: Change,
    pub(crate) provided: Provided,
    pub(crate) reply: oneshot::Sender<Result<PayloadOut, RequestError>>,
    /// Given back when the answer came or the connection ended, not when the caller lost patience.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// What has to hold when a request's turn comes; otherwise it is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provided {
    /// Somebody waits for its answer still.
    Awaited,
    /// Nothing: who asked need not wait.
    Nothing,
    /// The connection is the one on which this client has this id: what it says means nothing on another one.
    On(ClientId),
}

/// What a successful answer changes on the client's side.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Nothing,
    Subscribe(ServiceName),
    Unsubscribe(ServiceName),
    Create(ServiceName, Option<String>),
    Delete(ServiceName),
}

/// Who waits for an answer.
enum Waiter {
    Caller {
        change: Change,
        reply: oneshot::Sender<Result<PayloadOut, RequestError>>,
        _permit: OwnedSemaphorePermit,
    },
    /// A subscription that is renewed.
    Renewal(ServiceName),
    /// A service that is created again.
    Creation(ServiceName),
    /// A subscription whose last stream was dropped.
    Leave(ServiceName),
}

/// The task behind a client.
pub(crate) struct Driver {
    options: Arc<Options>,
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    closing: CancellationToken,
    _end: EndOnDrop,
}

/// Ends the streams even when the task is aborted, or was never polled.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if !self.0.is_ended() {
            self.0.end(Ending::Asked);
        }
    }
}

impl Driver {
    pub(crate) fn new(
        options: Arc<Options>,
        shared: Arc<Shared>,
        requests: mpsc::Receiver<Request>,
        closing: CancellationToken,
    ) -> Self {
        let _end = EndOnDrop(shared.clone());
        Self { options, shared, requests, closing, _end }
    }

    pub(crate) async fn run(mut self, mut link: Link) {
        let mut attempts = self.options.reconnect.clone().map(Attempts::after_a_connection);
        let mut at_once = RESTORED_AT_ONCE;
        let ending = loop {
            let began = Instant::now();
            let ending = self.converse(link, at_once).await;
            let Some(attempts) = attempts.as_mut().filter(|_| !matches!(ending, Ending::Asked)) else { break ending };
            tracing::debug!(%ending, "the connection to the hub ended");
            attempts.lived(began.elapsed());
            // whoever waits for each answer is never over a bound for long, however low it is
            at_once = if ending.close_code() == Some(RateLimited) { 1 } else { RESTORED_AT_ONCE };
            self.shared.pause();
            match self.reconnect(attempts, ending).await {
                Ok(next) => link = next,
                Err(ending) => break ending,
            }
        };
        self.shared.end(ending);
    }

    /// Attempts until one succeeds or the policy says stop.
    async fn reconnect(&self, attempts: &mut Attempts, mut ending: Ending) -> Result<Link, Ending> {
        loop {
            let Some(wait) = attempts.next(ending.verdict(), ending.loss(), Instant::now(), rand::random()) else {
                return Err(ending);
            };
            self.shared.set_status(Status::Disconnected { why: ending, again_in: wait });
            self.unless_closing(tokio::time::sleep(wait)).await?;
            self.shared.set_status(Status::Connecting { failed: attempts.failed() });
            match self.unless_closing(connect::connect(&self.options)).await? {
                Ok((socket, hello)) => {
                    let link = Link::new(socket, hello);
                    self.shared.set_status(Status::Connected(link.hello.clone()));
                    return Ok(link);
                }
                Err(error) => {
                    attempts.fail();
                    ending = Ending::Refused(Arc::new(error));
                }
            }
        }
    }

    async fn unless_closing<F: Future>(&self, work: F) -> Result<F::Output, Ending> {
        tokio::select! {
            biased; // a client that is being closed connects no more
            () = self.closing.cancelled() => Err(Ending::Asked),
            output = work => Ok(output),
        }
    }

    /// One connection from HELLO to its end.
    async fn converse(&mut self, link: Link, at_once: usize) -> Ending {
        let mut talk = Conversation::new(link, self.shared.clone(), at_once);
        talk.restore();
        let silence = self.options.silence;
        let mut heard = Instant::now();
        let mut deadline = std::pin::pin!(tokio::time::sleep(silence));
        let closing = self.closing.clone();
        let mut closed = std::pin::pin!(closing.cancelled());
        let ending = loop {
            tokio::select! {
                biased; // closing wins over traffic that never ends; the deadline is looked at when nothing else happens
                () = &mut closed => break Ending::Asked,
                () = self.shared.unwanted.notified() => talk.leave(),
                turn = talk.link.turn(talk.restoration.is_over().then_some(&mut self.requests)) => match turn {
                    Turn::Text(text) => {
                        heard = Instant::now();
                        if let Err(ending) = talk.take(&text) {
                            break ending;
                        }
                    }
                    Turn::Heard => heard = Instant::now(),
                    Turn::Request(None) => break Ending::Asked, // every handle is gone
                    Turn::Request(Some(request)) => {
                        talk.send(request);
                        for _ in 1..REQUESTS_PER_TURN {
                            let Ok(request) = self.requests.try_recv() else { break };
                            talk.send(request);
                        }
                    }
                    Turn::Ended(ending) => break ending,
                },
                () = &mut deadline => {
                    if heard.elapsed() >= silence {
                        break Ending::Silent(silence);
                    }
                    deadline.as_mut().reset(heard + silence);
                }
            }
        };
        talk.end(&ending, self.options.close_within).await;
        ending
    }
}

/// One connection with the requests that are in flight on it.
struct Conversation {
    link: Link,
    pending: Pending<Waiter>,
    restoration: Restoration,
    shared: Arc<Shared>,
}

impl Conversation {
    fn new(link: Link, shared: Arc<Shared>, at_once: usize) -> Self {
        Self { link, pending: Pending::new(), restoration: Restoration::new(at_once), shared }
    }

    /// Creates the services and renews the subscriptions of an earlier connection, before anything else is sent.
    fn restore(&mut self) {
        let (owned, subscriptions) = self.shared.restore();
        let owned = owned.into_iter().map(|(service, nickname)| Owed::Service(service, nickname));
        owned.chain(subscriptions.into_iter().map(Owed::Subscription)).for_each(|owed| self.restoration.owe(owed));
        self.restore_more();
    }

    fn restore_more(&mut self) {
        let shared = &self.shared;
        for owed in self.restoration.batch(|service| shared.is_awaited(service)) {
            match owed {
                Owed::Service(service, nickname) => {
                    self.ask(&ServiceCreate { service: service.clone(), nickname }, Waiter::Creation(service));
                }
                Owed::Subscription(service) => {
                    self.ask(&SelfSubscribe { service: service.clone() }, Waiter::Renewal(service));
                }
            }
        }
    }

    /// What was restored was answered, or will not be.
    fn restored(&mut self) {
        self.restoration.answered();
        self.restore_more();
    }

    /// Tells the hub of subscriptions whose last stream was dropped.
    fn leave(&mut self) {
        for service in self.shared.take_unwanted() {
            self.ask(&SelfUnsubscribe { service: service.clone() }, Waiter::Leave(service));
        }
    }

    fn ask(&mut self, payload: &impl Serialize, waiter: Waiter) {
        let text = serde_json::to_string(payload).expect("payloads hold only strings and numbers");
        self.write(text, None, waiter);
    }

    fn send(&mut self, request: Request) {
        let holds = match request.provided {
            Provided::Awaited => !request.reply.is_closed(),
            Provided::Nothing => true,
            Provided::On(id) => id == self.link.hello.uuid,
        };
        if !holds {
            let _ = request.reply.send(Err(RequestError::Disconnected)); // who asked may have gone
            return;
        }
        let waiter = Waiter::Caller { change: request.change, reply: request.reply, _permit: request.permit };
        self.write(request.text, request.renumber, waiter);
    }

    fn write(&mut self, text: String, renumber: Option<Seq>, waiter: Waiter) {
        let displaced = self.pending.sent(waiter, renumber);
        self.link.write(text);
        if let Some(displaced) = displaced {
            let restored = matches!(displaced, Waiter::Renewal(_) | Waiter::Creation(_));
            displaced.give_up();
            if restored {
                self.restored();
            }
        }
    }

    /// Text came. An error when it is no payload, not even of a later version: nobody knows whom it was to answer.
    fn take(&mut self, text: &str) -> Result<(), Ending> {
        match Incoming::decode(text) {
            Ok(Incoming { seq: Some(seq), payload }) => match self.pending.answered(seq) {
                Some(waiter) => self.answer(waiter, payload),
                None => tracing::debug!(%seq, kind = payload.kind(), "an answer that nobody waits for"),
            },
            Ok(Incoming { seq: None, payload: PayloadOut::Message(message) }) => {
                self.shared.deliver(Message::from(message), self.link.hello.uuid);
            }
            Ok(Incoming { seq: None, payload }) => self.news(payload),
            Err(error) => return self.take_unreadable(text, &error),
        }
        Ok(())
    }

    /// A payload came that only a later version knows, or nobody. If it is an answer, it is the only one there will be.
    fn take_unreadable(&mut self, text: &str, error: &DecodeError) -> Result<(), Ending> {
        let seq = answered_by(text).map_err(|error| Ending::Nonsense(error.to_string()))?;
        match error {
            DecodeError::Unsupported => tracing::debug!("a payload of a later version was ignored"),
            DecodeError::Malformed(_) => tracing::warn!(%error, "the hub sent a payload that cannot be read"),
        }
        match seq.and_then(|seq| self.pending.answered(seq)) {
            Some(Waiter::Caller { reply, .. }) => {
                let _ = reply.send(Err(RequestError::Unexpected(UNREADABLE))); // the caller may have gone
            }
            Some(Waiter::Leave(service)) => self.shared.left(&service),
            Some(Waiter::Renewal(_) | Waiter::Creation(_)) => self.restored(),
            None => {}
        }
        Ok(())
    }

    fn news(&mut self, payload: PayloadOut) {
        let Some(event) = Event::of(payload) else { return };
        match &event {
            Event::ServiceDeleted(service) => {
                self.shared.absent(&service.name);
                // what an earlier connection owned may be told late, when this one has created it again
                if service.owner_uuid == self.link.hello.uuid {
                    self.shared.disown(&service.name);
                }
            }
            Event::ServiceCreated(service) if self.shared.is_awaited(&service.name) => {
                self.restoration.owe(Owed::Subscription(service.name.clone()));
                self.restore_more();
            }
            _ => {}
        }
        self.shared.tell(event);
    }

    fn answer(&mut self, waiter: Waiter, payload: PayloadOut) {
        match waiter {
            Waiter::Caller { change, reply, _permit } => {
                self.apply(change, &payload);
                let _ = reply.send(Ok(payload)); // the caller may have gone; the change holds all the same
            }
            Waiter::Renewal(service) => {
                self.apply(Change::Subscribe(service), &payload);
                self.restored();
            }
            Waiter::Creation(service) => {
                match payload {
                    PayloadOut::ServiceCreateResult(result) if result.successful => {}
                    PayloadOut::ServiceCreateResult(result) => self.shared.lose(result.service),
                    other => tracing::warn!(%service, kind = other.kind(), "a service could not be created again"),
                }
                self.restored();
            }
            Waiter::Leave(service) => self.shared.left(&service),
        }
    }

    fn apply(&self, change: Change, payload: &PayloadOut) {
        match (change, payload) {
            (Change::Subscribe(service), PayloadOut::SelfSubscribeResult(_)) => self.shared.subscribed(&service),
            (Change::Subscribe(service), PayloadOut::InvalidService(_)) => self.shared.absent(&service),
            (Change::Subscribe(service), _) => self.shared.refused(&service),
            (Change::Unsubscribe(service), PayloadOut::SelfUnsubscribeResult(_) | PayloadOut::InvalidService(_)) => {
                self.shared.unsubscribed(&service);
            }
            (Change::Create(service, nickname), PayloadOut::ServiceCreateResult(result)) if result.successful => {
                self.shared.own(service, nickname);
            }
            (Change::Delete(service), PayloadOut::ServiceDeleteResult(_)) => self.shared.disown(&service),
            (Change::Nothing | Change::Unsubscribe(_) | Change::Create(..) | Change::Delete(_), _) => {}
        }
    }

    async fn end(self, ending: &Ending, close_within: Duration) {
        for waiter in self.pending.into_waiting() {
            waiter.give_up();
        }
        match ending {
            Ending::Asked => self.link.close(CloseCode::Normal, "", close_within).await,
            Ending::Nonsense(why) => self.link.close(CloseCode::Protocol, why, close_within).await,
            Ending::ByHub { .. } => self.link.finish().await,
            Ending::Silent(_) | Ending::Lost(_) | Ending::Refused(_) => {}
        }
    }
}

/// The request that a payload answers, when no more than that can be read of it; none for news.
fn answered_by(text: &str) -> Result<Option<Seq>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        seq: Option<Seq>,
    }
    Ok(serde_json::from_str::<Answer>(text)?.seq)
}

impl Waiter {
    /// The connection ended, or the answer cannot be told from another's.
    fn give_up(self) {
        if let Self::Caller { reply, .. } = self {
            let _ = reply.send(Err(RequestError::Disconnected)); // the caller may have gone
        }
    }
}

#[cfg(test)]
mod tests;
