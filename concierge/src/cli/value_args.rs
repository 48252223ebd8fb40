//! What goes into promises, as people write it and as it is shown to them: the data as it stands, or JSON in base64, which is
//! what the released workers of the protocol read.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use concierge_client::coordinator::{Value, json};
use serde_json::value::RawValue;

use super::data;
use super::exit::{Exit, Failure};

/// A value on the command line.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ValueArgs {
    /// The data as it stands; `-` is all of stdin
    #[arg(long, value_name = "TEXT", conflicts_with = "json_value", allow_hyphen_values = true)]
    data: Option<String>,

    /// JSON, kept in base64 as released workers (Resonate SDKs) read and write it; `-` is all of stdin
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    json_value: Option<String>,

    /// A header beside the data; may be given again
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<Pair>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Not a pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write NAME=VALUE")]
pub(crate) struct PairError;

impl FromStr for Pair {
    type Err = PairError;

    fn from_str(text: &str) -> Result<Self, PairError> {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(PairError)?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Pairs by their names; of two with one name the later one counts.
pub(crate) fn by_name(pairs: &[Pair]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect()
}

impl ValueArgs {
    /// The value.
    ///
    /// # Errors
    /// What has to be JSON is not, or stdin cannot be read.
    pub(crate) async fn value(&self) -> Result<Value, Failure> {
        let headers = by_name(&self.headers);
        let given = |text: String| async move { if text == "-" { data::whole(tokio::io::stdin()).await } else { Ok(text) } };
        Ok(match (&self.data, &self.json_value) {
            (Some(text), _) => Value { headers, data: Some(given(text.clone()).await?.into()) },
            (None, Some(text)) => Value { headers, ..of_json(&given(text.clone()).await?)? },
            (None, None) => Value { headers, data: None },
        })
    }
}

fn of_json(text: &str) -> Result<Value, Failure> {
    let json: &RawValue = serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("--json-value is no JSON: {error}")).try_next(
            "Quote it for the shell: --json-value '{\"n\":1}', --json-value '\"text\"'; or keep text as it stands with --data.",
        )
    })?;
    Ok(json::of_text(json.get()))
}

/// A value for people: what the base64 holds if it is JSON, else the data as it stands.
pub(crate) fn shown(value: &Value) -> String {
    match (json::from_value::<Box<RawValue>>(value), &value.data) {
        (_, None) => "-".to_owned(),
        (Ok(json), Some(_)) => data::one_line(&json).into_owned(),
        (Err(_), Some(text)) => text.to_string(),
    }
}

/// The data of a value for a program: the JSON that the base64 holds, or the data as it stands.
pub(crate) fn plain(value: &Value) -> String {
    match (json::from_value::<Box<RawValue>>(value), &value.data) {
        (_, None) => String::new(),
        (_, Some(text)) if text.is_empty() => String::new(),
        (Ok(json), Some(_)) => json.get().to_owned(),
        (Err(_), Some(text)) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn value(args: ValueArgs) -> Result<Value, Failure> {
        args.value().await
    }

    #[tokio::test]
    async fn data_stays_as_it_stands_and_json_is_kept_as_released_workers_read_it() {
        let raw = value(ValueArgs { data: Some("yes".to_owned()), ..ValueArgs::default() }).await.unwrap();
        assert_eq!((raw.data.as_deref(), shown(&raw).as_str()), (Some("yes"), "yes"));
        let json = value(ValueArgs { json_value: Some("\"yes\"".to_owned()), ..ValueArgs::default() }).await.unwrap();
        assert_eq!((json.data.as_deref(), shown(&json).as_str()), (Some("InllcyI="), "\"yes\""));
        let nothing = value(ValueArgs::default()).await.unwrap();
        assert_eq!((nothing.data.as_deref(), shown(&nothing).as_str(), plain(&nothing).as_str()), (None, "-", ""));
        let wrong = value(ValueArgs { json_value: Some("yes".to_owned()), ..ValueArgs::default() }).await.unwrap_err();
        assert!(wrong.exit == Exit::Usage && wrong.next.unwrap().contains("--data"));
    }

    #[test]
    fn a_pair_has_a_name_and_the_first_sign_divides_it() {
        assert_eq!("a=b=c".parse(), Ok(Pair { name: "a".to_owned(), value: "b=c".to_owned() }));
        assert_eq!("a=".parse(), Ok(Pair { name: "a".to_owned(), value: String::new() }));
        for text in ["", "a", "=b"] {
            assert_eq!(text.parse::<Pair>(), Err(PairError), "{text}");
        }
    }
}
