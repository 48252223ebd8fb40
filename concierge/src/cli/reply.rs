//! `concierge reply`: a worker of the router that echoes, or runs a command for each request.

use std::sync::Arc;

use clap::{ArgGroup, Args};
use concierge_client::router::{Fault, Group, HandleError, HandleOptions, Request, Serving, Subject};
use concierge_client::{Intent, RequestError, Status};
use futures::StreamExt;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::child::{self, Left, without_nul};
use super::client_args::ClientArgs;
use super::connected::{self, Stop, tell};
use super::data::As;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::routed;

/// Outcomes that wait to be printed; more are not printed, and counted.
const LINES: usize = 1_024;

/// Be a worker: answer requests and take pushes of a command
///
/// With --exec a command runs in `sh -c` for each. It finds the body on stdin and CONCIERGE_CMD and CONCIERGE_SUBJECT in its environment,
/// and as far as the hub says it CONCIERGE_CLIENT (the uuid of who asks), CONCIERGE_CLIENT_NAME, CONCIERGE_CLIENT_TAGS (a JSON list),
/// CONCIERGE_DEADLINE_MS, CONCIERGE_LEVEL and CONCIERGE_PROMISE. What it writes to stdout is the answer: JSON, or else a JSON string. An
/// exit code other than 0 answers GENERIC, with the end of stderr as `message`. It is killed, with all it started, when nobody
/// waits for the answer any more. Ctrl-C ends this worker when it has answered what it is at, a second one at once.
///
/// The hub finds workers by category: whatever is asked of it may come here, and is answered NOT_IMPLEMENTED when it is another command.
/// So all workers of a category should know the same ones.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge reply math/add --exec 'jq add' --max 4")]
#[command(group = ArgGroup::new("does").required(true).args(["exec", "echo"]))]
pub(crate) struct Reply {
    #[command(flatten)]
    client: ClientArgs,

    /// A command, as `math/add`; or all of a category, as `math/*`
    cmd: String,

    /// The command, for `sh -c`
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,

    /// Answer with the body as it came
    #[arg(long)]
    echo: bool,

    /// Workers that name the same group share its pushes: each goes to one of them
    #[arg(long)]
    group: Option<Group>,

    /// Only this subject, as those who ask name it; may be given again [default: all]
    #[arg(long = "subject", value_name = "SUBJECT")]
    subjects: Vec<Subject>,

    /// How many at once; one more is answered LIMIT
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max: u16,

    /// A command that writes more than this to stdout fails
    #[arg(long, value_name = "BYTES", default_value_t = 32 * 1024)]
    output_bytes: usize,
}

/// What is done with each request.
#[derive(Debug)]
enum Does {
    Echo,
    Exec { command: String, output_bytes: usize },
}

/// What became of one.
#[derive(Debug)]
enum Became {
    Answered,
    Failed(Fault),
    Cancelled,
    Heard,
}

/// A line to print.
#[derive(Debug)]
struct Line {
    request: Request,
    became: Became,
}

/// Tells what became of a request; that it was cancelled, when it is dropped before anything else did.
struct Witness {
    request: Request,
    became: Option<Became>,
    to: mpsc::Sender<Line>,
}

impl Reply {
    /// # Errors
    /// It cannot be served, or the connection ended for good.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let client = connected::lasting(&self.client, [Intent::Messages]).await?;
        let mut status = client.status_changes();
        status.next().await; // it is connected
        let router = routed::of(client.clone()).await?;
        let (to, mut lines) = mpsc::channel(LINES);
        let options = HandleOptions { group: self.group.clone(), subjects: self.subjects.clone(), concurrency: self.max.into() };
        let does = Arc::new(match &self.exec {
            Some(command) => Does::Exec { command: command.clone(), output_bytes: self.output_bytes },
            None => Does::Echo,
        });
        let work = move |request: Request| answer(does.clone(), request, to.clone());
        let serving = router.handle(&self.cmd, work, options).await?;
        output.note(&format!("{} serves {}; Ctrl-C stops it.", client.whoami().await?.client.name, serving.cmd()));
        let mut outcome = loop {
            let outcome = tokio::select! {
                biased; // to stop comes first
                () = stop.asked() => break Ok(()),
                Some(line) = lines.recv() => line.print(output),
                now = status.next() => tell(now, output),
            };
            if outcome.is_err() {
                break outcome;
            }
        };
        // while the hub is away nobody waits for an answer
        if outcome.is_ok() && matches!(client.status(), Status::Connected(_)) {
            outcome = finish(serving, &mut stop, &mut lines, output).await;
        }
        client.close().await;
        outcome
    }
}

