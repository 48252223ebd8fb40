//! A crowd in a process of its own, which is killed: it is the system that ends its connections, and whoever measures the hub
//! meanwhile shares no thread with that.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::crowd::{Crowd, Cut, Wants};

/// Tells a test that it is the crowd's process, and the crowd what it shall be.
const ORDER: &str = "CONCIERGE_TEST_CROWD";
/// What the process says when all are there and the hub has nothing more to tell them.
const READY: &str = "everybody is here";

/// The process of a crowd.
pub(crate) struct Apart(Child);

impl Apart {
    /// Starts `test` of this program again, as the process of so many clients, all of whom have entered on return.
    pub(crate) async fn gather(test: &str, address: SocketAddr, size: usize, cut: Cut) -> Self {
        let how = match cut {
            Cut::Reset => "reset",
            Cut::Finish => "finish",
        };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ORDER, format!("{address} {size} {how}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        // as long as it takes: each of them is told of all who follow
        // on one core libtest begins the line with the test's name
        while !said.next_line().await.unwrap().expect("the crowd's process fails, and says above why").ends_with(READY) {}
        Self(child)
    }

    /// All of them go at once.
    pub(crate) async fn cut(mut self) {
        self.0.kill().await.unwrap();
    }
}

/// Is the crowd, until this process is killed or nobody needs it any more. False when this is no process of a crowd.
pub(crate) async fn is_the_crowd() -> bool {
    let Ok(order) = std::env::var(ORDER) else { return false };
    let mut words = order.split(' ');
    let mut next = || words.next().unwrap();
    let (address, size) = (next().parse().unwrap(), next().parse().unwrap());
    let cut = if next() == "reset" { Cut::Reset } else { Cut::Finish };
    let crowd = Crowd::gather(address, size, cut, Wants::Everything).await;
    crowd.has_heard_all().await;
    std::io::stdout().write_all(format!("{READY}\n").as_bytes()).unwrap();
    let parent = async { tokio::io::stdin().read_to_end(&mut Vec::new()).await };
    tokio::select! {
        _ = parent => true,
        ends = crowd.ends() => panic!("the hub ended {} of its clients", ends.len()),
    }
}
