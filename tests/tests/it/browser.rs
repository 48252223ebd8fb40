//! Which pages a real browser lets speak to the hub, because the hub does.

use concierge_tests::{Browser, Hub};

/// How the attempt to open a WebSocket ends, in the page.
fn attempt(hub: &Hub) -> String {
    let script = r#"await new Promise((ended) => {
      const ws = new WebSocket("ws://HUB/ws", "ert-concierge");
      ws.onopen = () => ended(`open, ${ws.protocol}`);
      ws.onerror = () => ended("refused");
    })"#;
    script.replace("HUB", &hub.address.to_string())
}

#[tokio::test]
async fn a_page_of_the_hub_may_connect_and_one_of_a_foreign_origin_may_not() {
    let (hub, other) = (Hub::start().await, Hub::start().await);
    let attempt = attempt(&hub);
    let mut browser = Browser::open(&format!("http://{}/", hub.address)).await;
    assert_eq!(browser.run(&attempt).await, "open, ert-concierge");
    // another port is another origin, and the other two have none
    for foreign in [format!("http://{}/", other.address), "data:text/plain,hello".to_owned(), "about:blank".to_owned()] {
        browser.go(&foreign).await;
        assert_eq!(browser.run(&attempt).await, "refused", "{foreign}");
    }
    assert_eq!(hub.metric(r#"concierge_connections_refused_total{reason="origin"}"#).await, 3.0);
    browser.close().await;
}

#[tokio::test]
async fn a_page_whose_origin_the_hub_lists_may_connect_and_use_the_files() {
    let other = Hub::start().await;
    let hub = Hub::with(&[&format!("allowed_origins=http://{}", other.address)]).await;
    let ada = hub.enter("ada").await;
    let mut browser = Browser::open(&format!("http://{}/", other.address)).await;
    assert_eq!(browser.run(&attempt(&hub)).await, "open, ert-concierge");
    let put = format!(
        r#"const put = await fetch("http://{}/fs/ada/note.txt", {{ method: "PUT", headers: {{ "x-fs-key": "{}" }}, body: "hello" }});
        `${{put.status}} ${{put.headers.get("location")}}`"#,
        hub.address, ada.fs_key
    );
    assert_eq!(browser.run(&put).await, "201 /fs/ada/note.txt");
    browser.close().await;
}
