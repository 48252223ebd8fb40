//! What README.md promises to somebody with two terminals and a browser.

use concierge_tests::{Browser, Command, Hub, example, repository, until};

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).unwrap()
}

fn blocks(document: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The arguments of every `cargo run --release -- …` and `concierge …` in the document's shell blocks.
fn commands(document: &str) -> Vec<Vec<String>> {
    let lines = blocks(document, "sh").join("\n");
    let arguments = |line: &str| {
        let line = line.split(" # ").next().unwrap().trim();
        let own = line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("concierge "))?;
        Some(own.split_whitespace().map(str::to_owned).collect())
    };
    lines.lines().filter_map(arguments).collect()
}

fn command(arguments: &[String]) -> Command {
    Command::concierge(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_two_terminals_of_the_document_meet() {
    let document = readme();
    let all = commands(&document);
    let of = |name: &str| -> Vec<String> { all.iter().find(|command| command[0] == name).expect(name).clone() };
    assert_eq!(of("serve"), ["serve"]);
    let hub = Hub::start().await;
    let mut listening = command(&of("sub")).at(&hub).start();
    until("the second terminal is there", async || (hub.metric("concierge_clients").await == 1.0).then_some(())).await;
    command(&of("pub")).at(&hub).run().await.exits(0);
    let line = listening.line().await;
    assert!(document.contains(&format!("shows `{line}`")), "the document shows another line than {line}");
}

#[tokio::test]
async fn the_worker_of_the_document_answers_the_request_of_the_document() {
    let document = readme();
    let section = document.split("\n## Ask whoever can do it\n").nth(1).unwrap();
    let [reply, request] = &commands(section)[..2] else { panic!("two commands: {section}") };
    let hub = Hub::with(&["router.enabled=true"]).await;
    let _worker = command(reply).at(&hub).start();
    let ask = async || Some(command(request).at(&hub).run().await).filter(|ran| ran.code == 0);
    let answer = until("an answer", ask).await.json().remove(0);
    assert!(answer.as_str().is_some_and(|date| date.contains(':')), "{answer}");
}

#[tokio::test]
async fn the_worker_of_the_document_keeps_the_promise_of_the_document() {
    let document = readme();
    let section = document.split("\n## What must not be lost\n").nth(1).unwrap();
    let [work, create, wait] = &commands(section)[..3] else { panic!("three commands: {section}") };
    let hub = Hub::with(&["coordinator.enabled=true", "store.url=memory:"]).await;
    let _worker = command(work).at(&hub).start();
    command(create).at(&hub).run().await.exits(0);
    let outcome = command(wait).at(&hub).run().await.exits(0).stdout;
    let fields: Vec<Vec<&str>> = outcome.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(fields.contains(&vec!["state", "resolved"]) && fields.contains(&vec!["value", "\"tea\""]), "{outcome}");
}

#[tokio::test]
async fn every_command_of_the_document_is_one() {
    for mut arguments in commands(&readme()) {
        arguments.push("--help".to_owned());
        let help = command(&arguments).run().await.exits(0);
        assert!(help.stdout.contains("Usage: concierge"), "{help:?}");
    }
}

#[tokio::test]
async fn the_rust_example_is_the_program_that_lies_there_and_prints_what_the_document_says() {
    let document = readme();
    let source = std::fs::read_to_string(repository().join("concierge/examples/news.rs")).unwrap();
    let (_head, program) = source.split_once("\nuse ").unwrap();
    assert_eq!(blocks(&document, "rust"), [format!("use {program}")]);
    let hub = Hub::start().await;
    let program = example("news").as_os_str().to_owned();
    let ran = Command::program(program, &[hub.url()]).run().await.exits(0);
    assert_eq!(ran.stdout, blocks(&document, "text")[0]);
}

#[tokio::test]
async fn the_example_for_browsers_prints_what_the_document_says() {
    let document = readme();
    let script = &blocks(&document, "js")[0];
    let hub = Hub::start().await;
    let mut browser = Browser::open(&format!("http://{}/", hub.address)).await;
    browser.run(&script.replace("127.0.0.1:64209", &hub.address.to_string())).await;
    let line = browser.console_line().await;
    assert!(document.contains(&format!("It prints `{line}`")), "the document prints another line than {line}");
    assert_eq!(hub.metric("concierge_clients").await, 1.0);
    browser.close().await;
    until("the page's client has left", async || (hub.metric("concierge_clients").await == 0.0).then_some(())).await;
}
