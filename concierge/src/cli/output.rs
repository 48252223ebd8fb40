//! The one place that writes to the terminal: results to stdout, everything else to stderr, as text or (`--json`) as JSON.
//!
//! Text that clients gave each other (nicknames, tags, messages) never reaches a terminal as it is: control characters are
//! escaped, so that nobody repaints another one's screen. Whoever stops reading our output ends the command without an
//! error: writing answers [`io::ErrorKind::BrokenPipe`], which becomes a quiet [`Failure`].

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use super::exit::Failure;

/// Where a command writes.
pub struct Output {
    json: bool,
    out: Sink,
    err: Sink,
}

struct Sink {
    to: Box<dyn Write + Send>,
    terminal: bool,
    color: bool,
}

impl Output {
    /// The process's stdout and stderr.
    #[must_use]
    pub fn standard(json: bool) -> Self {
        let color = wants_color();
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        Self {
            json,
            out: Sink { to: Box::new(out), terminal: out_terminal, color: color && out_terminal },
            err: Sink { to: Box::new(err), terminal: err_terminal, color: color && err_terminal },
        }
    }

    /// Two sinks of any kind that are no terminals, as for tests.
    #[must_use]
    pub fn to(json: bool, out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        let sink = |to| Sink { to, terminal: false, color: false };
        Self { json, out: sink(Box::new(out)), err: sink(Box::new(err)) }
    }

    /// Was `--json` given?
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Is stdout a terminal?
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.out.terminal
    }

    /// Is stderr a terminal, so that a progress bar makes sense there?
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        self.err.terminal && !self.json
    }

    /// A result: `value` as one line of JSON with `--json`, else `text`.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn result<T: Serialize + ?Sized>(&mut self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json { self.json(value) } else { self.line(&text(value)) }
    }

    /// One line of JSON on stdout, whatever was asked for.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let mut line = serde_json::to_string(value).map_err(io::Error::from)?;
        line.push('\n');
        self.bytes(line.as_bytes())
    }

    /// A line (or several) of text on stdout, control characters escaped.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(format!("{}\n", printable(text).trim_end_matches('\n')).as_bytes())
    }

    /// A table on stdout; headings are bold on a terminal. Without rows, only the headings.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        let widths: Vec<usize> = headings.iter().enumerate().map(|(column, heading)| width(column, heading, &rows)).collect();
        let heading = aligned(headings, &widths);
        let mut text = if self.out.color { format!("\x1b[1m{heading}\x1b[0m\n") } else { format!("{heading}\n") };
        for row in &rows {
            let _ = writeln!(text, "{}", aligned(row, &widths));
        }
        self.bytes(text.as_bytes())
    }

    /// Bytes as they are, on stdout, at once.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.to.write_all(bytes)?;
        Ok(self.out.to.flush()?)
    }

    /// Something to know that is no result: a line on stderr. That nobody reads it is no failure.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err.to, "{}", printable(text));
    }

    /// Why the command ends: on stderr, as a JSON line with `--json`.
    pub fn failure(&mut self, failure: &Failure) {
        if failure.is_quiet() {
            return;
        }
        if self.json {
            let line = json!({ "error": failure.message, "exit": failure.exit.code(), "next": failure.next });
            let _ = writeln!(self.err.to, "{line}");
            return;
        }
        let word = if self.err.color { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
        let _ = writeln!(self.err.to, "{word} {}", printable(&failure.message));
        if let Some(next) = &failure.next {
            let _ = writeln!(self.err.to, "  {}", printable(next));
        }
    }
}

/// Colour unless `NO_COLOR` is set to something (no-color.org) or the terminal is dumb.
#[must_use]
pub fn wants_color() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The text with control characters (and those that turn the direction of writing) escaped; line breaks and tabs stay.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\t' => shown.push(char),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.extend(char.escape_unicode()),
            _ if char.is_control() => shown.extend(char.escape_default()),
            _ => shown.push(char),
        }
    }
    shown
}

fn one_line(cell: &str) -> String {
    printable(cell).replace('\n', "\\n").replace('\t', "\\t")
}

fn width(column: usize, heading: &str, rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
    cells.chain([heading.chars().count()]).max().unwrap_or(0)
}

/// Cells padded to their widths, two spaces between them, nothing at the end.
fn aligned(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{:width$}", cell.as_ref()));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
