//! The examples of FILESYSTEM.md against a real hub: those for a shell with the real curl, in order, and those for a page
//! in a real browser.

use concierge_tests::{Browser, Command, Hub, needed, repository};
use serde_json::json;
use tempfile::TempDir;

/// The page around the example: the client `ada`, an input in which two files were chosen, a canvas of 3 by 2 pixels, an
/// image, and the client `bob`, who has a drawing. What they are called is what the example calls them.
const PAGE: &str = r#"
const hub = location.origin;
name = "ada";
const enter = (name) => new Promise((entered) => {
  const ws = new WebSocket(`${hub.replace("http", "ws")}/ws`);
  ws.onopen = () => ws.send(JSON.stringify({ type: "IDENTIFY", name, version: "0.2.0" }));
  ws.addEventListener("message", ({ data }) => entered(JSON.parse(data)), { once: true });
});
const hello = await enter(name);
document.body.innerHTML = '<input type="file" multiple><canvas width="3" height="2"></canvas><img>';
const input = document.querySelector("input"), canvas = document.querySelector("canvas");
const chosen = new DataTransfer();
for (const text of ["one", "three"]) chosen.items.add(new File([text], `${text} ü.txt`));
input.files = chosen.files;
canvas.getContext("2d").fillRect(0, 0, 2, 1);
const bob = await enter("bob");
const body = await new Promise((done) => canvas.toBlob(done));
await fetch(`${hub}/fs/bob/drawing.png`, { method: "PUT", headers: { "x-fs-key": bob.fs_key }, body });
"#;

#[tokio::test]
async fn the_example_for_browsers_uploads_what_was_chosen_and_shows_what_somebody_else_drew() {
    let document = std::fs::read_to_string(repository().join("FILESYSTEM.md")).unwrap();
    let examples: Vec<_> = document.split("```js\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 1, "one example, and the page around it is made for it");
    let hub = Hub::start().await;
    let mut browser = Browser::open(&format!("http://{}/", hub.address)).await;
    browser.run(PAGE).await;
    browser.run(examples[0]).await;
    assert_eq!([browser.console_line().await, browser.console_line().await], ["photos/one ü.txt 3", "photos/three ü.txt 5"]);
    let size =
        browser.run("const img = document.querySelector('img'); await img.decode(); [img.naturalWidth, img.naturalHeight]");
    assert_eq!(size.await, json!([3, 2]), "the drawing of bob is shown");

    let key = browser.run("hello.fs_key").await;
    let headers = [("x-fs-key", key.as_str().unwrap())];
    let get = async |path: &str| hub.http("GET", path, &headers, b"").await.body;
    assert_eq!(get("/fs/ada/photos/three%20%C3%BC.txt").await, b"three");
    assert!(get("/fs/ada/drawing.png").await.starts_with(b"\x89PNG"));
    browser.close().await;
}

#[tokio::test]
async fn every_curl_prints_the_status_that_stands_behind_it_and_nothing_else_prints() {
    let document = std::fs::read_to_string(repository().join("FILESYSTEM.md")).unwrap();
    let _curl = needed("curl");
    let hub = Hub::start().await;
    let ada = hub.enter("ada").await;
    let (url, home) = (format!("http://{}", hub.address), TempDir::new().unwrap());
    let mut statuses = 0;
    for line in document.split("```sh\n").skip(1).flat_map(|rest| rest.split("```").next().unwrap().lines()) {
        let (command, status) = line.split_once("  # ").map_or((line, ""), |(command, status)| (command, status.trim()));
        let shell = Command::program("sh".into(), &["-euc", command]).home(home.path());
        let ran = shell.env("HUB", &url).env("NAME", &ada.name).env("KEY", &ada.fs_key).run().await.exits(0);
        assert_eq!((ran.stdout.trim_end(), ran.stderr.as_str()), (status, ""), "{line}");
        statuses += usize::from(!status.is_empty());
    }
    assert!(statuses >= 30, "only {statuses} examples");
}
