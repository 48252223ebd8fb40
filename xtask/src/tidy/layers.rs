//! Who may import whom: ARCHITECTURE.md's table. Imports go down the list of [`Layer`] only, and what the rules of the hub are
//! made of stays free of I/O.

use super::Problem;
use super::tree::{Dependency, Member, Tree};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// What tests stand on: sees nothing of ours, and only tests see it.
    Ground,
    /// The words of the protocol.
    Words,
    /// Rules: values in, values out.
    Pure,
    /// One kind of I/O each.
    Edge,
    /// The server and the command.
    Server,
    /// Puts the server into a world of its own, and sees everything.
    Simulation,
    /// Tries what is inside with strange input.
    Inside,
    /// Sees the program from outside: its words, its client, its binary.
    Outside,
    /// Sees nothing of ours.
    Automation,
}

const LAYERS: &[(&str, Layer)] = &[
    ("concierge-test-histories", Layer::Ground),
    ("concierge-test-nats", Layer::Ground),
    ("concierge-test-postgres", Layer::Ground),
    ("concierge_api_rs", Layer::Words),
    ("concierge-hub", Layer::Pure),
    ("concierge-coordinator", Layer::Pure),
    ("concierge-router", Layer::Pure),
    ("concierge-store", Layer::Edge),
    ("concierge-files", Layer::Edge),
    ("concierge-nats", Layer::Edge),
    ("concierge-client", Layer::Edge),
    ("concierge", Layer::Server),
    ("concierge-sim", Layer::Simulation),
    ("concierge-fuzz", Layer::Inside),
    ("concierge-tests", Layer::Outside),
    ("concierge-bench", Layer::Outside),
    ("xtask", Layer::Automation),
];

/// What those who look from outside may use.
const OUTER_FACE: &[&str] = &["concierge_api_rs", "concierge-client"];

/// What a pure crate may link: data structures and encodings, nothing that waits, rolls dice, or reads a clock or a file.
/// `chrono` comes without its clock.
const PURE_DEPENDENCIES: &[&str] =
    &["arc-swap", "chrono", "croner", "dashmap", "semver", "serde", "serde_json", "sha2", "smallvec", "subtle", "thiserror"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let unknown = tree.members.iter().filter(|member| layer_of(&member.name).is_none()).map(|member| {
        Problem::of(
            &member.manifest,
            format!("give `{}` a layer in xtask/src/tidy/layers.rs and in ARCHITECTURE.md", member.name),
        )
    });
    let imports = tree.members.iter().flat_map(|member| {
        let theirs = member.dependencies.iter();
        theirs.filter_map(|dependency| objection(tree, member, dependency).map(|advice| Problem::of(&member.manifest, advice)))
    });
    unknown.chain(imports).collect()
}

/// True for the crates that `clippy.toml` files keep free of clocks, randomness, locks and I/O.
pub(super) fn is_pure(name: &str) -> bool {
    matches!(layer_of(name), Some(Layer::Words | Layer::Pure))
}

fn layer_of(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, layer)| *layer)
}

/// Why this crate may not use that one, and what to do instead.
fn objection(tree: &Tree, member: &Member, dependency: &Dependency) -> Option<String> {
    let (from, to) = (&member.name, &dependency.name);
    let layer = layer_of(from)?;
    if !tree.is_member(to) {
        let fine = layer != Layer::Pure || !dependency.normal || PURE_DEPENDENCIES.contains(&to.as_str());
        return (!fine).then(|| {
            format!("`{from}` is pure and `{to}` is not on its list: take the I/O out, or show in xtask/src/tidy/layers.rs that it has none")
        });
    }
    if layer_of(to) == Some(Layer::Ground) && matches!(layer, Layer::Words | Layer::Pure | Layer::Edge | Layer::Server) {
        let advice = || format!("`{from}` must not use `{to}` outside of its tests: move it to [dev-dependencies]");
        return dependency.normal.then(advice);
    }
    match layer {
        Layer::Automation => Some(format!("`{from}` must not use `{to}`: it has to build when the rest does not")),
        Layer::Outside if layer_of(to) == Some(Layer::Ground) => None,
        Layer::Outside if OUTER_FACE.contains(&to.as_str()) => None,
        Layer::Outside => {
            Some(format!("`{from}` must not use `{to}`: it looks from outside, through {}", OUTER_FACE.join(" and ")))
        }
        _ if layer_of(to)? < layer => None,
        _ => Some(format!("`{from}` must not use `{to}`: imports go down the layers only; move what both need below both")),
    }
}

#[cfg(test)]
mod tests;
