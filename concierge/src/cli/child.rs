//! The command that a worker runs, in a process group of its own that ends with it.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Bytes of the end of stderr that are kept.
pub(crate) const STDERR_BYTES: usize = 4 * 1024;

/// What a command that ended left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Why a command has no outcome of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
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

/// Runs it to its end with `input` on stdin. Dropping the future kills it and everything that it started.
pub(crate) async fn run(mut command: Command, input: String, output_bytes: usize) -> Result<Left, ExecError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let mut stdin = child.stdin.take().expect("it was asked for");
    let feed = async move {
        // whoever does not want to read does not have to
        let _ = stdin.write_all(input.as_bytes()).await;
        Ok(())
    };
    let stdout = bounded(child.stdout.take().expect("it was asked for"), output_bytes);
    let stderr = end_of(child.stderr.take().expect("it was asked for"));
    let wait = async { Ok(child.wait().await?) };
    let ((), stdout, stderr, status) = tokio::try_join!(feed, stdout, stderr, wait)?;
    group.0 = None; // what it left running on purpose goes on
    Ok(Left { status, stdout, stderr })
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

/// The system ends arguments and variables at NUL.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str, input: &str) -> Result<Left, ExecError> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        run(command, input.to_owned(), 1_000).await
    }

    #[tokio::test]
    async fn only_the_end_of_stderr_is_kept() {
        let left = ran("i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i+1)); done", "").await.unwrap();
        assert!(left.stderr.len() <= STDERR_BYTES && left.stderr.ends_with("line1999"));
    }

    #[tokio::test]
    async fn a_command_reads_its_input_or_does_not_want_to() {
        assert_eq!(ran("cat", "param").await.unwrap().stdout, b"param");
        let long = "x".repeat(1_000_000);
        assert!(ran("true", &long).await.unwrap().status.success());
    }

    #[tokio::test]
    async fn a_command_that_writes_without_end_is_killed() {
        assert!(matches!(ran("echo $$; yes", "").await, Err(ExecError::TooMuch(1_000))));
    }
}
