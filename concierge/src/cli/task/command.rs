//! The command that a worker runs for a task, in a process group of its own that ends with it.

use std::io;
use std::process::{ExitStatus, Stdio};

use concierge_client::coordinator::{Break, Task, Value, json};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::super::value_args;

/// Bytes of the end of stderr that a rejection tells.
const STDERR_BYTES: usize = 4 * 1024;
/// A longer param is not in the environment, whose variables are bounded by the system; stdin has it in any case.
const VARIABLE_BYTES: usize = 64 * 1024;

/// What is run.
#[derive(Debug)]
pub(super) struct Exec {
    pub(super) command: String,
    /// Keep stdout as it stands.
    pub(super) raw: bool,
    /// What stdout may hold.
    pub(super) output_bytes: usize,
}

/// What a command that ended left.
struct Left {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

/// Why a command has no outcome of its own.
#[derive(Debug, thiserror::Error)]
enum ExecError {
    #[error("the command could not be run")]
    Io(#[from] io::Error),
    /// It is killed.
    #[error("the command wrote more than {0} bytes to stdout")]
    TooMuch(usize),
}

/// Kills the group unless the command has ended by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // it may have ended already
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Exec {
    /// Runs it. Dropping the future kills it and everything that it started.
    pub(super) async fn run(&self, task: &Task) -> Result<Value, Break> {
        let param = value_args::plain(&task.promise().param);
        let mut command = Command::new("sh");
        command.arg("-c").arg(self.command.replace("{}", &quoted(task.id().as_str())));
        command.env("CONCIERGE_TASK_ID", without_nul(task.id().as_str()));
        command.env("CONCIERGE_TASK_VERSION", task.reference().claims.to_string());
        if param.len() <= VARIABLE_BYTES {
            command.env("CONCIERGE_PARAM", without_nul(&param));
        }
        match self.left(command, param).await {
            Ok(left) => self.outcome(left),
            Err(error @ ExecError::TooMuch(_)) => Err(rejection(&error.to_string(), None, "")),
            Err(error) => Err(Break::Failed(Box::new(error))),
        }
    }

    async fn left(&self, mut command: Command, param: String) -> Result<Left, ExecError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let mut stdin = child.stdin.take().expect("it was asked for");
        let feed = async move {
            // whoever does not want to read does not have to
            let _ = stdin.write_all(param.as_bytes()).await;
            Ok(())
        };
        let stdout = bounded(child.stdout.take().expect("it was asked for"), self.output_bytes);
        let stderr = end_of(child.stderr.take().expect("it was asked for"));
        let wait = async { Ok(child.wait().await?) };
        let ((), stdout, stderr, status) = tokio::try_join!(feed, stdout, stderr, wait)?;
        group.0 = None; // what it left running on purpose goes on
        Ok(Left { status, stdout, stderr })
    }

    fn outcome(&self, Left { status, stdout, stderr }: Left) -> Result<Value, Break> {
        if !status.success() {
            return Err(rejection(&status.to_string(), status.code(), &stderr));
        }
        let text = String::from_utf8(stdout).map_err(|_| rejection("stdout is not UTF-8", status.code(), &stderr))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if self.raw {
            return Ok(Value { data: Some(text.into()), ..Value::default() });
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => Ok(json::of_text(json.get())),
            Err(_) => Ok(json::to_value(text)?),
        }
    }
}

/// All of it, if that is not too much.
async fn bounded(from: impl AsyncRead + Unpin, most: usize) -> Result<Vec<u8>, ExecError> {
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > most { Err(ExecError::TooMuch(most)) } else { Ok(bytes) }
}

/// The end of it.
async fn end_of(mut from: impl AsyncRead + Unpin) -> Result<String, ExecError> {
    let (mut end, mut chunk) = (Vec::new(), [0; STDERR_BYTES]);
    loop {
        match from.read(&mut chunk).await? {
            0 => return Ok(String::from_utf8_lossy(&end).trim_end().to_owned()),
            n => end.extend_from_slice(&chunk[..n]),
        }
        let over = end.len().saturating_sub(STDERR_BYTES);
        end.drain(..over);
    }
}

/// As released workers write an error.
fn rejection(what: &str, code: Option<i32>, stderr: &str) -> Break {
    let message = if stderr.is_empty() { what.to_owned() } else { format!("{what}: {stderr}") };
    let error = json!({ "__type": "error", "name": "CommandError", "message": message, "code": code, "stderr": stderr });
    Break::Rejected(json::of_text(&error.to_string()))
}

/// One word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", without_nul(text).replace('\'', r"'\''"))
}

/// The system ends arguments and variables at NUL.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str, param: &str) -> Result<Left, ExecError> {
        let exec = Exec { command: String::new(), raw: false, output_bytes: 1_000 };
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        exec.left(command, param.to_owned()).await
    }

    async fn outcome(script: &str, raw: bool) -> Result<String, String> {
        let exec = Exec { command: String::new(), raw, output_bytes: 1_000 };
        match exec.outcome(ran(script, "").await.unwrap()) {
            Ok(value) if raw => Ok(value.data.unwrap().to_string()),
            Ok(value) => Ok(json::from_value::<serde_json::Value>(&value).unwrap().to_string()),
            Err(Break::Rejected(value)) => Err(json::from_value::<serde_json::Value>(&value).unwrap().to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_a_command_writes_is_the_result_as_json_or_as_it_stands() {
        assert_eq!(outcome(r#"echo '{"n": 1}'"#, false).await.unwrap(), r#"{"n":1}"#);
        assert_eq!(outcome("echo hello; echo there", false).await.unwrap(), r#""hello\nthere""#);
        assert_eq!(outcome("true", false).await.unwrap(), r#""""#);
        assert_eq!(outcome("echo hello", true).await.unwrap(), "hello");
        assert!(outcome(r"printf '\377'", false).await.unwrap_err().contains("not UTF-8"));
    }

    #[tokio::test]
    async fn a_command_that_fails_rejects_with_its_code_and_the_end_of_stderr() {
        let error = outcome("echo no >&2; exit 3", false).await.unwrap_err();
        assert!(error.contains(r#""code":3"#) && error.contains(r#""stderr":"no""#), "{error}");
        let killed = outcome("kill -9 $$", false).await.unwrap_err();
        assert!(killed.contains(r#""code":null"#) && killed.contains("signal: 9"), "{killed}");
        let left = ran("i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i+1)); done", "").await.unwrap();
        assert!(left.stderr.len() <= STDERR_BYTES && left.stderr.ends_with("line1999"));
    }

    #[tokio::test]
    async fn a_command_reads_its_param_or_does_not_want_to() {
        assert_eq!(ran("cat", "param").await.unwrap().stdout, b"param");
        let long = "x".repeat(1_000_000);
        assert!(ran("true", &long).await.unwrap().status.success());
    }

    #[tokio::test]
    async fn a_command_that_writes_without_end_is_killed() {
        assert!(matches!(ran("echo $$; yes", "").await, Err(ExecError::TooMuch(1_000))));
    }

    #[test]
    fn an_id_of_any_shape_is_one_word() {
        assert_eq!(quoted("a b; rm"), "'a b; rm'");
        assert_eq!(quoted("it's\0"), r"'it'\''s'");
    }
}
