use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::CommandFactory;
use clap_complete::Shell;
use concierge_client::{ConnectError, RequestError};
use expect_test::{expect, expect_file};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A sink whose text can be read while it is written.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Text {
    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A pipe whose reader has gone.
struct Gone;

impl io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Ran {
    outcome: Result<(), Failure>,
    out: String,
    err: String,
}

async fn ran(arguments: &[&str]) -> Ran {
    let cli = Cli::try_parse_from([&["concierge"], arguments].concat()).unwrap();
    let (out, err) = (Text::default(), Text::default());
    let mut output = Output::to(cli.json, out.clone(), err.clone());
    let outcome = cli.command.run(&mut output).await;
    if let Err(failure) = &outcome {
        output.failure(failure);
    }
    Ran { outcome, out: out.read(), err: err.read() }
}

fn written(json: bool, write: impl FnOnce(&mut Output)) -> (String, String) {
    let (out, err) = (Text::default(), Text::default());
    write(&mut Output::to(json, out.clone(), err.clone()));
    (out.read(), err.read())
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_every_argument_says_what_it_is() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some() || command.get_name() == "help", "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn the_documentation_of_the_command_line_is_what_the_code_says() {
    expect_file!["../../../docs/cli.md"].assert_eq(&documentation());
}

fn documentation() -> String {
    let mut text = String::from(
        "# The command line\n\n\
         <!-- Compared with the code by a test: UPDATE_EXPECT=1 cargo test -p concierge --lib cli -->\n\n\
         Results go to stdout, everything else to stderr. `--json` prints results as JSON, a line each, and a failure as a JSON line\n\
         on stderr: `{\"error\":…,\"exit\":…,\"next\":…}`. `NO_COLOR` and pipes get no colour. `concierge COMMAND --help` explains every flag.\n\n\
         ## Commands\n\n| command | what it does | for example |\n| --- | --- | --- |\n",
    );
    commands(&Cli::command(), "", &mut text);
    text.push_str("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
    for exit in Exit::ALL {
        let _ = writeln!(text, "| {} | {} |", exit.code(), exit.meaning());
    }
    text
}

fn commands(command: &clap::Command, path: &str, text: &mut String) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        match inner.has_subcommands() {
            true => commands(inner, &path, text),
            false => drop(writeln!(
                text,
                "| `concierge{path}` | {} | `{}` |",
                inner.get_about().unwrap_or_default(),
                example(inner).expect(&path)
            )),
        }
    }
}

/// The example under a command's help.
fn example(command: &clap::Command) -> Option<String> {
    command.get_after_help()?.to_string().strip_prefix("Example: ").map(str::to_owned)
}

/// The words of a command line, single quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        match n % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn every_example_is_of_its_command_and_is_understood() {
    fn check(command: &clap::Command, path: &str) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            if inner.has_subcommands() {
                check(inner, &path);
                continue;
            }
            let line = example(inner).expect(&path);
            assert!(line.starts_with(&path), "{line}");
            let line = line.replace("FS_KEY", "5ec2e700-0000-4000-8000-000000000001");
            Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
    check(&Cli::command(), "concierge");
}

#[test]
fn a_wrong_command_line_is_told_as_json_to_who_asked_for_json() {
    let told = |arguments: &[&str]| {
        let failure = misused(&Cli::try_parse_from([&["concierge"], arguments].concat()).unwrap_err());
        (failure.exit, failure.message, failure.next.unwrap())
    };
    let (exit, wrong, next) = told(&["shema", "--json"]);
    assert_eq!((exit, wrong.as_str()), (Exit::Usage, "unrecognized subcommand 'shema'"));
    assert!(next.starts_with("tip: a similar subcommand exists: 'schema'; Usage: concierge"), "{next}");
    assert_eq!(told(&["sub"]).1, "the following required arguments were not provided: <SERVICE>...");
    assert_eq!(told(&["--json"]).1, "a command is missing");
    assert_eq!(told(&["--json", "clients"]).1, "a command is missing");
    let asks = |line: &str| asks_for_json(line.split(' ').map(OsString::from));
    assert!(asks("concierge sub --json --x") && !asks("concierge sub --x") && !asks("concierge send ada -- --json"));
}

