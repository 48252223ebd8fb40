//! `cargo xtask bench`: the benchmark against the release binary, both built as they are shipped. `cargo xtask measure`: the same
//! beside servers of others, at length, written down in docs/measurements.md.

use std::ffi::OsString;

use anyhow::Result;

use crate::needs::peers;
use crate::{run, say};

/// What the page shows unless told otherwise: what takes not too long.
const SCENARIOS: &str = "A1,A10,A100,A1000,L100,L1000,M10,C100,E100,B1000,D10000,H4000,I1000,J8,K19000,P1,P64,P1024,Q64,W1,W64,\
    R1,R64,O1,O64,F1,F64";
/// How it is measured. Nothing is begun after 11 minutes, and what was left out then stands on the page.
const MEASURED: &[&str] = &["--rounds", "5", "--secs", "0.4", "--within", "660"];

/// Writes docs/measurements.md. Further arguments win over those that it has of itself.
pub(crate) fn measure(arguments: &[OsString]) -> Result<()> {
    let page = run::root().join("docs/measurements.md");
    let mut all = vec!["--page".into(), page.into_os_string(), "--against".into(), "floor,joined".into()];
    for (peer, program) in peers::meet()? {
        match program {
            Ok(program) => {
                let mut against = OsString::from(format!("{}=", peer.name));
                against.push(program);
                all.extend(["--against".into(), against]);
            }
            Err(why) => all.extend(["--absent".into(), format!("{why}.").into()]),
        }
    }
    all.extend(MEASURED.iter().map(OsString::from));
    if !arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--scenarios")) {
        all.extend(["--scenarios".into(), SCENARIOS.into()]);
    }
    run(&all.into_iter().chain(arguments.iter().cloned()).collect::<Vec<_>>())
}

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    say::heading("build concierge and concierge-bench");
    run::run(run::cargo().args(["build", "--release", "--package", "concierge", "--package", "concierge-bench", "--bins"]))?;
    say::heading("bench");
    let release = run::target_directory()?.join("release");
    let mut bench = run::program(release.join("concierge-bench"));
    run::run(bench.arg("run").arg("--hub").arg(release.join("concierge")).args(arguments))
}
