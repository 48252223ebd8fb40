//! README.md says what is true: its Rust example is the one in examples/, and prints what is said.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use concierge::config::Config;
use concierge::server::Server;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../examples/news.rs");

/// The text of the only block that begins with that fence.
fn block(fence: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("```{fence}\n")).unwrap();
    assert!(!rest.contains(&format!("```{fence}\n")), "two blocks of {fence}");
    rest.split_once("```").unwrap().0
}

fn example() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_concierge")).with_file_name("examples").join("news");
    assert!(built.exists(), "{} is missing; `cargo test -p concierge` builds it", built.display());
    built
}

#[test]
fn the_rust_example_is_the_one_that_is_compiled() {
    let code = EXAMPLE.split_once("\nuse ").map(|(_, code)| format!("use {code}")).unwrap();
    assert_eq!(block("rust"), code);
}

#[tokio::test]
async fn the_rust_example_prints_what_the_readme_says() {
    let (_, after_code) = README.split_once("```text\n").unwrap();
    let printed = after_code.split_once("```").unwrap().0;
    let server = Server::start(Config { listen: ([127, 0, 0, 1], 0).into(), ..Config::default() }).await.unwrap();
    let url = server.url();
    let ran = tokio::task::spawn_blocking(move || Command::new(example()).arg(url).output().unwrap()).await.unwrap();
    assert_eq!((std::str::from_utf8(&ran.stdout).unwrap(), ran.status.success()), (printed, true));
}
