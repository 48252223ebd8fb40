//! Forms (multipart/form-data), in any pieces: all of their files are there afterwards, or none; never more bytes than came; and
//! how the body was cut makes no difference.

use std::cell::LazyCell;
use std::convert::Infallible;

use arbitrary::Arbitrary;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::cuts::cut;
use crate::house::{Answer, House};

thread_local! {
    static HOUSE: LazyCell<House> = LazyCell::new(House::new);
}

/// A body that is nearly a form.
#[derive(Debug, Arbitrary)]
struct Form {
    parts: Vec<Part>,
    end: End,
    cuts: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Part {
    File {
        name: Name,
        content: Content,
    },
    Field {
        content: Content,
    },
    /// Lines of its head, by number, and their own.
    Odd {
        head: Vec<Line>,
        content: Content,
    },
    Raw(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Name {
    Known(u8),
    Own(String),
}

#[derive(Debug, Arbitrary)]
enum Content {
    Bytes(Vec<u8>),
    /// What looks like a boundary.
    Boundary(u8),
    Many(u16),
}

#[derive(Debug, Arbitrary)]
enum Line {
    Known(u8),
    Own(Vec<u8>),
    Long(u16),
}

#[derive(Debug, Arbitrary)]
enum End {
    Right,
    Nothing,
    Raw(Vec<u8>),
}

/// The server's bound on bytes that belong to no file.
const IDLE_BYTES: usize = 64 * 1024;

const NAMES: &[&str] = &["a", "b", "sub/a", "../a", "/a", "a/", "", "..", "a\\b", "é", "a\"; x=\"", "bob/secret", ".", "~a"];
const LINES: &[&str] = &[
    "Content-Disposition: form-data; name=\"f\"; filename=\"a\"",
    "Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%2e%2e%2fa",
    "Content-Disposition: form-data; filename=a; filename=\"b\"",
    "Content-Disposition: attachment; filename=\"a\"",
    "content-disposition:form-data;name=f;filename=\"a\nb\"",
    "Content-Type: text/plain",
    "Content-Length: 99999999999999999999",
    "Content-Transfer-Encoding: base64",
    "Content-Type: multipart/mixed; boundary=XX",
    " folded",
    ":",
    "",
];
const BOUNDARIES: &[&[u8]] =
    &[b"\r\n--XX", b"\r\n--XX--", b"--XX\r\n", b"\r\n--X", b"\r\n--XXY", b"\r\n--XX \r\n", b"\r\n\r\n", b"\n--XX\n"];

/// One body, posted to a folder as a whole and in pieces.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let (bytes, cuts) = match crate::structured::<Form>(input) {
        Some(form) => (form.bytes(), form.cuts),
        None => (input.to_vec(), vec![1, 7, 0]),
    };
    HOUSE.with(|house| {
        let whole = posted(house, &bytes, &[0]);
        let pieces = posted(house, &bytes, &cuts);
        // a longer head of a part is refused, and how much longer depends on the pieces
        assert!(whole == pieces || bytes.len() > IDLE_BYTES, "the cuts make a difference: {whole:?}, {pieces:?}");
    });
}

/// The status, and the files: path and content.
fn posted(house: &House, bytes: &[u8], cuts: &[u8]) -> (u16, Vec<(String, Vec<u8>)>) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("multipart/form-data; boundary=XX"));
    let pieces: Vec<_> = cut(bytes, cuts).into_iter().map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    let Answer { status, body, .. } = house.by_ada("POST", "/fs/ada/form/", &headers, body);
    let tree = house.tree("/fs/ada/");
    let files = tree.iter().filter(|path| !path.ends_with('/'));
    let mut files: Vec<_> = files.map(|path| (path.clone(), house.get(&crate::house::href(path)).body)).collect();
    files.sort();
    if status == 201 {
        let stored: Value = serde_json::from_slice(&body).unwrap();
        let stored = stored.as_array().map_or(1, Vec::len);
        assert_eq!(stored, files.len(), "{files:?}");
        assert!(files.iter().all(|(path, _)| path.starts_with("form/")), "{files:?}");
    } else {
        assert_eq!(files, [], "refused with {status}");
    }
    assert!(files.iter().map(|(_, content)| content.len()).sum::<usize>() <= bytes.len());
    house.leave();
    (status, files)
}

impl Form {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            let content = match part {
                Part::Raw(raw) => {
                    bytes.extend_from_slice(raw);
                    continue;
                }
                Part::File { name, content } => {
                    let name = match name {
                        Name::Known(n) => NAMES[usize::from(*n) % NAMES.len()],
                        Name::Own(own) => own,
                    };
                    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n");
                    bytes.extend_from_slice(head.as_bytes());
                    content
                }
                Part::Field { content } => {
                    bytes.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n");
                    content
                }
                Part::Odd { head, content } => {
                    bytes.extend_from_slice(b"--XX\r\n");
                    for line in head {
                        bytes.extend_from_slice(&line.bytes());
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes.extend_from_slice(b"\r\n");
                    content
                }
            };
            bytes.extend_from_slice(&content.bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        match &self.end {
            End::Right => bytes.extend_from_slice(b"--XX--\r\n"),
            End::Nothing => {}
            End::Raw(raw) => bytes.extend_from_slice(raw),
        }
        bytes
    }
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Boundary(n) => BOUNDARIES[usize::from(*n) % BOUNDARIES.len()].to_vec(),
            Self::Many(n) => vec![b'x'; usize::from(*n)],
        }
    }
}

impl Line {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(n) => LINES[usize::from(*n) % LINES.len()].as_bytes().to_vec(),
            Self::Own(own) => own.clone(),
            Self::Long(n) => [b"X: ", &vec![b'y'; usize::from(*n)][..]].concat(),
        }
    }
}
