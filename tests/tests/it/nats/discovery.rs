//! Micro services (ADR-32): who looks for them finds the hub.

use super::*;

#[tokio::test]
async fn who_looks_for_services_finds_the_hub_by_name_and_by_id_with_what_it_serves_and_how_well() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    serve(&mut bob, json!({ "categories": ["math"], "subjects": ["api", "shop.a"] })).await;
    until_served(&plain, "concierge.shop.a.math").await;

    let look = async |subject: String| ask(&plain, &subject, &json!(null)).await;
    let ping = look("$SRV.PING".to_owned()).await;
    let id = ping["id"].as_str().unwrap().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let head = |kind: &str| {
        json!({ "type": format!("io.nats.micro.v1.{kind}_response"), "name": "concierge", "id": id, "version": version,
            "metadata": { "node": "hub" } })
    };
    assert_eq!(ping, head("ping"));
    assert_eq!(look("$SRV.PING.concierge".to_owned()).await, ping);
    let mut info = look(format!("$SRV.INFO.concierge.{id}")).await;
    assert!(!info["description"].take().as_str().unwrap().is_empty());
    let endpoint = |name: &str, subject: &str| {
        json!({ "name": format!("{name}-math"), "subject": format!("concierge.{subject}.math"), "queue_group": "concierge",
            "metadata": { "subject": subject, "category": "math" } })
    };
    let mut expected = head("info");
    expected["description"] = json!(null);
    expected["endpoints"] = json!([endpoint("api", "api"), endpoint("shop_a", "shop.a")]);
    assert_eq!(info, expected);

    for (status, data) in [("ok", json!(3)), ("err", json!({ "code": 3, "data": { "items": ["a"] } }))] {
        let asking = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add" }));
        let answering = async {
            let reqid = got(&mut bob).await["data"]["_reqid"].clone();
            send(&mut bob, "api", json!({ "type": "r", "status": status, "_reqid": reqid, "data": data })).await;
        };
        tokio::join!(asking, answering);
    }
    let stats = look("$SRV.STATS.concierge".to_owned()).await;
    let endpoint = &stats["endpoints"][0];
    assert_eq!([&endpoint["num_requests"], &endpoint["num_errors"]], [2, 1]);
    assert_eq!(endpoint["last_error"], "3:INVALID");
    assert!(endpoint["average_processing_time"].as_u64().unwrap() > 1_000, "{endpoint}");
    assert!(stats["started"].as_str().unwrap().ends_with('Z'), "{stats}");
}

#[tokio::test]
async fn hubs_of_one_queue_group_share_what_is_asked() {
    let nats = Nats::start().await;
    let plain = nats.client().await;
    let (one, two) = (hub(&nats, &["node=one"]).await, hub(&nats, &["node=two"]).await);
    let mut workers = Vec::new();
    for hub in [&one, &two] {
        let mut worker = subscriber(hub, "bob").await;
        serve(&mut worker, json!({ "categories": ["math"] })).await;
        workers.push(worker);
    }
    until("both serve it", async || {
        let mut found = 0;
        let inbox = plain.new_inbox();
        let mut answers = plain.subscribe(inbox.clone()).await.unwrap();
        plain.publish_with_reply("$SRV.INFO", inbox, "".into()).await.unwrap();
        for _ in 0..2 {
            let answer = datagram_of(&within("an answer", answers.next()).await?);
            found += answer["endpoints"].as_array()?.len();
        }
        (found == 2).then_some(())
    })
    .await;
    let answering: Vec<_> = workers
        .into_iter()
        .map(|mut worker| {
            tokio::spawn(async move {
                loop {
                    let asked = got(&mut worker).await;
                    let (reqid, node) = (&asked["data"]["_reqid"], &asked["headers"]["Cg-Node"]);
                    send(&mut worker, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": node })).await;
                }
            })
        })
        .collect();
    let (mut ones, mut twos) = (0, 0);
    for _ in 0..200 {
        let node = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/where" })).await["data"].take();
        let count = if node == "one" { &mut ones } else { &mut twos };
        *count += 1;
    }
    assert!(ones > 50 && twos > 50, "{ones} and {twos} of 200");
    answering.iter().for_each(|task| task.abort());
}
