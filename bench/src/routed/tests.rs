use std::time::Duration;

use super::*;
use crate::peer::tests::{launched, tool};

const TIMING: Timing = Timing { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };

/// The hub of this clone. `cargo xtask test` builds it; `cargo test -p concierge-bench` alone does not.
fn hub() -> Launch {
    let program = tool("debug/concierge", "`cargo build -p concierge` builds it");
    let arguments = ["serve", "--listen", "127.0.0.1:0"].map(Into::into).to_vec();
    Launch { arguments, ..Launch::of(program) }.at("memory:")
}

fn sound(name: &str, sample: Result<Sample, Fault>) -> Sample {
    let sample = sample.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(sample.units > 0 && sample.rate > 0.0 && sample.cpu_us > 0.0, "{name}: {sample:?}");
    assert!(sample.p50_us <= sample.p99_us && sample.p50_us > Some(0.0), "{name}: {sample:?}");
    sample
}

fn scenario(name: &str) -> Routed {
    let (letter, number) = name.split_at(1);
    Routed::of(letter.chars().next().unwrap(), number.parse().unwrap()).unwrap()
}

#[test]
fn the_generator_and_the_hub_understand_each_other_about_requests() {
    let place = Place { hub: &hub(), nats: None, cores: None, timing: TIMING };
    for name in ["R1", "R64"] {
        assert_eq!(sound(name, scenario(name).measure(&place)).nats_cpu_us, None);
    }
}

/// Its name begins with that of the other test that needs nats-server, and so it is left out with that one.
#[test]
fn the_generator_and_nats_server_understand_each_other_in_every_scenario_with_requests() {
    let nats = launched("nats=", "peers/nats/bin/nats-server");
    let place = Place { hub: &hub(), nats: Some(&nats), cores: None, timing: TIMING };
    for name in ["O1", "O64", "F1", "F64"] {
        assert!(sound(name, scenario(name).measure(&place)).nats_cpu_us > Some(0.0), "{name}");
    }
    for name in ["R1", "R64"] {
        let bare = sound(name, scenario(name).measure_bare(&place));
        assert_eq!(bare.nats_cpu_us, Some(bare.cpu_us));
    }
}
