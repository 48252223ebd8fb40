//! The server that the hub is measured against: tokio-tungstenite as its examples use it. Default buffers, the socket split,
//! a bounded queue and a task for each client, one `send` for every message. Not slow on purpose: it borrows what it reads,
//! encodes a broadcast once and shares the text, and keeps its locks short. It speaks what the generator needs of the hub's
//! protocol, and tells nobody who joins. With a [`Ledger`] it is a coordinator too.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use concierge_api_rs::coordinator::{Envelope, Offered};
use concierge_api_rs::{
    ClientId, ClientName, Hello, Identify, InvalidName, InvalidService, MessageIn, MessageOut, Okay, Origin, PayloadIn,
    PayloadOut, SelfSubscribeResult, Seq, ServiceCreateResult, ServiceInfo, ServiceName, Target, TargetRef,
};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::ledger::Ledger;

/// Messages that wait for a client. When it is full, whoever sends to it waits.
const QUEUE: usize = 1024;
/// The service that is answered here and by nobody's client.
const COORDINATOR: &str = "coordinator";

type Outbox = mpsc::Sender<Message>;

/// Serves until accepting fails.
///
/// # Errors
/// What `accept` says.
pub(crate) async fn serve(listener: TcpListener, ledger: Option<Ledger>) -> io::Result<()> {
    let board = Arc::new(Mutex::new(Board::with(ledger)));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(connection(stream, Arc::clone(&board)));
        while connections.try_join_next().is_some() {}
    }
}

/// Who is there.
#[derive(Default)]
struct Board {
    clients: HashMap<ClientName, Outbox>,
    services: HashMap<ServiceName, Service>,
    /// What the coordinator remembers; it is a subscribers' service like all others, but nobody owns it.
    ledger: Option<Ledger>,
}

impl Board {
    fn with(ledger: Option<Ledger>) -> Self {
        let mut board = Self { ledger, ..Self::default() };
        if board.ledger.is_some() {
            board.services.insert(coordinator().name, Service { info: coordinator(), subscribers: Arc::default() });
        }
        board
    }
}

fn coordinator() -> ServiceInfo {
    let name = ServiceName::parse(COORDINATOR).expect("it is a word");
    ServiceInfo { name, nickname: None, owner_uuid: ClientId(Uuid::nil()), subscribers: vec![], subscriber_count: 0 }
}

struct Service {
    info: ServiceInfo,
    subscribers: Arc<Vec<(ClientId, Outbox)>>,
}

/// One client, after its IDENTIFY.
struct Client {
    board: Arc<Mutex<Board>>,
    origin: Origin,
    outbox: Outbox,
}

async fn connection(stream: TcpStream, board: Arc<Mutex<Board>>) {
    // whatever ends a connection ends it for this client only
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (sink, mut incoming) = socket.split();
    let (outbox, queue) = mpsc::channel(QUEUE);
    let _writer = AbortOnDropHandle::new(tokio::spawn(write(sink, queue)));
    let Some(Ok(Message::Text(text))) = incoming.next().await else { return };
    let Ok(identify) = Identify::decode(&text) else { return };
    let uuid = ClientId(Uuid::new_v4());
    let origin = Origin { name: identify.name, nickname: identify.nickname, uuid, tags: identify.tags, service: None };
    let client = Client { board, origin, outbox };
    client.join().await;
    client.listen(&mut incoming).await;
    client.leave();
}

async fn write(
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut queue: mpsc::Receiver<Message>,
) -> tungstenite::Result<()> {
    while let Some(message) = queue.recv().await {
        sink.send(message).await?;
    }
    Ok(())
}

impl Client {
    async fn join(&self) {
        self.board.lock().clients.insert(self.origin.name.clone(), self.outbox.clone());
        let hello = Hello { uuid: self.origin.uuid, version: "0.2.0".into(), fs_key: None };
        self.say(&hello.into(), None).await;
    }

    fn leave(&self) {
        let mut board = self.board.lock();
        board.clients.remove(&self.origin.name);
        board.services.retain(|_, service| service.info.owner_uuid != self.origin.uuid);
        for service in board.services.values_mut() {
            if service.subscribers.iter().any(|(uuid, _)| *uuid == self.origin.uuid) {
                Arc::make_mut(&mut service.subscribers).retain(|(uuid, _)| *uuid != self.origin.uuid);
            }
        }
    }

