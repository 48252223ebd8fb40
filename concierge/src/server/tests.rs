use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt as _;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::*;
use crate::ground::Upgraded;

fn config() -> Config {
    let store = crate::config::Store { url: Some("memory:".to_owned()) };
    Config { listen: (Ipv4Addr::LOCALHOST, 0).into(), shards: 2, store, ..Config::default() }
}

/// A client that is in, with its HELLO read.
async fn client(server: &Server) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let identify = br#"{"type":"IDENTIFY","name":"ada","version":"0.2.0"}"#;
    let frame = [&[0x81, 0x80 | u8::try_from(identify.len()).unwrap(), 0, 0, 0, 0], &identify[..]].concat();
    socket.write_all(&[request.as_bytes(), &frame].concat()).await.unwrap();
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains("HELLO") {
        assert_ne!(socket.read_buf(&mut got).await.unwrap(), 0);
    }
    socket
}

#[tokio::test]
async fn dropping_a_server_ends_its_connections_and_gives_its_port_and_directory_back() {
    let server = Server::start(config()).await.unwrap();
    let address = server.address();
    let directory = server._private_dir.as_ref().map(|dir| dir.path().to_owned()).unwrap();
    let mut ada = client(&server).await;
    drop(server);
    // the end of the stream, with or without a reset: nobody is there any more
    let mut rest = Vec::new();
    let _end = ada.read_to_end(&mut rest).await;
    assert!(!directory.exists());
    while TcpListener::bind(address).await.is_err() {
        tokio::task::yield_now().await;
    }
}

/// The machine, but a shard fails with its first connection.
struct Brittle;

impl Ground for Brittle {
    type Listener = <Machine as Ground>::Listener;
    type Accepted = <Machine as Ground>::Accepted;
    type Socket = TcpStream;

    async fn bind(address: SocketAddr) -> io::Result<(Self::Listener, SocketAddr)> {
        Machine::bind(address).await
    }

    async fn accept(listener: &Self::Listener) -> io::Result<(Self::Accepted, SocketAddr)> {
        Machine::accept(listener).await
    }

    fn settle(_: Self::Accepted) -> io::Result<TcpStream> {
        panic!("a defect")
    }

    fn upgraded(socket: TcpStream) -> Upgraded {
        Machine::upgraded(socket)
    }

    fn run_shard(number: usize, shard: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        Machine::run_shard(number, shard)
    }

    fn clock() -> Clock {
        Machine::clock()
    }

    fn id() -> uuid::Uuid {
        Machine::id()
    }
}

/// Connections would go on to come to it, and wait for ever.
#[tokio::test]
async fn a_hub_does_not_outlive_one_of_its_shards() {
    const HUB: &str = "CONCIERGE_TEST_BRITTLE_HUB";
    if std::env::var_os(HUB).is_some() {
        let server = Server::start_on::<Brittle>(config()).await.unwrap();
        let _socket = TcpStream::connect(server.address()).await.unwrap();
        let _it_lives = tokio::time::timeout(Duration::from_secs(20), std::future::pending::<()>()).await;
        return;
    }
    let own = "server::tests::a_hub_does_not_outlive_one_of_its_shards";
    let mut hub = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = hub.args(["--exact", own, "--nocapture"]).env(HUB, "").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), Some(rustix::process::Signal::ABORT.as_raw()), "{said}");
    assert!(said.contains("a defect"), "{said}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config { listen: taken.local_addr().unwrap(), ..config() };
    let error = Server::start(config).await.err().expect("the address is taken").to_string();
    assert!(error.starts_with("cannot listen on 127.0.0.1:"), "{error}");
}

/// Security: 17.
#[tokio::test]
async fn ten_wrong_secrets_over_http_shut_their_address_out_and_no_other() {
    let mut config = Config { secret: Some("swordfish".to_owned()), ..Config::default() };
    config.store.url = Some("memory:".to_owned());
    let bounds = Bounds { services_per_client: 1, services: 1, subscriptions_per_client: 1, subscribers_shown: 1 };
    let desk = Arc::new(Desk::new(config.secret.as_deref(), bounds, Guesses::new(10), uuid::Uuid::new_v4));
    let (settings, mut tasks) = (coordinator_settings::<Machine>(&config).expect("it is enabled"), JoinSet::new());
    let router = coordinator::router(Gate {
        coordinator: Coordinator::start(settings, desk, &mut tasks).await.unwrap(),
        allowed_origins: Arc::new([]),
        tls: false,
        payload_bytes: 1_000,
        body_within: Duration::from_secs(5),
        draining: CancellationToken::new(),
    });
    let ask = async |from: [u8; 4], secret: Option<&str>| {
        let from = axum::extract::ConnectInfo(SocketAddr::from((from, 1)));
        let request = http::Request::post("/coordinator").extension(from);
        let request = match secret {
            Some(secret) => request.header("authorization", format!("Bearer {secret}")),
            None => request,
        };
        let answer = router.clone().oneshot(request.body(axum::body::Body::from("{}")).unwrap()).await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let (guest, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    for _ in 0..20 {
        assert_eq!(ask(guest, None).await, (401, false), "no secret is no guess");
        assert_eq!(ask([127, 0, 0, 1], Some("herring")).await, (401, false), "loopback is never shut out");
    }
    assert_eq!(ask(guest, Some("swordfish")).await, (200, false));
    for _ in 0..10 {
        assert_eq!(ask(guest, Some("herring")).await, (401, false));
    }
    assert_eq!(ask(guest, Some("swordfish")).await, (429, true));
    assert_eq!(ask(other, Some("swordfish")).await, (200, false));
}
