//! Mangled requests are refused or understood; they never panic, and a refusal is an answer.

use concierge_api_rs::coordinator::{Dialect, Envelope, Message, Offered, Response};
use proptest::prelude::*;

use crate::sample::{caller, requests};

const TOKENS: &[&str] = &["{", "}", "[", "]", "\"", "\\", ",", ":", "null", "1e400", "-1", "\\ud800", "\0", "é", "🦀"];

fn mangled(text: &str, damages: &[(usize, usize, usize)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, token, cut) in damages {
        let at = at % (text.len() + 1);
        let end = (at + cut).min(text.len());
        drop(text.splice(at..end, TOKENS[token % TOKENS.len()].chars()));
    }
    text.into_iter().collect()
}

proptest! {
    #[test]
    fn whatever_comes_there_is_an_answer(
        which in any::<prop::sample::Index>(),
        plain in any::<bool>(),
        damages in prop::collection::vec((any::<usize>(), any::<usize>(), 0..5_usize), 1..6),
    ) {
        let requests = requests();
        let dialect = if plain { Dialect::Plain } else { Dialect::V20260401 };
        let request = which.get(&requests);
        let text = request.encode(dialect, "1").or_else(|| request.encode(Dialect::V20260401, "1")).unwrap();
        let text = mangled(&text, &damages);
        let offered = Offered { debug_clock: true, ..Offered::default() };
        match Envelope::decode(&text, offered, Some(&caller())) {
            Err(refused) => {
                let answer = Response::decode(&refused.encode()).unwrap();
                prop_assert_eq!(answer.status, 400);
                prop_assert!(answer.sentence().is_some_and(|sentence| !sentence.is_empty()));
            }
            Ok(envelope) => {
                let again = envelope.request.encode(envelope.head.dialect, &envelope.head.corr_id).unwrap();
                let read = Envelope::decode(&again, offered, Some(&caller())).unwrap();
                prop_assert_eq!(read.request, envelope.request);
            }
        }
        let _ = (Message::decode(&text), Response::decode(&text));
    }
}
