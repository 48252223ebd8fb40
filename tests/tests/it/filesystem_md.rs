//! The shell examples of FILESYSTEM.md, in order, with the real curl against a real hub.

use concierge_tests::{Command, Hub, repository};
use tempfile::TempDir;

#[tokio::test]
async fn every_curl_prints_the_status_that_stands_behind_it_and_nothing_else_prints() {
    let document = std::fs::read_to_string(repository().join("FILESYSTEM.md")).unwrap();
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