#[test]
fn exit_codes_are_all_different_and_in_the_help() {
    let codes: std::collections::BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes.len(), Exit::ALL.len());
    let help = Cli::command().render_long_help().to_string();
    for exit in Exit::ALL {
        assert!(help.contains(exit.meaning()), "{exit:?}");
    }
}

#[test]
fn results_are_text_or_a_line_of_json() {
    let show = |json| written(json, |output| output.result(&["a", "b"], |list| list.join(" and ")).unwrap());
    assert_eq!(show(false), ("a and b\n".into(), String::new()));
    assert_eq!(show(true), ("[\"a\",\"b\"]\n".into(), String::new()));
}

#[test]
fn tables_are_aligned_and_nobody_repaints_the_terminal() {
    let rows = vec![vec!["ada".to_owned(), "\x1b[2Jé\nx".to_owned()], vec!["grace_hopper".to_owned(), "\u{202e}b".to_owned()]];
    let (out, _) = written(false, |output| output.table(&["NAME", "NICKNAME"], &rows).unwrap());
    expect![[r"
        NAME          NICKNAME
        ada           \u{1b}[2Jé\nx
        grace_hopper  \u{202e}b
    "]]
    .assert_eq(&out);
}

#[test]
fn failures_say_what_to_try_next_on_stderr() {
    let failure = Failure::new(Exit::NotFound, "no service `new\x07s`").try_next("List them.");
    let tell = |json| written(json, |output| output.failure(&failure));
    assert_eq!(tell(false), (String::new(), "error: no service `new\\u{7}s`\n  List them.\n".into()));
    assert_eq!(
        tell(true),
        (String::new(), "{\"error\":\"no service `new\\u0007s`\",\"exit\":5,\"next\":\"List them.\"}\n".into())
    );
}

#[test]
fn a_reader_that_has_gone_ends_the_command_without_an_error() {
    let err = Text::default();
    let mut output = Output::to(false, Gone, err.clone());
    let failure = output.line("x").unwrap_err();
    output.failure(&failure);
    assert_eq!((failure.exit, err.read().as_str()), (Exit::Success, ""));
}

#[test]
fn failures_of_the_client_have_their_exit_codes() {
    let closed = |code| Failure::from(ConnectError::Closed { code, reason: String::new() });
    let exits = [
        (closed(4006).exit, Exit::Refused),
        (closed(4005).exit, Exit::Refused),
        (closed(4004).exit, Exit::TimedOut),
        (closed(1001).exit, Exit::Unreachable),
        (closed(1006).exit, Exit::Unreachable),
        (Failure::from(ConnectError::TimedOut(Duration::from_secs(1))).exit, Exit::TimedOut),
        (Failure::from(ConnectError::Http { status: 404, sentence: String::new() }).exit, Exit::Unreachable),
        (Failure::from(RequestError::InvalidService("x".into())).exit, Exit::NotFound),
        (Failure::from(RequestError::InvalidName("x".into())).exit, Exit::NotFound),
        (Failure::from(RequestError::Bad).exit, Exit::Refused),
        (Failure::from(RequestError::TimedOut(Duration::from_secs(1))).exit, Exit::TimedOut),
        (Failure::from(RequestError::Disconnected).exit, Exit::Unreachable),
        (Failure::from(RequestError::Unsupported).exit, Exit::Failed),
    ];
    for (exit, expected) in exits {
        assert_eq!(exit, expected);
    }
    assert!(closed(4006).next.unwrap().contains("CONCIERGE_SECRET"));
}

#[test]
fn a_failure_tells_its_sources_once() {
    let source = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
    let failure = Failure::from(ConnectError::Unreachable { hub: "localhost:1".into(), source });
    assert_eq!(failure.message, "no hub answers at localhost:1: connection refused");
}

#[tokio::test]
async fn errors_explains_by_number_and_by_name() {
    let by_number = ran(&["errors", "4005"]).await;
    expect![[r"
        4005 DUPLICATE_AUTH
          Another client has this name.
          Choose another name, or end the client that has it.
    "]]
    .assert_eq(&by_number.out);
    assert_eq!(ran(&["errors", "duplicate_auth"]).await.out, by_number.out);
    assert!(ran(&["--json", "errors", "BAD"]).await.out.starts_with("{\"code\":null,\"name\":\"BAD\""));
}

#[tokio::test]
async fn an_unknown_error_names_the_nearest_one() {
    let ran = ran(&["errors", "INVALID_SERVISE"]).await;
    assert_eq!(ran.outcome.unwrap_err().exit, Exit::NotFound);
    assert_eq!(
        ran.err,
        "error: no error `INVALID_SERVISE`\n  The nearest one is INVALID_SERVICE; `concierge errors` lists all.\n"
    );
}

#[tokio::test]
async fn a_number_that_is_no_close_code_is_not_guessed_at() {
    for (code, said) in [
        ("4001", "close code 4001 is not assigned"),
        ("4008", "close code 4008 is not assigned"),
        ("1003", "close code 1003 is none that a hub uses"),
        ("70000", "no error `70000`"),
    ] {
        let failure = ran(&["errors", code]).await.outcome.unwrap_err();
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::NotFound, said));
        assert_eq!(failure.next.as_deref(), Some("`concierge errors` lists all."));
    }
}

#[tokio::test]
async fn every_close_code_and_every_error_that_the_hub_sends_is_explained() {
    let names: Vec<&str> = all_errors().map(|known| known.name).collect();
    for code in concierge_api_rs::CloseCode::ALL {
        assert!(names.contains(&code.name()), "{code}");
    }
    let schema = concierge_api_rs::schema().to_string();
    let sent = schema.split('"').filter(|word| {
        *word == "BAD"
            || word
                .strip_prefix("ERROR_")
                .or(word.strip_prefix("INVALID_"))
                .is_some_and(|rest| rest.chars().all(|char| char.is_ascii_uppercase()))
    });
    let sent: std::collections::BTreeSet<&str> = sent.collect();
    assert_eq!(sent.len(), 7, "{sent:?}");
    for name in sent {
        assert!(names.contains(&name), "{name}");
    }
    let listed = ran(&["errors"]).await.out;
    assert!(names.iter().all(|name| listed.contains(name)));
}

#[tokio::test]
async fn there_are_completions_for_every_shell() {
    for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
        let script = ran(&["completions", &shell.to_string()]).await.out;
        assert!(script.contains("healthcheck"), "{shell}");
    }
}

#[tokio::test]
async fn the_schema_is_json() {
    let indented = ran(&["schema"]).await.out;
    let line = ran(&["schema", "--json"]).await.out;
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&indented), parse(&line));
    assert_eq!(line.lines().count(), 1);
}

