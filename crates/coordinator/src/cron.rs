//! Cron expressions: five fields, in UTC.

use chrono::DateTime;
use concierge_api_rs::coordinator::Millis;
use croner::parser::{CronParser, Seconds, Year};

/// A cron expression: minute, hour, day of the month, month, day of the week. UTC.
#[derive(Debug, Clone)]
pub struct Cron(croner::Cron);

/// Not a cron expression: why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronError(pub String);

impl Cron {
    /// The expression that `text` writes.
    ///
    /// # Errors
    /// When it isn't one of five fields.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(|error| CronError(error.to_string()))
    }

    /// The first instant after `after`; [`Millis::NEVER`] when there is none.
    #[must_use]
    pub fn next_after(&self, after: Millis) -> Millis {
        let next = DateTime::from_timestamp_millis(after.0)
            .and_then(|after| self.0.find_next_occurrence(&after.naive_utc(), false).ok())
            .map(|next| Millis(next.and_utc().timestamp_millis()));
        next.unwrap_or(Millis::NEVER)
    }
}

#[cfg(test)]
#[path = "cron/tests.rs"]
mod tests;
