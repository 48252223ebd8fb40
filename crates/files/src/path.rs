//! `/fs/{client}/{path}`: which folder, and where in it. A path that parsed cannot lead out of its folder.

use std::fmt;

use concierge_api_rs::limits;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a request points.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As it was sent: whether anybody has that name is the directory's to say.
    pub(crate) name: String,
    pub(crate) path: FilePath,
}

/// A path in a client's folder: checked components. Without any it is the folder itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePath {
    pub(crate) parts: Vec<String>,
    /// It ends in `/`, so a folder is meant.
    pub(crate) folder: bool,
}

/// The rule that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("a component of the path is empty")]
    Empty,
    #[error("a component of the path is `.` or `..`")]
    Dots,
    #[error("a component of the path holds `/`, `\\` or NUL")]
    Character,
    #[error("a component of the path begins with `~`")]
    Tilde,
    #[error("a component of the path is longer than {} bytes", limits::PATH_COMPONENT_BYTES)]
    Long,
    #[error("the path is deeper than {}", limits::PATH_DEPTH)]
    Deep,
    #[error("the path is not percent-encoded UTF-8")]
    Encoding,
}

impl Place {
    /// The place that a request's path names; `None` for `/fs` and `/fs/`, where nothing is.
    pub(crate) fn parse(uri_path: &str) -> Result<Option<Self>, PathError> {
        let Some(rest) = uri_path.strip_prefix("/fs/").filter(|rest| !rest.is_empty()) else { return Ok(None) };
        let (name, path) = rest.split_once('/').map_or((rest, None), |(name, path)| (name, Some(path)));
        let path = match path {
            None => FilePath { parts: Vec::new(), folder: false },
            Some(path) => FilePath::parse(path, decode)?,
        };
        Ok(Some(Self { name: component(decode(name)?)?, path }))
    }
}

impl FilePath {
    fn parse(path: &str, spell: fn(&str) -> Result<String, PathError>) -> Result<Self, PathError> {
        let (parts, folder) = path.strip_suffix('/').map_or((path, path.is_empty()), |parts| (parts, true));
        if folder && path.is_empty() {
            return Ok(Self { parts: Vec::new(), folder });
        }
        let parts: Vec<_> = parts.split('/').map(|part| component(spell(part)?)).collect::<Result<_, _>>()?;
        if parts.len() > limits::PATH_DEPTH { Err(PathError::Deep) } else { Ok(Self { parts, folder }) }
    }

    /// The file of that name, which is no URL and so not percent-encoded, below this folder.
    pub(crate) fn below(&self, file_name: &str) -> Result<Self, PathError> {
        let mut path = Self::parse(file_name, |part| Ok(part.to_owned()))?;
        path.parts.splice(0..0, self.parts.iter().cloned());
        if path.parts.len() > limits::PATH_DEPTH { Err(PathError::Deep) } else { Ok(path) }
    }

    /// The folders on the way and the last name, unless this is the client's folder itself.
    pub(crate) fn split(&self) -> Option<(&[String], &str)> {
        self.parts.split_last().map(|(last, parents)| (parents, last.as_str()))
    }

    /// The path of a URL that leads here.
    pub(crate) fn href(&self, name: &str) -> String {
        let mut href = format!("/fs/{}", utf8_percent_encode(name, RESERVED));
        for part in &self.parts {
            href.push('/');
            href.extend(utf8_percent_encode(part, RESERVED));
        }
        if self.folder {
            href.push('/');
        }
        href
    }
}

/// As users see it: `sub/file.txt`, a folder with a final `/`.
impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            let separator = if at == 0 { "" } else { "/" };
            write!(f, "{separator}{part}")?;
        }
        if self.folder && !self.parts.is_empty() { f.write_str("/") } else { Ok(()) }
    }
}

/// Percent-decodes, once: what is still encoded after that is part of the name.
fn decode(raw: &str) -> Result<String, PathError> {
    let escapes = raw
        .match_indices('%')
        .all(|(at, _)| raw.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    let text = if escapes { percent_decode_str(raw).decode_utf8().ok() } else { None };
    text.map(Into::into).ok_or(PathError::Encoding)
}

fn component(part: String) -> Result<String, PathError> {
    match part.as_str() {
        "" => Err(PathError::Empty),
        "." | ".." => Err(PathError::Dots),
        _ if part.contains(['/', '\\', '\0']) => Err(PathError::Character),
        _ if part.starts_with('~') => Err(PathError::Tilde),
        _ if part.len() > limits::PATH_COMPONENT_BYTES => Err(PathError::Long),
        _ => Ok(part),
    }
}
