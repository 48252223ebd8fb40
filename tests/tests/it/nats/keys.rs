//! Keys of those outside.

use async_nats::HeaderMap;

use super::*;

#[tokio::test]
async fn a_category_that_asks_for_a_level_is_for_those_whose_key_has_it() {
    let nats = Nats::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "# who may what\nsesame math:2\n\nweak math:1 news:5\n").unwrap();
    let file = format!("router.api_keys_file={}", file.display());
    let (hub, plain) = (hub(&nats, &[&file, "router.levels=math:2"]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    serve(&mut bob, json!({ "categories": ["math", "open"] })).await;
    until_served(&plain, "concierge.api.open").await;

    let asked = async |key: Option<&'static str>, category: &str| {
        let mut headers = HeaderMap::new();
        // what a hub says of its own clients cannot be said from outside
        headers.insert("Cg-Name", "root");
        headers.insert("Cg-Level", "9");
        if let Some(key) = key {
            headers.insert("Cg-Api-Key", key);
        }
        let datagram = json!({ "type": "q", "cmd": format!("{category}/add"), "_reqid": "x" }).to_string();
        let answer = plain.request_with_headers(format!("concierge.api.{category}"), headers, datagram.into()).await.unwrap();
        datagram_of(&answer)
    };
    for key in [None, Some("weak"), Some("sesam"), Some("")] {
        assert_eq!(asked(key, "math").await, failed("x", 1, "key"), "{key:?}");
    }
    for (key, category, level) in [(Some("sesame"), "math", 2), (None, "open", 0), (Some("wrong"), "open", 0)] {
        let answering = async {
            let asked = got(&mut bob).await;
            let left = &asked["headers"]["Cg-Deadline-Ms"];
            assert_eq!(asked["headers"], json!({ "Cg-Node": "hub", "Cg-Level": level, "Cg-Deadline-Ms": left }));
            let reqid = &asked["data"]["_reqid"];
            send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": level })).await;
        };
        let (answer, ()) = tokio::join!(asked(key, category), answering);
        assert_eq!(answer["data"], level);
    }
    // a client of the hub needs no key, and a push without one arrives nowhere
    let push = json!({ "type": "p", "cmd": "math/seen" });
    plain.publish("concierge.api.math", push.to_string().into()).await.unwrap();
    let mut ada = subscriber(&hub, "ada").await;
    send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": "y" })).await;
    let asked = got(&mut bob).await;
    assert_eq!((&asked["data"]["type"], &asked["headers"]["Cg-Name"]), (&json!("q"), &json!("ada")));
    assert!(hub.get("/metrics").await.contains("concierge_nats_dropped_total{why=\"unanswerable\"} 1"));
}
