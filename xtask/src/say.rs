//! The only module that prints. Headings and summaries go to stdout, between the output of the programs that are run.
#![expect(clippy::print_stdout, reason = "a task's output is its product")]

use std::time::Duration;

/// The head of a step.
pub(crate) fn heading(text: &str) {
    println!("\n── {text} {}", "─".repeat(100_usize.saturating_sub(text.chars().count())));
}

pub(crate) fn line(text: &str) {
    println!("{text}");
}

pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}");
}

/// `4.2 s` or `3 min 07 s`.
pub(crate) fn duration(took: Duration) -> String {
    match took.as_secs() {
        seconds @ 60.. => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
