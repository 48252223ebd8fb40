use std::time::Duration;

use super::*;
use crate::floor::Floor;
use crate::peer::tests::launched;

/// Bytes of a message of `A10` from each server that delivers what the hub does: its envelope and 128 characters.
const MESSAGE_BYTES: f64 = 435.0;

/// Every scenario in small: nothing lost, nothing out of order. Says how many bytes a message of `A10` had.
fn understands(server: &Server) -> f64 {
    let timing = Timing { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };
    let mut message_bytes = 0.0;
    for name in ["A10", "L3", "E2", "M2", "C5", "B", "B3", "D20", "N20", "I5", "J4"] {
        let (letter, number) = name.split_at(1);
        let traffic = Traffic::of(letter.chars().next().unwrap(), number.parse().unwrap_or(0)).unwrap();
        let sample = traffic.measure(server, timing).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(sample.units > 0 && sample.rate > 0.0 && sample.cpu_us > 0.0, "{name}: {sample:?}");
        assert_eq!(sample.p99_us.is_some(), name.starts_with(['L', 'B']), "{name}");
        assert_eq!(sample.bytes_per_client.is_some(), name.starts_with(['D', 'H', 'N', 'I']), "{name}");
        message_bytes = if name == "A10" { sample.message_bytes.unwrap() } else { message_bytes };
    }
    message_bytes
}

#[test]
fn the_generator_and_the_baseline_understand_each_other_in_every_scenario() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let server = Server::inside(listener.local_addr().unwrap());
    runtime.spawn(crate::baseline::serve(listener, None));
    assert_eq!(understands(&server), MESSAGE_BYTES);
}

#[test]
fn the_generator_and_both_floors_understand_each_other_in_every_scenario() {
    for joined in [false, true] {
        let floor = Floor::bind("127.0.0.1:0".parse().unwrap(), joined).unwrap();
        let server = Server::inside(floor.address().unwrap());
        std::thread::spawn(|| floor.serve());
        assert_eq!(understands(&server), MESSAGE_BYTES);
    }
}

#[test]
fn the_generator_and_nats_server_understand_each_other_in_every_scenario() {
    let server = Server::start(&launched("nats=", "peers/nats/bin/nats-server"), None).unwrap();
    // MSG, subject, number of the subscription, length, and twice CR LF
    assert_eq!(understands(&server), "MSG room0 2 128\r\n\r\n".len() as f64 + 128.0);
}

#[test]
fn the_generator_and_the_script_on_bun_understand_each_other_in_every_scenario() {
    let server = Server::start(&launched("bun=", "peers/bun/node_modules/bun/bin/bun.exe"), None).unwrap();
    assert_eq!(understands(&server), MESSAGE_BYTES);
}
