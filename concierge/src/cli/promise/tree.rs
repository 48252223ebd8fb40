//! `concierge promise tree`: a promise and those that came of it.

use std::collections::{HashMap, HashSet};

use concierge_client::coordinator::{Coordinator, Promise, PromiseId, PromiseSearch, Tags};
use serde::Serialize;

use super::super::client_args::ClientArgs;
use super::super::coordinated::{self, failed, short};
use super::super::exit::Failure;
use super::super::output::Output;
use super::super::value_args;

/// Promises of one tree that are looked at.
const PROMISES: usize = 10_000;
const PARENT: &str = "resonate:parent";
const ORIGIN: &str = "resonate:origin";

/// A promise at its place.
#[derive(Debug, Serialize)]
struct Branch {
    /// 0 for the one that was asked for.
    depth: usize,
    promise: Promise,
    /// Whether nothing follows under the same parent.
    #[serde(skip)]
    last: bool,
}

/// # Errors
/// No such promise, or no answer.
pub(super) async fn run(args: &ClientArgs, id: &PromiseId, output: &mut Output) -> Result<(), Failure> {
    let coordinator = coordinated::once(args).await?;
    let found = family(&coordinator, id).await;
    coordinator.client().close().await;
    let (root, others, more) = found?;
    if more {
        output.note(&format!("It has more than {PROMISES} promises; the rest is not shown."));
    }
    let branches = arrange(root, others);
    if output.is_json() {
        return output.json(&branches);
    }
    output.line(&drawn(&branches))
}

/// The promise, and everything of the same origin.
async fn family(coordinator: &Coordinator, id: &PromiseId) -> Result<(Promise, Vec<Promise>, bool), Failure> {
    let root = coordinator.promise(id).await.map_err(failed)?;
    let origin = root.tags.get(ORIGIN).map_or(id.as_str(), String::as_str);
    let tags = Tags::from([(ORIGIN.to_owned(), origin.to_owned())]);
    let (others, more) = search(coordinator, PromiseSearch { tags, ..PromiseSearch::default() }, PROMISES).await?;
    Ok((root, others, more))
}

/// All that are found, up to `limit`, and whether there are more.
///
/// # Errors
/// No answer.
pub(super) async fn search(
    coordinator: &Coordinator,
    mut search: PromiseSearch,
    limit: usize,
) -> Result<(Vec<Promise>, bool), Failure> {
    let mut found: Vec<Promise> = Vec::new();
    loop {
        let (page, cursor) = coordinator.search(search.clone()).await.map_err(failed)?;
        found.extend(page);
        let more = found.len() > limit || (found.len() == limit && cursor.is_some());
        if cursor.is_none() || found.len() >= limit {
            found.truncate(limit);
            return Ok((found, more));
        }
        search.cursor = cursor;
    }
}

/// In the order in which they are drawn: each after its parent, with everything that came of it. One whose parents lead in a
/// circle is not reached.
fn arrange(root: Promise, others: Vec<Promise>) -> Vec<Branch> {
    let mut children: HashMap<String, Vec<Promise>> = HashMap::new();
    for promise in others.into_iter().filter(|other| other.id != root.id) {
        let parent = promise.tags.get(PARENT).or_else(|| promise.tags.get(ORIGIN)).cloned().unwrap_or_default();
        children.entry(parent).or_default().push(promise);
    }
    let mut seen = HashSet::new();
    let mut waiting = vec![Branch { depth: 0, promise: root, last: true }];
    let mut branches = Vec::new();
    while let Some(branch) = waiting.pop() {
        if !seen.insert(branch.promise.id.clone()) {
            continue;
        }
        let own = children.remove(branch.promise.id.as_str()).unwrap_or_default();
        let depth = branch.depth + 1;
        waiting.extend(own.into_iter().rev().enumerate().map(|(n, promise)| Branch { depth, promise, last: n == 0 }));
        branches.push(branch);
    }
    branches
}

fn drawn(branches: &[Branch]) -> String {
    let mut text = String::new();
    // whether the ancestor at each depth is the last of its parent
    let mut ended: Vec<bool> = Vec::new();
    for Branch { depth, promise, last } in branches {
        ended.truncate(*depth);
        for over in ended.iter().skip(1) {
            text.push_str(if *over { "   " } else { "│  " });
        }
        if *depth > 0 {
            text.push_str(if *last { "└─ " } else { "├─ " });
        }
        ended.push(*last);
        text.push_str(&line(promise));
        text.push('\n');
    }
    text
}

fn line(promise: &Promise) -> String {
    let value = value_args::shown(&promise.value).replace('\n', "\\n");
    let value = if value == "-" { String::new() } else { format!("  {}", short(&value)) };
    format!("{}  {}{value}", promise.id, promise.state.as_str())
}

#[cfg(test)]
mod tests {
    use concierge_client::coordinator::{Millis, PromiseState, Value};
    use expect_test::expect;

    use super::*;

    fn promise(id: &str, parent: Option<&str>) -> Promise {
        let tags = parent.map(|parent| [(PARENT.to_owned(), parent.to_owned()), (ORIGIN.to_owned(), "r".to_owned())]);
        Promise {
            id: id.parse().unwrap(),
            state: PromiseState::Pending,
            param: Value::default(),
            value: Value::default(),
            tags: tags.into_iter().flatten().collect(),
            timeout_at: Millis(9),
            created_at: Millis(1),
            settled_at: None,
        }
    }

    #[test]
    fn a_tree_is_drawn_from_its_root() {
        let others = [
            ("r", None),
            ("a", Some("r")),
            ("b", Some("r")),
            ("c", Some("a")),
            ("d", Some("c")),
            ("x", Some("y")),
            ("y", Some("x")),
        ];
        let branches = arrange(promise("r", None), others.map(|(id, parent)| promise(id, parent)).into());
        expect![[r"
            r  pending
            ├─ a  pending
            │  └─ c  pending
            │     └─ d  pending
            └─ b  pending
        "]]
        .assert_eq(&drawn(&branches));
    }

    #[test]
    fn a_circle_ends() {
        let branches = arrange(promise("x", Some("y")), vec![promise("y", Some("x")), promise("x", Some("y"))]);
        assert_eq!(drawn(&branches), "x  pending\n└─ y  pending\n");
    }
}
