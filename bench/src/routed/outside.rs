//! Clients of nats-server, as its own library makes them.

use std::time::Duration;

use async_nats::{Client, Message, RequestError, RequestErrorKind};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};

use super::exchange::Answer;
use super::words::{self, NATS_SUBJECT, Question, Said};
use crate::fault::Fault;
use crate::server::Server;

/// Where this nats-server is.
pub(super) fn url(server: &Server) -> String {
    format!("nats://{}", server.address)
}

/// A worker, which is there until the runtime ends.
pub(super) async fn serve(server: &Server) -> Result<(), Fault> {
    let client = connect(server).await?;
    let mut requests = client.subscribe(NATS_SUBJECT).await.map_err(fault)?;
    tokio::spawn(async move {
        while let Some(message) = requests.next().await {
            // who gets no answer misses it, and says so
            let (Some(reply), Some(Said::Request(answer))) = (message.reply, words::of_datagram(&message.payload)) else {
                continue;
            };
            if client.publish(reply, answer.into()).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// A client that asks.
pub(super) struct Asker {
    client: Client,
    open: FuturesUnordered<BoxFuture<'static, (usize, Result<Message, RequestError>)>>,
}

impl Asker {
    pub(super) async fn new(server: &Server) -> Result<Self, Fault> {
        Ok(Self { client: connect(server).await?, open: FuturesUnordered::new() })
    }

    pub(super) fn ask(&mut self, question: Question) {
        let client = self.client.clone();
        let asked = async move {
            let answer = client.request(NATS_SUBJECT, question.datagram().into()).await;
            (question.slot, answer)
        };
        self.open.push(asked.boxed());
    }

    /// Takes what was answered.
    pub(super) fn take(&mut self, answers: &mut Vec<Answer>) -> Result<(), Fault> {
        while let Some(Some((slot, answer))) = self.open.next().now_or_never() {
            match answer {
                Ok(message) => answers.push(answer_of(slot, &message.payload)?),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => answers.push(Answer::Unavailable),
                Err(error) => return Err(fault(error)),
            }
        }
        Ok(())
    }
}

/// A hub repeats the `_reqid`, as the other worker does.
fn answer_of(slot: usize, payload: &[u8]) -> Result<Answer, Fault> {
    match words::of_datagram(payload) {
        Some(Said::Sum { slot: said, sum }) if said == slot => Ok(Answer::Sum { slot, sum }),
        Some(Said::Unavailable) => Ok(Answer::Unavailable),
        _ => Err(Fault::Refused { client: "asker".into(), answer: String::from_utf8_lossy(payload).into_owned() }),
    }
}

async fn connect(server: &Server) -> Result<Client, Fault> {
    let options = async_nats::ConnectOptions::new().connection_timeout(Duration::from_secs(10));
    options.connect(url(server)).await.map_err(fault)
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::Nats(Box::new(error))
}
