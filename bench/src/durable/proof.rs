//! Pairs of promise.create and promise.settle, and the proof that what was acknowledged is kept: the server is killed in the
//! middle of the load, and all of it is there.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::Connection;

use super::cycles::{self, Cycle, Id, Ids};
use super::words::{self, Said};
use super::{Base, Site, member};
use crate::fault::Fault;
use crate::generator::{Generator, Letters};
use crate::sample::Sample;
use crate::server::Server;
use crate::window::STALLED_AFTER;

/// Promises that are asked for after a restart; in the file all are looked for.
const ASKED: usize = 256;

/// A promise that must be there, and whether it must be resolved; else it may be.
struct Acknowledged {
    id: String,
    resolved: bool,
}

/// Measures the load and proves that it is kept.
pub(super) fn measure(site: &Site<'_>, base: &Base, clients: usize) -> Result<Sample, Fault> {
    let server = base.serve(site)?;
    let (sample, answered) = cycles::run(&server, site.timing, Cycle::Pair, Ids::InOrder, clients)?;
    drop(server); // kill -9, before anything else comes in
    let acknowledged = acknowledged(&answered);
    in_the_file(base, &acknowledged)?;
    at_the_server(&base.serve(site)?, &acknowledged)?;
    Ok(sample)
}

/// The newest ones of all clients first.
fn acknowledged(answered: &[u64]) -> Vec<Acknowledged> {
    let of = |client: usize, back: u64| {
        let (created, settled) = (answered[client].div_ceil(2), answered[client] / 2);
        let number = created.checked_sub(back + 1)?;
        let id = Id { ids: Ids::InOrder, client, number }.to_string();
        Some(Acknowledged { id, resolved: number < settled })
    };
    let most = answered.iter().copied().max().unwrap_or(0);
    (0..most).flat_map(|back| (0..answered.len()).filter_map(move |client| of(client, back))).collect()
}

/// Looks for every one of them without the server. Opening the database does with its log what a restarted server would do.
fn in_the_file(base: &Base, acknowledged: &[Acknowledged]) -> Result<(), Fault> {
    let connection = Connection::open(base.path())?;
    let mut statement = connection.prepare("SELECT id, state FROM promises")?;
    let kept: HashMap<String, String> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    all_kept(acknowledged, |promise| kept.get(&promise.id).map(String::as_str))
}

fn at_the_server(server: &Server, acknowledged: &[Acknowledged]) -> Result<(), Fault> {
    let mut generator = Generator::new(server)?;
    generator.join(std::iter::once(member("auditor".into(), None)), 1)?;
    let asked = &acknowledged[..acknowledged.len().min(ASKED)];
    let mut text = String::new();
    for (number, promise) in (0..).zip(asked) {
        words::ask(&mut text, "promise.get", number, format_args!(r#"{{"id":"{}"}}"#, promise.id));
        generator.say(0, &text)?;
    }
    let (mut told, mut letters) = (HashMap::new(), Letters::default());
    let began = std::time::Instant::now();
    while told.len() < asked.len() && began.elapsed() < STALLED_AFTER {
        generator.turn(Duration::from_millis(1))?;
        generator.take_letters(&mut letters);
        for (_, envelope) in letters.iter() {
            let said = Said::read(envelope);
            let promise = said.as_ref().filter(|said| said.is_granted()).and_then(Said::promise);
            let promise = promise.ok_or_else(|| generator.refused(0, envelope))?;
            told.insert(promise.id.to_owned(), promise.state.to_owned());
        }
    }
    all_kept(asked, |promise| told.get(&promise.id).map(String::as_str))
}

fn all_kept<'a>(acknowledged: &[Acknowledged], state: impl Fn(&Acknowledged) -> Option<&'a str>) -> Result<(), Fault> {
    let is_kept = |promise: &&Acknowledged| match state(promise) {
        Some("resolved") => true,
        Some("pending") => !promise.resolved,
        _ => false,
    };
    let missing: Vec<&Acknowledged> = acknowledged.iter().filter(|promise| !is_kept(promise)).collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Fault::NotKept { missing: missing.len(), acknowledged: acknowledged.len(), first: first.id.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_acknowledged_with_its_first_answer_and_resolved_with_its_second() {
        let list = |answered: &[u64]| -> Vec<(String, bool)> {
            acknowledged(answered).into_iter().map(|promise| (promise.id, promise.resolved)).collect()
        };
        let id = |client: usize, number: u64| Id { ids: Ids::InOrder, client, number }.to_string();
        assert_eq!(list(&[3, 0, 2]), [(id(0, 1), false), (id(2, 0), true), (id(0, 0), true)]);
    }

    #[test]
    fn what_is_missing_or_not_settled_is_not_kept() {
        let promises = acknowledged(&[3]);
        let kept = |newest, oldest| all_kept(&promises, |promise| if promise.resolved { oldest } else { newest });
        assert!(kept(Some("pending"), Some("resolved")).is_ok());
        assert!(kept(Some("resolved"), Some("resolved")).is_ok());
        assert!(matches!(kept(None, Some("resolved")), Err(Fault::NotKept { missing: 1, acknowledged: 2, .. })));
        assert!(matches!(kept(Some("pending"), Some("pending")), Err(Fault::NotKept { missing: 1, .. })));
    }
}
