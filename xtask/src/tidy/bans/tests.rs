use super::*;

const BANNED_EVERYWHERE: &str = "disallowed-types = [{ path = \"dashmap::DashMap\", reason = \"guards\" }]\n";

fn advice(file: Option<&str>) -> Vec<String> {
    let mut files = vec![(ROOT, BANNED_EVERYWHERE)];
    files.extend(file.map(|text| ("crates/hub/clippy.toml", text)));
    let tree = Tree::of_files(&files).with_member("concierge-hub", "crates/hub", &[]).with_member("concierge", "concierge", &[]);
    check(&tree).into_iter().map(|problem| problem.advice).collect()
}

fn complete() -> String {
    let names: Vec<String> = PURE.iter().map(|name| format!("\"{name}\"")).collect();
    format!("{BANNED_EVERYWHERE}disallowed-methods = [{}]\n", names.join(", "))
}

#[test]
fn a_pure_crate_with_every_ban_is_fine() {
    assert_eq!(advice(Some(&complete())), Vec::<String>::new());
}

#[test]
fn a_pure_crate_without_a_file_is_named() {
    let found = advice(None);
    assert!(matches!(&found[..], [one] if one.contains("give it a clippy.toml")), "{found:?}");
}

#[test]
fn a_ban_of_the_root_that_is_not_repeated_is_named() {
    let found = advice(Some(&complete().replace("dashmap::DashMap", "dashmap::DashSet")));
    assert!(matches!(&found[..], [one] if one.contains("ban `dashmap::DashMap` here too")), "{found:?}");
}

#[test]
fn a_pure_crate_that_may_read_the_clock_is_named() {
    let found = advice(Some(&complete().replace("\"std::time::Instant::now\", ", "")));
    assert!(matches!(&found[..], [one] if one.contains("ban `std::time::Instant::now`")), "{found:?}");
}
