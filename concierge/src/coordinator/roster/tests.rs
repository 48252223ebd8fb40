use std::sync::Arc;

use concierge_api_rs::coordinator::{Address, GroupName, Pid};
use tokio::sync::mpsc;

use super::{Event, Roster, Sink};

fn poller(roster: &Roster, group: &str, pid: &str) -> (super::MemberId, mpsc::Receiver<Event>) {
    let (to, messages) = mpsc::channel(1);
    (roster.poll(GroupName::parse(group).unwrap(), Pid::parse(pid).unwrap(), to), messages)
}

fn offer(roster: &Roster, address: &str, text: &str) -> bool {
    let give = |sink: &Sink| match sink {
        Sink::Poller(to, _) => to.try_send(Event { text: text.to_owned(), notice: None }).is_ok(),
        Sink::Client(_) => false,
    };
    roster.offer(&Address::parse(address).unwrap(), give)
}

fn taken(messages: &mut mpsc::Receiver<Event>) -> Vec<String> {
    std::iter::from_fn(|| messages.try_recv().ok()).map(|event| event.text).collect()
}

#[test]
fn any_goes_round_and_skips_those_without_room() {
    let roster = Roster::default();
    let (_, mut ada) = poller(&roster, "g", "ada");
    let (_, mut bob) = poller(&roster, "g", "bob");
    assert!(offer(&roster, "any@g", "1") && offer(&roster, "any@g", "2"));
    assert!(!offer(&roster, "any@g", "3"), "both are full");
    let (a, b) = (taken(&mut ada), taken(&mut bob));
    assert_eq!((a.len(), b.len()), (1, 1));
    assert!(offer(&roster, "any@g", "4") && offer(&roster, "poll://any@g", "5"));
    assert_eq!(taken(&mut ada).len() + taken(&mut bob).len(), 2);
}

#[test]
fn any_with_a_name_goes_to_that_one_and_to_another_when_it_is_not_there() {
    let roster = Roster::default();
    let (id, mut ada) = poller(&roster, "g", "ada");
    let (_, mut bob) = poller(&roster, "g", "bob");
    for _ in 0..3 {
        assert!(offer(&roster, "any@g/bob", "for bob"));
        assert_eq!(taken(&mut bob), ["for bob"]);
    }
    roster.leave(id);
    assert!(offer(&roster, "any@g/ada", "for ada"));
    assert_eq!((taken(&mut ada).len(), taken(&mut bob)), (0, vec!["for ada".to_owned()]));
}

#[test]
fn uni_goes_to_the_one_named_or_waits() {
    let roster = Roster::default();
    let (_, mut ada) = poller(&roster, "g", "ada");
    assert!(!offer(&roster, "uni@g/bob", "for bob"));
    assert!(!offer(&roster, "uni@h/ada", "another group"));
    assert!(offer(&roster, "uni@g/ada", "for ada"));
    assert_eq!(taken(&mut ada), ["for ada"]);
}

#[test]
fn what_released_workers_call_themselves_below_a_path_is_their_group() {
    let roster = Roster::default();
    let (_, mut ada) = poller(&roster, "g", "ada");
    let (_, mut bob) = poller(&roster, "g", "bob");
    let (_, mut eve) = poller(&roster, "h", "eve");
    assert!(offer(&roster, "poll://uni@poll/g", "settled"));
    assert_eq!((taken(&mut ada).len(), taken(&mut bob).len()), (1, 1), "whichever of them waits");
    assert!(offer(&roster, "poll://any@poll/g", "a task"));
    assert_eq!(taken(&mut ada).len() + taken(&mut bob).len(), 1);
    assert_eq!(taken(&mut eve), Vec::<String>::new());
}

#[tokio::test]
async fn a_newcomer_is_told_of_once_and_one_that_left_takes_nothing() {
    let roster = Arc::new(Roster::default());
    let (id, mut ada) = poller(&roster, "g", "ada");
    let newcomers = roster.newcomers().await;
    let names: Vec<_> = newcomers[0].names().map(|(group, pid)| format!("{group}/{pid}")).collect();
    assert_eq!(names, ["g/ada", "poll/g"]);
    roster.leave(id);
    assert!(!offer(&roster, "any@g", "late") && taken(&mut ada).is_empty());
    assert_eq!(roster.pollers(), 0);
}

#[test]
fn the_one_poller_among_many_subscribers_is_found() {
    let roster = Roster::default();
    let peer = |_| {
        let local = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        crate::peer::Peer::new(concierge_api_rs::ClientId(uuid::Uuid::new_v4()), local, Arc::default(), None, 1_000)
    };
    for peer in (0..60).map(peer) {
        let name = format!("c{}", peer.id.0.simple());
        let info = serde_json::json!({ "name": name, "nickname": null, "uuid": peer.id, "tags": ["g"] });
        roster.subscribe(&serde_json::from_value(info).unwrap(), &peer);
    }
    let (_, mut ada) = poller(&roster, "g", "ada");
    for _ in 0..20 {
        assert!(offer(&roster, "any@poll/g", "a task"));
        assert_eq!(taken(&mut ada), ["a task"]);
    }
}