/// Answers what is under way, unless it is told to stop once more.
async fn finish(serving: Serving, stop: &mut Stop, lines: &mut mpsc::Receiver<Line>, output: &mut Output) -> Result<(), Failure> {
    let mut stopping = std::pin::pin!(serving.stop());
    loop {
        tokio::select! {
            biased; // to stop comes first, and what is printed comes before the end
            () = stop.asked() => return Err(Stop::failure()),
            Some(line) = lines.recv() => line.print(output)?,
            stopped = &mut stopping => {
                while let Ok(line) = lines.try_recv() {
                    line.print(output)?;
                }
                return match stopped {
                    Err(RequestError::TimedOut(_)) | Ok(()) => Ok(()), // the hub is away: nobody asks
                    Err(error) => Err(error.into()),
                };
            }
        }
    }
}

async fn answer(does: Arc<Does>, request: Request, to: mpsc::Sender<Line>) -> Result<Box<RawValue>, Fault> {
    let mut witness = Witness { request: request.clone(), became: None, to };
    let outcome = does.run(&request).await;
    witness.became = Some(match &outcome {
        Err(fault) => Became::Failed(fault.clone()),
        Ok(_) if request.is_push() => Became::Heard,
        Ok(_) => Became::Answered,
    });
    outcome
}

impl Does {
    async fn run(&self, request: &Request) -> Result<Box<RawValue>, Fault> {
        match self {
            Self::Echo => Ok(request.body().to_owned()),
            Self::Exec { command: script, output_bytes } => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(script).envs(variables(request));
                outcome(child::run(command, request.body().get().to_owned(), *output_bytes).await?)
            }
        }
    }
}

/// What a command finds in its environment.
fn variables(request: &Request) -> impl Iterator<Item = (&'static str, String)> {
    let headers = request.headers();
    let tags = (!headers.tags.is_empty()).then(|| json!(headers.tags).to_string());
    let variables = [
        ("CONCIERGE_CMD", Some(request.cmd().to_string())),
        ("CONCIERGE_SUBJECT", Some(request.subject().to_string())),
        ("CONCIERGE_CLIENT", headers.client.map(|id| id.to_string())),
        ("CONCIERGE_CLIENT_NAME", headers.name.as_ref().map(ToString::to_string)),
        ("CONCIERGE_CLIENT_TAGS", tags),
        ("CONCIERGE_DEADLINE_MS", headers.deadline_ms.map(|ms| ms.to_string())),
        ("CONCIERGE_LEVEL", headers.level.map(|level| level.to_string())),
        ("CONCIERGE_PROMISE", headers.promise.as_ref().map(ToString::to_string)),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name, without_nul(&value?))))
}

/// What a command that ended answers.
fn outcome(Left { status, stdout, stderr }: Left) -> Result<Box<RawValue>, Fault> {
    if !status.success() {
        return Err(Fault::generic(if stderr.is_empty() { status.to_string() } else { stderr }));
    }
    let text = String::from_utf8(stdout).map_err(|_| Fault::generic("stdout is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    As::Auto.data(text).map_err(|failure| Fault::generic(failure.message))
}

impl Drop for Witness {
    fn drop(&mut self) {
        let line = Line { request: self.request.clone(), became: self.became.take().unwrap_or(Became::Cancelled) };
        if let Err(mpsc::error::TrySendError::Full(line)) = self.to.try_send(line) {
            tracing::warn!(cmd = %line.request.cmd(), "an outcome was not printed: stdout is not read");
        }
    }
}

impl Line {
    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let (how, fault) = match &self.became {
            Became::Answered => ("answered", None),
            Became::Failed(fault) => ("failed", Some(fault)),
            Became::Cancelled => ("cancelled", None),
            Became::Heard => ("heard", None),
        };
        let (cmd, headers) = (self.request.cmd(), self.request.headers());
        let error = fault.map(|fault| json!({ "code": fault.code().number(), "data": fault.data() }));
        let line = json!({ "cmd": cmd, "subject": self.request.subject(), "from": headers.name, "ended": how, "error": error });
        output.result(&line, |_| {
            let from = headers.name.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
            let why = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
            format!("{how} {cmd}{from}{why}")
        })
    }
}

impl From<HandleError> for Failure {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Hub(error) => error.into(),
            error => Self::of(Exit::Usage, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(script: &str) -> Result<String, String> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        let left = child::run(command, "{}".to_owned(), 1_000).await.unwrap();
        outcome(left).map(|data| data.get().to_owned()).map_err(|fault| fault.to_string())
    }

    #[tokio::test]
    async fn what_a_command_writes_is_the_answer_and_how_it_fails_is_the_error() {
        for (script, answer) in [
            (r#"echo '{"n":  1}'"#, Ok(r#"{"n":  1}"#)),
            ("echo hello; echo there", Ok(r#""hello\nthere""#)),
            ("cat", Ok("{}")),
            ("true", Ok(r#""""#)),
            ("echo no >&2; exit 3", Err("0 GENERIC: no")),
            ("exit 3", Err("0 GENERIC: exit status: 3")),
            (r"printf '\377'", Err("0 GENERIC: stdout is not UTF-8")),
        ] {
            assert_eq!(answered(script).await.as_deref().map_err(String::as_str), answer, "{script}");
        }
    }
}
