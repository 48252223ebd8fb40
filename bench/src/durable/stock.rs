//! Databases with many promises. A million requests would take longer than what is measured; so the server writes one settled
//! and one pending promise, and their rows are copied, under other ids, into the tables and indexes that it made.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use tempfile::TempDir;

use super::cycles::scattered;
use super::words::{self, Create, FAR, Resolve, Said};
use super::{Site, member, store};
use crate::fault::Fault;
use crate::generator::{Generator, Letters};
use crate::server::Server;
use crate::window::STALLED_AFTER;

/// The databases of a run; each is made once.
#[derive(Default)]
pub(crate) struct Stock {
    directory: OnceLock<TempDir>,
    made: Mutex<Vec<PathBuf>>,
}

impl Stock {
    /// Puts a database with so many promises at `to`.
    pub(super) fn copy(&self, site: &Site<'_>, settled: usize, pending: usize, to: &Path) -> Result<(), Fault> {
        let directory = match self.directory.get() {
            Some(directory) => directory,
            None => {
                let fresh = TempDir::new().map_err(Fault::Stock)?;
                self.directory.get_or_init(|| fresh)
            }
        };
        let from = directory.path().join(format!("{settled}-{pending}.db"));
        let mut made = self.made.lock();
        if !made.contains(&from) {
            make(site, settled, pending, &from)?;
            made.push(from.clone());
        }
        std::fs::copy(&from, to).map_err(Fault::Stock)?;
        // what waits to be written would delay the server's log
        File::open(to).and_then(|file| file.sync_all()).map_err(Fault::Stock)
    }
}

fn make(site: &Site<'_>, settled: usize, pending: usize, path: &Path) -> Result<(), Fault> {
    models(&Server::start(&site.launch.at(store(path)), site.cores)?)?;
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", -256 * 1024)?;
    let transaction = connection.transaction()?;
    let columns = columns(&transaction)?;
    let sql = format!("INSERT INTO promises (id, {columns}) SELECT ?1, {columns} FROM promises WHERE id = ?2");
    {
        let mut copy = transaction.prepare(&sql)?;
        for (model, count, prefix) in [("settled", settled, "s"), ("pending", pending, "p")] {
            for number in 0..count as u64 {
                copy.execute([format!("{prefix}-{:016x}", scattered(number)).as_str(), model])?;
            }
        }
    }
    transaction.commit()?;
    connection.pragma_update_and_check(None, "wal_checkpoint", "truncate", |_| Ok(()))?;
    Ok(())
}

/// All columns but those that tell promises apart.
fn columns(connection: &Connection) -> Result<String, Fault> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('promises') WHERE name NOT IN ('row', 'id')")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(names.join(", "))
}

/// One settled promise and one that is pending.
fn models(server: &Server) -> Result<(), Fault> {
    let mut generator = Generator::new(server)?;
    generator.join(std::iter::once(member("maker".into(), None)), 1)?;
    let mut text = String::new();
    for (number, id) in (0..).zip(["settled", "pending"]) {
        words::ask(&mut text, "promise.create", number, Create { id: &id, timeout_at: FAR, target: None });
        generator.say(0, &text)?;
    }
    words::ask(&mut text, "promise.settle", 2, Resolve(&"settled"));
    generator.say(0, &text)?;
    let (began, mut answers, mut letters) = (Instant::now(), 0, Letters::default());
    while answers < 3 {
        generator.turn(Duration::from_millis(1))?;
        generator.take_letters(&mut letters);
        for (_, envelope) in letters.iter() {
            if !Said::read(envelope).is_some_and(|said| said.is_granted()) {
                return Err(generator.refused(0, envelope));
            }
            answers += 1;
        }
        if began.elapsed() > STALLED_AFTER {
            return Err(Fault::Stalled { units: answers, for_s: STALLED_AFTER.as_secs() });
        }
    }
    Ok(())
}