    async fn listen(&self, incoming: &mut SplitStream<WebSocketStream<TcpStream>>) {
        let mut seq = 0;
        while let Some(Ok(message)) = incoming.next().await {
            let Message::Text(text) = message else { continue };
            let answer = match PayloadIn::decode(&text) {
                Ok(PayloadIn::Message(message)) => self.message(message).await,
                Ok(PayloadIn::ServiceCreate(create)) => self.create(create.service),
                Ok(PayloadIn::SelfSubscribe(subscribe)) => self.subscribe(subscribe.service),
                _ => PayloadOut::ErrorUnsupported(concierge_api_rs::ErrorUnsupported {}),
            };
            self.say(&answer, Seq::new(seq)).await;
            seq += 1;
        }
    }

    async fn say(&self, payload: &PayloadOut, seq: Option<Seq>) {
        let _ = self.outbox.send(Message::text(payload.encode(seq))).await; // the writer ended: so does the reader
    }

    fn create(&self, name: ServiceName) -> PayloadOut {
        let owner_uuid = self.origin.uuid;
        let info = ServiceInfo { name: name.clone(), nickname: None, owner_uuid, subscribers: vec![], subscriber_count: 0 };
        let service = Service { info: info.clone(), subscribers: Arc::default() };
        self.board.lock().services.insert(name, service);
        ServiceCreateResult { successful: true, service: info }.into()
    }

    fn subscribe(&self, name: ServiceName) -> PayloadOut {
        let mut board = self.board.lock();
        let Some(service) = board.services.get_mut(&name) else { return InvalidService { service: name }.into() };
        Arc::make_mut(&mut service.subscribers).push((self.origin.uuid, self.outbox.clone()));
        service.info.subscriber_count += 1;
        SelfSubscribeResult { successful: true, service: service.info.clone() }.into()
    }

    async fn message(&self, message: MessageIn<'_>) -> PayloadOut {
        match &message.target {
            TargetRef::Name(name) => {
                let receiver = self.board.lock().clients.get(&**name).cloned();
                let Some(receiver) = receiver else {
                    return InvalidName { name: ClientName::parse(name).expect("decoding checked the name") }.into();
                };
                let _ = receiver.send(Message::Text(self.encode(&message, None))).await; // it left
            }
            TargetRef::Service(name) if name == COORDINATOR => self.ask(message.data.get()).await,
            TargetRef::Service(name) => {
                let found = self.board.lock().services.get(&**name).map(|s| (s.info.clone(), Arc::clone(&s.subscribers)));
                let Some((info, subscribers)) = found else {
                    return InvalidService { service: ServiceName::parse(name).expect("decoding checked the name") }.into();
                };
                let text = self.encode(&message, Some(info));
                for (_, receiver) in subscribers.iter() {
                    let _ = receiver.send(Message::Text(text.clone())).await; // it left
                }
            }
            _ => return PayloadOut::ErrorUnsupported(concierge_api_rs::ErrorUnsupported {}),
        }
        Okay {}.into()
    }

    /// A request to the coordinator, answered when it is committed.
    async fn ask(&self, request: &str) {
        let Some(ledger) = self.board.lock().ledger.clone() else { return };
        let answer = match Envelope::decode(request, Offered::default(), None) {
            Ok(Envelope { head, request }) => head.answer(&ledger.ask(request).await),
            Err(refused) => refused.encode(),
        };
        let service = coordinator();
        let (name, uuid) = (ClientName::parse(COORDINATOR).expect("it is a word"), service.owner_uuid);
        let target = Target::ServiceClientUuid { service: service.name.clone(), uuid: self.origin.uuid };
        let origin = Origin { name, nickname: None, uuid, tags: vec![], service: Some(service) };
        let data = RawValue::from_string(answer).expect("it was just written as JSON");
        self.say(&MessageOut { origin, target, data }.into(), None).await;
    }

    fn encode(&self, message: &MessageIn<'_>, service: Option<ServiceInfo>) -> Utf8Bytes {
        let origin = Origin { service, ..self.origin.clone() };
        let out = MessageOut { origin, target: message.target.to_owned(), data: message.data.to_owned() };
        PayloadOut::from(out).encode(None).into()
    }
}
