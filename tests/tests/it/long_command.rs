//! A command that goes on, which a worker runs: whether it has begun, and whether it was ended.

use std::path::Path;

use concierge_tests::until;

/// A long command that writes its process id to a file, and ends when its worker has gone without a chance to kill it.
pub(super) const LONG: &str = "echo $$ > pid.new; mv pid.new pid; while kill -0 $PPID 2>/dev/null; do sleep 0.05; done";

/// Waits for the process id that a command wrote, and takes the file away.
pub(super) async fn begun(home: &Path) -> u32 {
    let pid = until("the command's process id", async || std::fs::read_to_string(home.join("pid")).ok()).await;
    std::fs::remove_file(home.join("pid")).unwrap();
    pid.trim().parse().unwrap()
}

/// Until that process is gone.
pub(super) async fn killed(pid: u32) {
    let stat = format!("/proc/{pid}/stat");
    let gone = async || std::fs::read_to_string(&stat).map_or(Some(()), |stat| stat.contains(") Z ").then_some(()));
    until("the end of the command", gone).await;
}
