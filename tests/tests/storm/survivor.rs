//! A real client that lives through it all: what it heard, and when it was connected.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use concierge_client::{Client, Delivery, Options, Status, Subscription};
use concierge_tests::within;
use futures::StreamExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A mark of the owner's: the number of the hub's life, and the next number in it.
pub(crate) type Mark = (u64, u64);

/// A client of the storm.
pub(crate) struct Survivor {
    pub(crate) client: Client,
    /// The last mark that it heard.
    pub(crate) last: watch::Receiver<Mark>,
    connected: Arc<Mutex<Vec<Instant>>>,
    /// Reads its streams; ends with it.
    tasks: JoinSet<()>,
}

impl Survivor {
    /// Connects, owns a service of its own name and subscribes to that of the owner.
    pub(crate) async fn enter(name: &str, options: Options, service: &str) -> Self {
        let client = within("the hub", Client::connect(options)).await.unwrap();
        client.create_service(name, None).await.unwrap();
        let (told, last) = watch::channel((0, 0));
        let connected = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(name.to_owned(), client.subscribe(service).await.unwrap(), told));
        let (mut changes, moments) = (client.status_changes(), connected.clone());
        tasks.spawn(async move {
            while let Some(status) = changes.next().await {
                if matches!(status, Status::Connected(_)) {
                    moments.lock().unwrap().push(Instant::now());
                }
            }
        });
        Self { client, last, connected, tasks }
    }

    /// When it reached HELLO since then, for the first time.
    pub(crate) fn back_since(&self, then: Instant) -> Option<Instant> {
        self.connected.lock().unwrap().iter().find(|at| **at >= then).copied()
    }

    /// Closes the connection; all that belonged to the client ends with it.
    pub(crate) async fn leave(mut self) {
        self.client.close().await;
        within("the end of the client's streams", async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.unwrap();
            }
        })
        .await;
    }
}

/// Marks come in their order and none twice, on one connection and from one to the next: only what was lost is missing.
async fn listen(name: String, mut stream: Subscription, told: watch::Sender<Mark>) {
    while let Some(delivery) = stream.next().await {
        let message = match delivery {
            Delivery::Message(message) => message,
            Delivery::Paused | Delivery::Resumed => continue,
            Delivery::Lagged(_) => panic!("{name} was not read"),
        };
        let mark: Mark = message.json().unwrap();
        let last = told.send_replace(mark);
        assert!(mark > last, "{name} hears {mark:?} after {last:?}");
    }
}

/// How many came in each such piece of time from then on.
pub(crate) fn by_pieces(from: Instant, piece: Duration, arrivals: impl Iterator<Item = Instant>) -> Vec<usize> {
    let mut pieces = Vec::new();
    for after in arrivals.map(|at| at - from) {
        let n = usize::try_from(after.as_nanos() / piece.as_nanos()).unwrap();
        pieces.resize(pieces.len().max(n + 1), 0);
        pieces[n] += 1;
    }
    pieces
}
