use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A file server that sends `answer` to the head of a request and then says nothing more; it ends with the client's connection.
async fn server(answer: &'static str) -> (Files, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = tcp.read_u8().await else { return };
            request.push(byte);
        }
        tcp.write_all(answer.as_bytes()).await.unwrap(); // earlier, it would be an error of its own
        let _ = tcp.read_to_end(&mut request).await; // cut off or ended: it is over
    });
    let options = Options::new(&url, "ada").unwrap().silence(Duration::from_millis(20));
    (Files::with_key(options, FileKey(uuid::Uuid::from_u128(1))), server)
}

#[tokio::test]
async fn a_put_that_the_server_never_answers_ends_as_silent() {
    let (files, server) = server("").await;
    let stored = files.put("a", &b"hello"[..], Some(5), |_| ()).await;
    assert!(matches!(stored, Err(FilesError::Silent(_))), "{stored:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_stops_half_way_ends_as_silent() {
    let (files, server) = server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[").await;
    let list = files.list("").await;
    assert!(matches!(list, Err(FilesError::Silent(_))), "{list:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_a_local_error_that_says_why() {
    let directory = || std::fs::read("/").unwrap_err();
    for (broken, why) in
        [(directory(), directory().to_string()), (io::Error::other("the tape is torn"), "the tape is torn".into())]
    {
        let (files, server) = server("").await;
        let source = tokio_util::io::StreamReader::new(futures::stream::iter([Err::<Bytes, _>(broken)]));
        let stored = files.put("a", source, None, |_| ()).await;
        assert!(matches!(&stored, Err(FilesError::Local(error)) if error.to_string() == why), "{stored:?}");
        server.await.unwrap();
    }
}
