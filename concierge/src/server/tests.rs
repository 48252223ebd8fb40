use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

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

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config { listen: taken.local_addr().unwrap(), ..config() };
    let error = Server::start(config).await.err().expect("the address is taken").to_string();
    assert!(error.starts_with("cannot listen on 127.0.0.1:"), "{error}");
}
