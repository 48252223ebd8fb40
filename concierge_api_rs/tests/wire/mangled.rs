//! Mangled bytes are refused or understood; they never panic, and a refusal is never long.

use concierge_api_rs::*;
use proptest::prelude::*;

use crate::sample::{payloads_out, texts_in};

#[derive(Debug, Clone)]
enum Damage {
    Remove(usize),
    Insert(usize, String),
    Double(usize, usize),
    Cut(usize),
}

const TOKENS: &[&str] =
    &["{", "}", "[", "]", "\"", "\\", ",", ":", "null", "1e400", "-1", "\\ud800", "\\u0041", "\u{feff}", "\0", "é", "🦀"];

fn damage() -> impl Strategy<Value = Damage> {
    let token = prop_oneof![prop::sample::select(TOKENS).prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    prop_oneof![
        any::<usize>().prop_map(Damage::Remove),
        (any::<usize>(), token).prop_map(|(at, token)| Damage::Insert(at, token)),
        (any::<usize>(), 1..40_usize).prop_map(|(at, n)| Damage::Double(at, n)),
        any::<usize>().prop_map(Damage::Cut),
    ]
}

fn mangled(text: &str, damages: &[Damage]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for damage in damages {
        if text.is_empty() {
            break;
        }
        let len = text.len();
        match damage {
            Damage::Remove(at) => drop(text.remove(at % len)),
            Damage::Insert(at, token) => drop(text.splice(at % len..at % len, token.chars())),
            Damage::Double(at, n) => {
                let part: Vec<char> = text[at % len..].iter().copied().take(*n).collect();
                drop(text.splice(at % len..at % len, part));
            }
            Damage::Cut(at) => text.truncate(at % len),
        }
    }
    text.into_iter().collect()
}

/// Everything that may be done with a text; a refusal is at most 128 characters.
fn read(text: &str) {
    let refusals = [
        PayloadIn::decode(text).err(),
        Identify::decode(text).err(),
        Incoming::decode(text).map(|got| got.payload.encode(got.seq)).err(),
    ];
    if let Ok(PayloadIn::Message(message)) = PayloadIn::decode(text) {
        let _owned = message.target.to_owned();
    }
    for refusal in refusals.into_iter().flatten() {
        assert!(refusal.to_string().chars().count() <= limits::ECHO_CHARS, "{refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Security: 22.
    #[test]
    fn payloads_to_the_hub(which in any::<prop::sample::Index>(), damages in prop::collection::vec(damage(), 0..6)) {
        read(&mangled(which.get::<String>(&texts_in()), &damages));
    }

    #[test]
    fn payloads_from_the_hub(which in any::<prop::sample::Index>(), damages in prop::collection::vec(damage(), 0..6)) {
        read(&mangled(&which.get::<PayloadOut>(&payloads_out()).encode(Seq::new(3)), &damages));
    }

    /// Security: 22.
    #[test]
    fn any_text_at_all(text in any::<String>()) {
        read(&text);
    }
}