#[tokio::test]
async fn the_default_configuration_is_toml_or_json() {
    assert_eq!(ran(&["config", "default"]).await.out, crate::config::print::default());
    let json = ran(&["config", "default", "--json"]).await.out;
    assert_eq!(serde_json::from_str::<crate::config::Config>(&json).unwrap(), crate::config::Config::default());
}

#[tokio::test]
async fn config_check_prints_what_a_hub_would_have_or_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hub.toml");
    let check = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        ran(&["config", "check", path.to_str().unwrap()]).await
    };
    let right = check("secret = \"open sesame\"\nshards = 2").await;
    assert!(right.outcome.is_ok() && right.out.contains("shards = 2") && right.out.contains("secret = \"********\""));
    assert!(!right.out.contains("sesame") && right.err.contains("hub.toml is correct"));
    let wrong = check("\nshard = 2").await;
    assert_eq!(wrong.outcome.unwrap_err().exit, Exit::Configuration);
    assert!(wrong.err.contains("hub.toml:2: unknown key `shard`; the nearest one is `shards`"), "{}", wrong.err);
    let missing = check("[tls]\ncert = \"/nowhere/c\"\nkey = \"/nowhere/k\"").await;
    assert_eq!(missing.outcome.unwrap_err().exit, Exit::Configuration);
}

