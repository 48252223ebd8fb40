use concierge_api_rs::{ClientId, Hello};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::either::Either;

use super::*;

/// A conversation, and the hub's end of its connection.
async fn conversation() -> (Conversation, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ours, hubs) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let socket = WebSocketStream::from_raw_socket(Either::Left(ours.unwrap()), Role::Client, None).await;
    let link = Link::new(socket, Hello { uuid: ClientId(uuid::Uuid::from_u128(1)), version: "0.2.0".into(), fs_key: None });
    let shared = Arc::new(Shared::new(8, link.hello.clone()));
    (Conversation::new(link, shared, RESTORED_AT_ONCE), hubs.unwrap().0)
}

type Answer = oneshot::Receiver<Result<PayloadOut, RequestError>>;

/// Sends a request whose answer makes `change`; `permits` has one less until the answer came.
fn send(talk: &mut Conversation, permits: &Arc<Semaphore>, change: Change) -> Answer {
    let (reply, answer) = oneshot::channel();
    let permit = permits.clone().try_acquire_owned().unwrap();
    talk.send(Request { text: "{}".into(), renumber: None, change, provided: Provided::Awaited, reply, permit });
    answer
}

fn name(service: &str) -> ServiceName {
    service.parse().unwrap()
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_fails_its_request_and_gives_the_permit_back() {
    let (mut talk, _hub) = conversation().await;
    let permits = Arc::new(Semaphore::new(2));
    let mut answers = [(); 2].map(|()| send(&mut talk, &permits, Change::Nothing));
    assert_eq!(permits.available_permits(), 0);
    talk.take(r#"{"type":"OF_A_LATER_VERSION","seq":1}"#).unwrap();
    assert!(matches!(answers[1].try_recv(), Ok(Err(RequestError::Unexpected(_)))));
    assert!(answers[0].try_recv().is_err(), "the other request still waits");
    talk.take(r#"{"type":7,"seq":0}"#).unwrap();
    assert!(matches!(answers[0].try_recv(), Ok(Err(RequestError::Unexpected(_)))));
    assert_eq!(permits.available_permits(), 2);
}

#[tokio::test]
async fn a_renewal_whose_answer_cannot_be_read_waits_for_the_next_creation_of_its_service() {
    let (mut talk, _hub) = conversation().await;
    let _news = talk.shared.add_stream(&name("news"));
    talk.shared.pause();
    talk.restore();
    talk.take(r#"{"type":"SELF_SUBSCRIBE_RESULT","seq":0}"#).unwrap();
    assert_eq!(talk.pending.answered(Seq::default()).map(|_| ()), None);
    assert!(talk.shared.is_awaited(&name("news")));
}

#[tokio::test]
async fn a_service_whose_deletion_is_news_is_not_restored_unless_an_earlier_connection_owned_it() {
    let (mut talk, _hub) = conversation().await;
    let deleted = |owner| {
        let owner = uuid::Uuid::from_u128(owner);
        format!(
            r#"{{"type":"SERVICE_DELETE_RESULT","service":{{"name":"mine","nickname":null,"owner_uuid":"{owner}","subscribers":[]}}}}"#
        )
    };
    talk.shared.own(name("mine"), None);
    talk.take(&deleted(2)).unwrap();
    assert_eq!(talk.shared.restore().0, [(name("mine"), None)]);
    talk.take(&deleted(1)).unwrap();
    assert_eq!(talk.shared.restore().0, []);
}

#[tokio::test]
async fn only_invalid_service_ends_a_subscription_that_stands() {
    let (mut talk, _hub) = conversation().await;
    let permits = Arc::new(Semaphore::new(2));
    let _news = talk.shared.add_stream(&name("news"));
    talk.shared.subscribed(&name("news"));
    let _first = send(&mut talk, &permits, Change::Subscribe(name("news")));
    talk.take(r#"{"type":"ERROR_INTERNAL","seq":0,"desc":"busy"}"#).unwrap();
    assert!(talk.shared.is_on(&name("news")));
    let _second = send(&mut talk, &permits, Change::Subscribe(name("news")));
    talk.take(r#"{"type":"INVALID_SERVICE","seq":1,"service":"news"}"#).unwrap();
    assert!(talk.shared.is_awaited(&name("news")));
}

#[tokio::test]
async fn a_subscription_that_is_refused_awaits_the_next_creation_of_its_service() {
    let (mut talk, _hub) = conversation().await;
    let permits = Arc::new(Semaphore::new(1));
    let _news = talk.shared.add_stream(&name("news"));
    let _answer = send(&mut talk, &permits, Change::Subscribe(name("news")));
    talk.take(r#"{"type":"ERROR_INTERNAL","seq":0,"desc":"busy"}"#).unwrap();
    assert!(talk.shared.is_awaited(&name("news")));
}

#[tokio::test]
async fn text_that_is_no_payload_ends_the_connection_because_nobody_knows_whom_it_answers() {
    let (mut talk, _hub) = conversation().await;
    for text in ["nonsense", "", "[]", "7", r#"{"type":"OK","seq":0"#, r#"{"type":"OK","seq":"0"}"#] {
        let ending = talk.take(text).expect_err(text);
        assert!(matches!(&ending, Ending::Nonsense(why) if !why.is_empty()), "{text}: {ending:?}");
    }
    for text in [r#"{"type":"OF_A_LATER_VERSION"}"#, r#"{"type":"CLIENT_LEFT"}"#, r#"{"seq":null}"#, r#"{"type":"OK","seq":99}"#]
    {
        talk.take(text).expect(text);
    }
}

#[tokio::test]
async fn a_restoration_whose_number_was_given_to_another_request_holds_nothing_up() {
    let (mut talk, _hub) = conversation().await;
    let permits = Arc::new(Semaphore::new(1));
    let _news: Vec<_> = (0..RESTORED_AT_ONCE + 1).map(|n| talk.shared.add_stream(&name(&format!("news{n}")))).collect();
    talk.shared.pause();
    talk.restore();
    for seq in 0..15 {
        talk.take(&format!(r#"{{"type":"INVALID_SERVICE","seq":{seq},"service":"news{seq}"}}"#)).unwrap();
    }
    assert!(!talk.restoration.is_over());
    let (reply, _answer) = oneshot::channel();
    let permit = permits.clone().try_acquire_owned().unwrap();
    let renumber = Some(serde_json::from_str("15").unwrap());
    talk.send(Request { text: "{}".into(), renumber, change: Change::Nothing, provided: Provided::Awaited, reply, permit });
    assert!(talk.restoration.is_over(), "the last one was sent");
}

#[tokio::test]
async fn what_belongs_to_another_connection_or_to_nobody_is_not_sent() {
    let (mut talk, _hub) = conversation().await;
    let permits = Arc::new(Semaphore::new(1));
    let [this, other] = [1, 2].map(|n| ClientId(uuid::Uuid::from_u128(n)));
    for (provided, waits, sent) in [
        (Provided::Awaited, true, true),
        (Provided::Awaited, false, false),
        (Provided::Nothing, false, true),
        (Provided::On(this), false, true),
        (Provided::On(other), true, false),
    ] {
        let (reply, mut answer) = oneshot::channel();
        if !waits {
            answer.close();
        }
        let permit = permits.clone().try_acquire_owned().unwrap();
        talk.send(Request { text: "{}".into(), renumber: None, change: Change::Nothing, provided, reply, permit });
        assert_eq!(permits.available_permits(), usize::from(!sent), "{provided:?}");
        if waits && !sent {
            assert!(matches!(answer.try_recv(), Ok(Err(RequestError::Disconnected))));
        }
        std::mem::replace(&mut talk.pending, Pending::new()).into_waiting().for_each(drop);
    }
}
