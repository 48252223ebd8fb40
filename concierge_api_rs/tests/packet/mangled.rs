//! Mangled packets are refused or understood; they never panic. What is understood is written strictly and read again.

use concierge_api_rs::packet::{Codes, Datagram, Outcome, Packet};
use proptest::prelude::*;

use crate::damage::mangled;
use crate::vectors::VECTORS;

/// Everything that may be done with bytes.
fn read(bytes: &[u8]) {
    let _ = Datagram::decode_bytes(bytes).map(|datagram| datagram.encode());
    match Packet::decode_bytes(bytes) {
        Err(refused) => {
            assert!(!refused.fault.items().is_empty());
            if let Some(answer) = refused.answer() {
                Packet::decode(&answer.encode()).unwrap();
            }
        }
        Ok(packet) => understood(&packet),
    }
}

fn understood(packet: &Packet<'_>) {
    let text = packet.encode();
    let again = Packet::decode(&text).unwrap();
    assert_eq!(again.encode(), text);
    match again.datagram {
        Datagram::Push(push) => drop((push.cancels(), push.serves())),
        Datagram::Request(request) => drop((request.cmd.category(), request.cmd.action().len())),
        Datagram::Response(response) => {
            if let Outcome::Err(fault) = response.outcome {
                let folded = fault.among(Codes::Seed);
                assert!(folded.code().number() <= 6 && folded.data().get().starts_with('{'));
                assert!(!folded.code().has_items() || folded.data().get().contains("\"items\""));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Security: 22.
    #[test]
    fn golden_vectors_that_were_mangled(
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec((any::<usize>(), any::<usize>(), 0..5_usize), 0..6),
    ) {
        read(mangled(which.get::<(&str, &str, fn() -> Packet<'static>)>(VECTORS).1, &damages).as_bytes());
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }
}
