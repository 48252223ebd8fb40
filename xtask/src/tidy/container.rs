//! What the container image holds and runs as: no shell, no package manager, no root.

use super::Problem;
use super::tree::Tree;

const DOCKERFILE: &str = "Dockerfile";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(file) = tree.file(DOCKERFILE) else { return Vec::new() };
    let lines: Vec<(usize, &str)> = file.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).collect();
    let Some(last) = lines.iter().rposition(|(_, line)| line.starts_with("FROM ")) else {
        return vec![Problem::of(DOCKERFILE, "begin a stage with FROM")];
    };
    let (number, from) = lines[last];
    let mut problems = Vec::new();
    if !(from.contains("/distroless/") && from.ends_with(":nonroot")) {
        problems.push(Problem::at(DOCKERFILE, number, "let the last stage be distroless and `:nonroot`: no shell, no root"));
    }
    let root = lines[last..].iter().filter(|(_, line)| line.starts_with("USER ") || line.starts_with("RUN "));
    problems.extend(root.map(|(number, _)| {
        Problem::at(
            DOCKERFILE,
            *number,
            "neither USER nor RUN in the last stage: its user is that of the base, and it has no shell",
        )
    }));
    let build = lines.iter().filter(|(_, line)| line.contains("cargo build") && !line.contains("--locked"));
    problems.extend(
        build.map(|(number, _)| Problem::at(DOCKERFILE, *number, "build with `--locked`: Cargo.lock is what was checked")),
    );
    problems
}

#[cfg(test)]
mod tests;
