//! Paths of files, in any spelling: what is stored under one is found where the answer says that it is, is listed there, and
//! nothing else changes: no other folder, and nothing outside of the server's directory.

use std::cell::LazyCell;

use arbitrary::Arbitrary;
use axum::body::Body;
use axum::http::{HeaderMap, Uri};

use crate::house::{Answer, House, href};

thread_local! {
    static HOUSE: LazyCell<House> = LazyCell::new(House::new);
}

/// What one client does.
#[derive(Debug, Arbitrary)]
struct Visit {
    steps: Vec<(Method, Vec<Part>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Method {
    Put,
    Get,
    Delete,
}

/// Part of a path.
#[derive(Debug, Arbitrary)]
enum Part {
    Slash,
    Known(u8),
    Text(String),
    Encoded(Vec<u8>),
    Long(u16),
    Deep(u8),
}

const KNOWN: &[&str] = &[
    "a",
    "b",
    "..",
    ".",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "%252e%252e",
    "~",
    "~a",
    "%7e",
    "%",
    "%2",
    "%zz",
    "..%2f",
    "bob",
    "/fs/",
    "secret",
    "?x",
    "%c3%a9",
    "%ff",
    "con",
    "a.",
    " ",
    "%20",
    "%0a",
    ";",
    "//",
    ".stale",
    ".lock",
    "tmp",
];

/// Paths below `/fs/ada/`, or any other.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    HOUSE.with(|house| {
        match crate::structured::<Visit>(input) {
            Some(visit) => {
                visit.steps.iter().for_each(|(method, parts)| step(house, *method, &format!("/fs/ada/{}", text(parts))))
            }
            None => String::from_utf8_lossy(input).lines().for_each(|path| step(house, Method::Put, path)),
        }
        house.leave();
    });
}

fn step(house: &House, method: Method, path: &str) {
    if path.parse::<Uri>().is_err() {
        return;
    }
    match method {
        Method::Put => stored(house, path),
        Method::Get => drop(house.get(path)),
        Method::Delete => {
            let before = house.tree("/fs/ada/");
            let Answer { status, .. } = house.by_ada("DELETE", path, &HeaderMap::new(), Body::empty());
            let after = house.tree("/fs/ada/");
            assert!(after.iter().all(|path| before.contains(path)), "{path}: {before:?}, then {after:?}");
            assert!((200..300).contains(&status) || before == after, "{path}: {status}");
        }
    }
}

fn stored(house: &House, path: &str) {
    let before = house.tree("/fs/ada/");
    let answer = house.put(path, path.as_bytes());
    let after = house.tree("/fs/ada/");
    if !(200..300).contains(&answer.status) {
        assert_eq!(before, after, "{path}: {}", answer.status);
        return;
    }
    let location = answer.location.unwrap_or_else(|| path.split('?').next().unwrap_or_default().to_owned());
    assert!(location.starts_with("/fs/ada/"), "{path} is at {location}");
    assert_eq!(house.get(&location).body, path.as_bytes(), "{path} is at {location}");
    let is_it = |listed: &&String| !listed.ends_with('/') && house.get(&href(listed)).body == path.as_bytes();
    let found = after.iter().filter(is_it).count();
    assert!(found >= 1, "{path} is not in {after:?}");
    assert!(before.iter().all(|path| after.contains(path)), "{path}: {before:?}, then {after:?}");
}

fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Slash => text.push('/'),
            Part::Known(n) => text.push_str(KNOWN[usize::from(*n) % KNOWN.len()]),
            Part::Text(own) => text.push_str(own),
            Part::Encoded(bytes) => bytes.iter().for_each(|byte| text.push_str(&format!("%{byte:02X}"))),
            Part::Long(n) => text.push_str(&"x".repeat(usize::from(*n) % 600)),
            Part::Deep(n) => text.push_str(&"d/".repeat(usize::from(*n) % 40)),
        }
    }
    text
}
