use super::*;

const GOOD: &str = r#"
[package]
name = "x"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
[dependencies]
serde = { workspace = true, features = ["derive"] }
[lints]
workspace = true
"#;

const FORBIDS: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";

fn advice(manifest: &str) -> Vec<String> {
    let tree = Tree::of_files(&[("crates/x/Cargo.toml", manifest), (ROOT, FORBIDS)]).with_member("x", "crates/x", &[]);
    check(&tree).into_iter().map(|problem| problem.advice).collect()
}

#[test]
fn a_manifest_that_inherits_everything_is_fine() {
    assert_eq!(advice(GOOD), Vec::<String>::new());
}

/// Security: 37.
#[test]
fn missing_lints_are_named() {
    let found = advice(&GOOD.replace("[lints]\nworkspace = true", ""));
    assert!(matches!(&found[..], [one] if one.contains("add `[lints]`")), "{found:?}");
}

/// Security: 37.
#[test]
fn unsafe_code_is_forbidden_and_not_merely_denied() {
    let found = |root: &str| check(&Tree::of_files(&[(ROOT, root)])).iter().map(Problem::to_string).collect::<Vec<_>>();
    assert_eq!(found(FORBIDS), [""; 0]);
    for other in [FORBIDS.replace("forbid", "deny"), FORBIDS.replace("unsafe_code", "missing_docs"), String::new()] {
        assert_eq!(found(&other), ["Cargo.toml: forbid `unsafe_code` in [workspace.lints.rust]"]);
    }
}

#[test]
fn a_licence_of_its_own_or_none_is_named() {
    for other in ["license = \"MIT\"", ""] {
        let found = advice(&GOOD.replace("license.workspace = true", other));
        assert!(matches!(&found[..], [one] if one.contains("`license.workspace = true`")), "{found:?}");
    }
}

#[test]
fn a_version_of_its_own_is_named_wherever_it_stands() {
    for table in ["[dev-dependencies]", "[build-dependencies]", "[target.'cfg(unix)'.dependencies]"] {
        let found = advice(&format!("{GOOD}{table}\nlibc = \"0.2\"\n"));
        assert!(matches!(&found[..], [one] if one.contains("write `libc.workspace = true`")), "{table}: {found:?}");
    }
}
