use super::*;

fn house() -> Tree {
    Tree::default()
        .with_member("concierge_api_rs", "concierge_api_rs", &["uuid"])
        .with_member("concierge-hub", "crates/hub", &["concierge_api_rs", "dashmap", "dev:proptest"])
        .with_member("concierge-files", "crates/files", &["concierge_api_rs", "tokio"])
        .with_member("concierge-client", "crates/client", &["concierge_api_rs", "tokio"])
        .with_member("concierge", "concierge", &["concierge-hub", "concierge-files", "axum"])
        .with_member("concierge-fuzz", "fuzz", &["concierge", "concierge-hub", "concierge_api_rs"])
        .with_member("concierge-tests", "tests", &["dev:concierge-client", "tokio"])
}

fn advice(tree: &Tree) -> Vec<String> {
    check(tree).into_iter().map(|problem| problem.advice).collect()
}

#[test]
fn the_layers_as_drawn_are_fine() {
    assert_eq!(check(&house()), []);
}

#[test]
fn an_import_up_or_across_the_layers_is_refused() {
    for (from, to) in
        [("concierge-hub", "concierge-files"), ("concierge-files", "dev:concierge-client"), ("concierge_api_rs", "concierge-hub")]
    {
        let mut tree = house();
        tree.members.retain(|member| member.name != from);
        let found = advice(&tree.with_member(from, "crates/x", &[to]));
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
        assert!(found[0].contains("imports go down the layers only"), "{found:?}");
    }
}

#[test]
fn a_pure_crate_that_links_a_runtime_is_refused() {
    let mut tree = house();
    tree.members.retain(|member| member.name != "concierge-hub");
    let found = advice(&tree.with_member("concierge-hub", "crates/hub", &["tokio"]));
    assert!(matches!(&found[..], [one] if one.contains("`tokio` is not on its list")), "{found:?}");
}

#[test]
fn the_tests_see_the_outside_only() {
    let found = advice(&house().with_member("concierge-bench", "bench", &["concierge", "concierge-client"]));
    assert!(matches!(&found[..], [one] if one.contains("it looks from outside")), "{found:?}");
}

#[test]
fn the_simulation_sees_the_server_and_nobody_sees_the_simulation() {
    let house = || house().with_member("concierge-sim", "sim", &["concierge", "concierge-hub", "turmoil"]);
    assert_eq!(check(&house()), []);
    for (from, refusal) in [("concierge", "imports go down the layers only"), ("concierge-tests", "it looks from outside")] {
        let mut tree = house();
        tree.members.retain(|member| member.name != from);
        let found = advice(&tree.with_member(from, "x", &["concierge-sim"]));
        assert!(matches!(&found[..], [one] if one.contains(refusal)), "{from}: {found:?}");
    }
}

#[test]
fn what_tests_stand_on_is_for_tests_only_and_sees_nothing_of_ours() {
    let house = || house().with_member("concierge-test-postgres", "tests/postgres", &["tokio"]);
    let tests = [("concierge-bench", "concierge-test-postgres"), ("concierge-store", "dev:concierge-test-postgres")];
    for (from, to) in tests {
        let found = advice(&house().with_member(from, "crates/new", &[to]));
        assert!(!found.iter().any(|advice| advice.contains(to.trim_start_matches("dev:"))), "{from} -> {to}: {found:?}");
    }
    for (from, to, refusal) in [
        ("concierge-files", "concierge-test-postgres", "outside of its tests"),
        ("concierge-test-postgres", "concierge_api_rs", "imports go down the layers only"),
    ] {
        let mut tree = house();
        tree.members.retain(|member| member.name != from);
        let found = advice(&tree.with_member(from, "crates/x", &[to]));
        assert!(matches!(&found[..], [one] if one.contains(refusal)), "{from} -> {to}: {found:?}");
    }
}

#[test]
fn automation_uses_nothing_of_ours() {
    let found = advice(&house().with_member("xtask", "xtask", &["concierge_api_rs"]));
    assert!(matches!(&found[..], [one] if one.contains("has to build when the rest does not")), "{found:?}");
}

#[test]
fn a_crate_without_a_layer_is_named() {
    let found = advice(&house().with_member("concierge-new", "crates/new", &[]));
    assert!(matches!(&found[..], [one] if one.contains("give `concierge-new` a layer")), "{found:?}");
}
