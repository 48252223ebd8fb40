//! The command that a worker runs for a task.

use concierge_client::coordinator::{Break, Task, Value, json};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::process::Command;

use super::super::child::{self, ExecError, Left, without_nul};
use super::super::value_args;

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
        match child::run(command, param, self.output_bytes).await {
            Ok(left) => self.outcome(left),
            Err(error @ ExecError::TooMuch(_)) => Err(rejection(&error.to_string(), None, "")),
            Err(error) => Err(Break::Failed(Box::new(error))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str) -> Left {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        child::run(command, String::new(), 1_000).await.unwrap()
    }

    async fn outcome(script: &str, raw: bool) -> Result<String, String> {
        let exec = Exec { command: String::new(), raw, output_bytes: 1_000 };
        match exec.outcome(ran(script).await) {
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
    }

    #[test]
    fn an_id_of_any_shape_is_one_word() {
        assert_eq!(quoted("a b; rm"), "'a b; rm'");
        assert_eq!(quoted("it's\0"), r"'it'\''s'");
    }
}
