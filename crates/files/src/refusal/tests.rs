use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../FILESYSTEM.md");

/// One of each.
fn all() -> Vec<Refusal> {
    let io = || io::Error::from(Errno::IO);
    vec![
        Refusal::Path(PathError::Empty),
        Refusal::MalformedKey,
        Refusal::NoKey,
        Refusal::UnknownKey,
        Refusal::NotYours,
        Refusal::Elsewhere,
        Refusal::Nothing,
        Refusal::Method,
        Refusal::Slow,
        Refusal::FolderThere,
        Refusal::FileThere,
        Refusal::PartsCollide,
        Refusal::Precondition,
        Refusal::FileBytes(1),
        Refusal::Parts(1),
        Refusal::NotAForm,
        Refusal::Form(String::new()),
        Refusal::PartialPut,
        Refusal::Range(1),
        Refusal::Body(axum::Error::new(io())),
        Refusal::FolderBytes(1),
        Refusal::FolderFiles(1),
        Refusal::DiskFull(io()),
        Refusal::Internal(io()),
    ]
}

#[test]
fn the_table_of_refusals_in_the_document_is_that_of_the_code() {
    let section = DOCUMENT.split("\n## Refusals\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    let told = rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].trim_matches('`').to_owned())
    });
    let real = all().into_iter().map(|refusal| {
        let (status, word) = refusal.status();
        (status.as_str().to_owned(), word.to_owned())
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), real.collect::<BTreeSet<_>>());
}

#[test]
fn what_the_system_says_of_room_is_507_and_of_other_things_500() {
    for (errno, status) in
        [(Errno::NOSPC, 507), (Errno::DQUOT, 507), (Errno::FBIG, 507), (Errno::IO, 500), (Errno::NAMETOOLONG, 400)]
    {
        assert_eq!(Refusal::from(errno).into_response().status().as_u16(), status, "{errno:?}");
    }
}

#[test]
fn an_internal_failure_tells_no_details() {
    let refusal = Refusal::from(io::Error::other("/var/lib/secret"));
    assert_eq!(refusal.to_string(), "the hub failed");
}
