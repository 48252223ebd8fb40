use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// A server's binary frame.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&[0x82, 126], &length.to_be_bytes(), payload].concat()
}

/// Reads until a client has sent this.
fn until(socket: &mut TcpStream, text: &str) {
    let mut came = vec![];
    while !String::from_utf8_lossy(&came).contains(text) {
        let mut bytes = [0; 1024];
        let read = socket.read(&mut bytes).unwrap();
        assert!(read > 0, "the client left before it sent {text:?}");
        came.extend_from_slice(&bytes[..read]);
    }
}

/// nats-server puts whole messages into a frame as far as it has come; it does not promise to.
#[test]
fn messages_of_nats_are_whole_however_they_are_cut_into_frames_and_reads() {
    const MESSAGES: u64 = 300;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::inside(listener.local_addr().unwrap());
    server.dialect = Dialect::Nats;
    let sender = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        until(&mut socket, "\r\n\r\n");
        socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        socket.write_all(&frame(b"INFO {}\r\nPI")).unwrap();
        until(&mut socket, "PING\r\n");
        let mut stream = b"NG\r\nPONG\r\n".to_vec();
        for number in 0..MESSAGES {
            let filler = "x".repeat(usize::try_from(number).unwrap());
            write!(stream, "MSG room0 2 {}\r\n~{number:016x}{filler}\r\n", 17 + filler.len()).unwrap();
        }
        // frames of 1 to 97 bytes, in writes that end anywhere in them
        let (mut bytes, mut at) = (vec![], 0);
        for length in (1..98).cycle() {
            let end = stream.len().min(at + length);
            bytes.extend(frame(&stream[at..end]));
            at = end;
            if at == stream.len() {
                break;
            }
        }
        bytes.chunks(61).for_each(|write| socket.write_all(write).unwrap());
        until(&mut socket, "PONG\r\n");
    });
    let mut generator = Generator::new(&server).unwrap();
    generator.expect_stream(1, MESSAGES);
    generator.join(std::iter::once(Client::named("ada")), 1).unwrap();
    let began = Instant::now();
    while generator.inbox().delivered < MESSAGES && began.elapsed() < Duration::from_secs(10) {
        generator.turn(Duration::from_millis(10)).unwrap();
    }
    assert_eq!((generator.inbox().delivered, generator.inbox().complete(0)), (MESSAGES, MESSAGES));
    sender.join().unwrap();
}