/// A server that answers one request with `answer` and hands back what was asked.
async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let byte = socket.read_u8().await.unwrap();
            request.push(byte);
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (format!("ws://{address}/ws"), asked)
}

#[tokio::test]
async fn a_hub_that_answers_200_is_healthy() {
    let (url, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let ran = ran(&["healthcheck", "-s", &url]).await;
    assert_eq!((ran.outcome, ran.out.as_str()), (Ok(()), "healthy\n"));
    assert!(asked.await.unwrap().starts_with("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:"));
}

#[tokio::test]
async fn a_hub_that_answers_anything_else_is_not() {
    let (url, asked) = answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 8\r\n\r\ndraining").await;
    let ran = ran(&["healthcheck", "--ready", "-s", &url]).await;
    assert_eq!(ran.outcome.unwrap_err().exit, Exit::Failed);
    assert!(ran.err.contains("/readyz answers 503: draining"), "{}", ran.err);
    assert!(asked.await.unwrap().starts_with("GET /readyz "));
}

#[tokio::test]
async fn no_hub_or_a_silent_one_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silent = ran(&["healthcheck", "--within-ms=20", "-s", &address]).await;
    assert_eq!(silent.outcome.unwrap_err().exit, Exit::Failed);
    assert!(silent.err.starts_with("error: no answer within 20 ms\n  Wait longer with --within-ms"), "{}", silent.err);
    drop(listener);
    let nobody = ran(&["healthcheck", "-s", &address]).await.outcome.unwrap_err();
    assert_eq!((nobody.exit, nobody.next.as_deref()), (Exit::Failed, Some(advice::NO_HUB)));
    let (url, _) = answering("\x15\x03\x03\x00\x02\x02\x32").await;
    assert_eq!(ran(&["healthcheck", "-s", &url]).await.outcome.unwrap_err().next.as_deref(), Some(advice::NO_HTTP));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_accepts_and_never_answers_is_6() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silent = ran(&["clients", "ls", "-s", &address]).await.outcome.unwrap_err();
    assert_eq!((silent.exit.code(), silent.message.as_str()), (6, "no HELLO within 10s"));
}

#[test]
fn client_options_need_a_name_that_is_one_and_files_that_are_there() {
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        client: ClientArgs,
    }
    let options = |arguments: &[&str]| Alone::parse_from([&["x"], arguments].concat()).client.options().map(drop);
    assert_eq!(options(&[]), Ok(()));
    assert_eq!(options(&["--name=ada", "--secret=s"]), Ok(()));
    let misnamed = options(&["--name=a-b"]).unwrap_err();
    assert_eq!((misnamed.exit, misnamed.next), (Exit::Usage, None));
    assert_eq!(misnamed.message, "--name a-b: a name is 1 to 64 characters of A-Z a-z 0-9 _");
    assert_eq!(options(&["--secret-file=/nowhere"]).unwrap_err().exit, Exit::Usage);
    assert_eq!(options(&["--ca=/nowhere"]).unwrap_err().message, "--ca /nowhere: No such file or directory (os error 2)");
    assert!(Alone::try_parse_from(["x", "--secret=s", "--secret-file=f"]).is_err());
    assert!(Alone::try_parse_from(["x", "--server=ftp://h"]).is_err());
}
