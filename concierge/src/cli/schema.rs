//! `concierge schema`: JSON Schema of every payload.

use super::exit::Failure;
use super::output::Output;

/// # Errors
/// stdout cannot be written to.
pub(crate) fn run(output: &mut Output) -> Result<(), Failure> {
    output.result(&concierge_api_rs::schema(), |schema| format!("{schema:#}"))
}
