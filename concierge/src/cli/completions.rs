//! `concierge completions`: a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::Failure;
use super::output::Output;

/// bash: `concierge completions bash > ~/.local/share/bash-completion/completions/concierge`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// # Errors
    /// stdout cannot be written to.
    pub(crate) fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "concierge", &mut script);
        output.bytes(&script)
    }
}
