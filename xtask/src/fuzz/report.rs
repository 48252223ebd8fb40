//! What libFuzzer says at the end, in a line.

use std::fmt;

/// The figures of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    executions: u64,
    /// Edges of our code that were reached.
    edges: u64,
    /// Inputs that each reached something of their own.
    corpus: u64,
}

impl Report {
    /// Of lines such as `#1024 pulse cov: 311 ft: 501 corp: 87/2346b …` and `stat::number_of_executed_units: 1024`.
    pub(super) fn of(said: &str) -> Self {
        let mut report = Self::default();
        for line in said.lines() {
            let mut words = line.split_whitespace().peekable();
            while let Some(word) = words.next() {
                let mut number = || words.peek()?.split('/').next()?.parse().ok();
                match word {
                    "cov:" => report.edges = number().unwrap_or(report.edges),
                    "corp:" => report.corpus = number().unwrap_or(report.corpus),
                    "stat::number_of_executed_units:" => report.executions = number().unwrap_or(report.executions),
                    _ => {}
                }
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, edges, corpus } = self;
        write!(f, "{executions} executions, {edges} edges, {corpus} inputs")
    }
}

#[cfg(test)]
mod tests;
