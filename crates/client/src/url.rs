//! Where the hub is.

use std::fmt;
use std::str::FromStr;

use concierge_api_rs::limits::DEFAULT_PORT;
use http::Uri;

/// The address of a hub's WebSocket, from `ws://host:port/path`, `wss://…`, `http(s)://…` or a bare `host[:port]`.
///
/// A missing path is `/ws`. A missing port is the scheme's (80, 443), and 64209 for a bare host.
///
/// ```
/// # use concierge_client::HubUrl;
/// let url: HubUrl = "localhost".parse()?;
/// assert_eq!(url.to_string(), "ws://localhost:64209/ws");
/// let url: HubUrl = "wss://hub.example/chat/ws".parse()?;
/// assert_eq!((url.to_string().as_str(), url.files().as_str()), ("wss://hub.example:443/chat/ws", "https://hub.example:443/chat/fs/"));
/// # Ok::<(), concierge_client::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubUrl {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why an address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no hub address ({why}); write host:port, ws://host:port or wss://host")]
pub struct UrlError {
    url: String,
    why: String,
}

impl FromStr for HubUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let refuse = |why: &str| UrlError { url: text.to_owned(), why: why.to_owned() };
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (secure, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "" => (false, DEFAULT_PORT),
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            other => return Err(refuse(&format!("the scheme `{other}` is neither ws nor wss"))),
        };
        let uri: Uri = format!("http://{rest}").parse().map_err(|e: http::uri::InvalidUri| refuse(&e.to_string()))?;
        let authority = uri.authority().ok_or_else(|| refuse("no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a user has no meaning here; the secret is an option of its own"));
        }
        if authority.host().is_empty() {
            return Err(refuse("no host"));
        }
        let port = match authority.port_u16() {
            Some(0) => return Err(refuse("port 0")),
            Some(port) => port,
            None if authority.as_str().len() > authority.host().len() => return Err(refuse("the port is no number up to 65535")),
            None => default_port,
        };
        let path = match uri.path_and_query().map_or("/", |path| path.as_str()) {
            "/" | "" => "/ws".to_owned(),
            path => path.to_owned(),
        };
        Ok(Self { secure, host: authority.host().to_owned(), port, path })
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", if self.secure { "wss" } else { "ws" }, self.host, self.port, self.path)
    }
}

impl HubUrl {
    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as written; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Address of the file server: `/fs/` in place of the path's last component.
    #[must_use]
    pub fn files(&self) -> String {
        format!("{}://{}:{}{}", if self.secure { "https" } else { "http" }, self.host, self.port, self.files_path())
    }

    /// The path of [`Self::files`].
    pub(crate) fn files_path(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        format!("{folder}fs/")
    }

    /// `host:port` for the `Host` header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host without the brackets of IPv6, as resolvers and certificates want it.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }
}

#[cfg(test)]
mod tests;
