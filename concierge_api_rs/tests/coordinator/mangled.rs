//! Mangled requests are refused or understood; they never panic, and a refusal is an answer.

use concierge_api_rs::coordinator::{Dialect, Envelope, Message, Offered, Response};
use proptest::prelude::*;

use crate::damage::mangled;
use crate::sample::{caller, requests};

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
