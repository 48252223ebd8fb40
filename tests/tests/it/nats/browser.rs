//! A page in a browser and programs on NATS, which know nothing of each other.

use concierge_client::Client as RustClient;
use concierge_client::admin::Admin;
use concierge_tests::Browser;

use super::*;

#[tokio::test]
async fn a_plain_client_of_nats_calls_the_handler_of_a_page_in_a_browser_and_is_called_by_the_page() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut browser = Browser::open(&format!("http://{}/", hub.address)).await;
    let script = r#"
        const { connect, router } = await import("/client.js");
        const { handle, request } = await router(await connect(location.origin, { name: "page" }));
        await handle("math/add", ([a, b]) => a + b);
        await handle("math/count", async function* (to) { for (let n = 1; n <= to; n++) yield n; });"#;
    browser.run(script).await;
    until_served(&plain, "concierge.api.math").await;
    let sum = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add", "data": [1, 2] })).await;
    assert_eq!(sum, ok(json!(3)));
    let none = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/sub", "_reqid": "x" })).await;
    assert_eq!(none, failed("x", 9, "cmd"));

    let _worker = plain_worker(&plain, "concierge.api.news", |message| {
        let name = message.headers.as_ref().and_then(|headers| headers.get("Cg-Name")).unwrap().to_string();
        vec![ok(json!(format!("calm, {name}")))]
    })
    .await;
    assert_eq!(browser.run(r#"await request("news/weather")"#).await, "calm, page");
    let refused = r#"await request("none/there").catch(({ code, details }) => `${code} ${details.items}`)"#;
    assert_eq!(browser.run(refused).await, "UNAVAILABLE subject");
    browser.close().await;
    until("nobody serves it", async || Some(info(&plain).await?["endpoints"].take()).filter(|all| all == &json!([]))).await;
}

#[tokio::test]
async fn administrators_see_how_the_way_to_nats_stands_and_who_failed() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["admin=true"]).await;
    let plain = nats.client().await;
    let mut bob = worker(&hub, &plain, "bob").await;
    assert_eq!(answer(&mut bob, "x", "none/there").await, failed("x", 2, "subject"));
    let wrong = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add", "_reqid": "y" }));
    let answering = async {
        let reqid = got(&mut bob).await["data"]["_reqid"].clone();
        let error = json!({ "code": 3, "data": { "items": ["a"] } });
        send(&mut bob, "api", json!({ "type": "r", "status": "err", "_reqid": reqid, "data": error })).await;
    };
    tokio::join!(wrong, answering);
    let root = RustClient::connect(hub.options("root")).await.unwrap();
    let look = Admin::connect(&root, None).await.unwrap().router().await.unwrap();
    let way = look.nats.unwrap();
    assert_eq!((way.connected, way.url, way.reconnects, way.last_error), (true, nats.url(), 0, None));
    assert!(way.server_version.unwrap().starts_with("2."));
    let faults: Vec<_> =
        look.faults.iter().map(|fault| format!("{} {} {}", fault.name.as_ref().unwrap(), fault.cmd, fault.error)).collect();
    assert_eq!(faults, ["bob none/there UNAVAILABLE", "nats math/add INVALID"]);
}
