//! The data of messages, as people write it on a command line and in pipes, and as it is shown to them.

use std::borrow::Cow;

use clap::ValueEnum;
use serde_json::value::{RawValue, to_raw_value};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use super::exit::{Exit, Failure};

/// The longest line and the longest message that is read: far over what a hub takes by default.
const DATA_BYTES: u64 = 16 * 1024 * 1024;
/// Lines that are read ahead of the hub; reading waits when they are not taken.
const LINES_AHEAD: usize = 16;

/// How data is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum As {
    /// JSON is sent as it stands, anything else as a JSON string
    #[default]
    Auto,
    /// JSON; anything else is refused
    Json,
    /// Always as a JSON string
    Text,
}

impl As {
    /// The data to send.
    ///
    /// # Errors
    /// It has to be JSON and is not.
    pub(crate) fn data(self, text: &str) -> Result<Box<RawValue>, Failure> {
        let json = || serde_json::from_str::<&RawValue>(text).map(ToOwned::to_owned);
        match self {
            Self::Text => string(text),
            Self::Auto => json().or_else(|_| string(text)),
            Self::Json => json().map_err(|error| {
                Failure::of(Exit::Usage, &error).try_next("Quote it for the shell ('{\"n\":1}'), or send text with --as text.")
            }),
        }
    }

    /// Whether a line of stdin is a message: a blank line is one only as text.
    fn takes(self, line: &str) -> bool {
        self == Self::Text || !line.trim().is_empty()
    }
}

fn string(text: &str) -> Result<Box<RawValue>, Failure> {
    to_raw_value(text).map_err(|error| Failure::of(Exit::Failed, &error))
}

/// Data on one line: JSON has line breaks only between its parts, where a space is as good.
pub(crate) fn one_line(data: &RawValue) -> Cow<'_, str> {
    if data.get().contains(['\n', '\r']) { Cow::Owned(data.get().replace(['\n', '\r'], " ")) } else { Cow::Borrowed(data.get()) }
}

/// All of stdin as one text, without the last line break.
///
/// # Errors
/// It cannot be read, is not UTF-8, or is too long.
pub(crate) async fn whole(stdin: impl AsyncRead + Unpin) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    stdin.take(DATA_BYTES + 1).read_to_end(&mut bytes).await?;
    text(bytes)
}

/// The lines of stdin that are messages, read by a task that ends with the receiver.
pub(crate) fn lines(stdin: impl AsyncRead + Unpin + Send + 'static, how: As) -> mpsc::Receiver<Result<String, Failure>> {
    let (to, lines) = mpsc::channel(LINES_AHEAD);
    tokio::spawn(async move {
        let mut stdin = BufReader::new(stdin);
        loop {
            let line = match next_line(&mut stdin).await {
                Ok(Some(line)) if how.takes(&line) => Ok(line),
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(failure) => Err(failure),
            };
            let last = line.is_err();
            if to.send(line).await.is_err() || last {
                break;
            }
        }
    });
    lines
}

async fn next_line(stdin: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<String>, Failure> {
    let mut bytes = Vec::new();
    match stdin.take(DATA_BYTES + 1).read_until(b'\n', &mut bytes).await? {
        0 => Ok(None),
        _ => text(bytes).map(Some),
    }
}

fn text(mut bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.len() as u64 > DATA_BYTES {
        return Err(Failure::new(Exit::Failed, format!("a message of over {DATA_BYTES} bytes"))
            .try_next("Put it into the file server: `concierge file put`."));
    }
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(Exit::Failed, "stdin is not UTF-8").try_next("Put binary data into the file server: `concierge file put`.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(how: As, text: &str) -> Option<String> {
        how.data(text).ok().map(|data| data.get().to_owned())
    }

    #[test]
    fn json_stays_as_it_stands_and_the_rest_is_a_string() {
        for (text, auto, json) in [
            ("{\"n\":  1}", "{\"n\":  1}", Some("{\"n\":  1}")),
            ("12345678901234567890123", "12345678901234567890123", Some("12345678901234567890123")),
            ("hello", "\"hello\"", None),
            ("\"hello\"", "\"hello\"", Some("\"hello\"")),
            ("say \"hi\"", "\"say \\\"hi\\\"\"", None),
            ("1 2", "\"1 2\"", None),
            ("", "\"\"", None),
        ] {
            assert_eq!((sent(As::Auto, text).unwrap().as_str(), sent(As::Json, text).as_deref()), (auto, json), "{text}");
        }
        assert_eq!(sent(As::Text, "42").as_deref(), Some("\"42\""));
    }

    #[tokio::test]
    async fn every_line_is_a_message_and_blank_ones_are_only_as_text() {
        for (how, expected) in [(As::Auto, vec!["a", "b c", "d"]), (As::Text, vec!["a", "", "b c", "d"])] {
            let mut lines = lines(&b"a\n\nb c\r\nd"[..], how);
            for line in expected {
                assert_eq!(lines.recv().await, Some(Ok(line.to_owned())));
            }
            assert_eq!(lines.recv().await, None);
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_refused_with_another_way() {
        let mut lines = lines(&b"a\n\xff\nb\n"[..], As::Auto);
        assert_eq!(lines.recv().await, Some(Ok("a".to_owned())));
        assert!(lines.recv().await.unwrap().unwrap_err().next.unwrap().contains("file put"));
        assert_eq!(lines.recv().await, None);
    }

    #[test]
    fn shown_data_has_one_line() {
        let data: &RawValue = serde_json::from_str("{\"a\":\n 1}").unwrap();
        assert_eq!(one_line(data), "{\"a\":  1}");
    }
}
