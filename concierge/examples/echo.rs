//! Echoes over the hub's own transport: what Autobahn's suite is run against (`tests/tests/autobahn`). Prints its URL and
//! runs until it is ended.
#![expect(clippy::print_stdout, reason = "whoever starts it reads the URL")]

use std::error::Error;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use concierge::config::Config;
use concierge::echo;

/// The suite's largest message is half of this.
const PAYLOAD_BYTES: usize = 32 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..Config::default() };
    config.limits.payload_bytes = PAYLOAD_BYTES;
    // a ping that the suite did not ask for is an event that it does not expect
    config.heartbeat.every_ms = 3_600_000;
    config.coordinator.enabled = false;
    config.router.enabled = false;
    config.admin = false;
    config.files.enabled = false;
    let server = echo::start(config).await?;
    println!("{}", server.url());
    pending().await
}
