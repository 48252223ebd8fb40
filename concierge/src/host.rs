//! By which names a hub may be asked (PROTOCOL.md, "Host"). A page can have its own name point at 127.0.0.1 (DNS rebinding): to a
//! browser, the hub of the machine is that page's own server then, and `Host` is all that tells.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::uri::Authority;

/// The names of a listener.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// It is reached from elsewhere, by whatever name.
    Any,
    /// It is on a loopback address: an address, `localhost`, or one of these.
    Local(Arc<[String]>),
}

impl Names {
    pub(crate) fn of(listen: SocketAddr, allowed: &[String]) -> Self {
        if listen.ip().to_canonical().is_loopback() { Self::Local(allowed.into()) } else { Self::Any }
    }

    /// Those that every machine has for itself.
    pub(crate) fn own() -> Self {
        Self::Local(Arc::default())
    }

    /// Whether a request with this `Host` is answered.
    pub(crate) fn include(&self, host: &[u8]) -> bool {
        let Self::Local(allowed) = self else { return true };
        let Ok(authority) = Authority::try_from(host) else { return false };
        let name = authority.host();
        is_address(name) || is_localhost(name) || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

fn is_address(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    inner.map_or_else(|| name.parse::<Ipv4Addr>().is_ok(), |name| matches!(name.parse(), Ok(IpAddr::V6(_))))
}

/// Browsers resolve `localhost` and what is below it by themselves: nobody can point it elsewhere.
fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(host: &str) -> bool {
        let names = Names::of(([127, 0, 0, 1], 64209).into(), &["hub.example".to_owned()]);
        names.include(host.as_bytes())
    }

    /// Security: 7.
    #[test]
    fn a_local_hub_is_asked_by_an_address_by_localhost_or_by_a_name_that_is_allowed() {
        for host in [
            "127.0.0.1:64209",
            "127.0.0.1",
            "192.0.2.7:1",
            "[::1]:64209",
            "[::1]",
            "localhost:64209",
            "LocalHost",
            "app.localhost",
            "hub.example",
            "HUB.example:64209",
        ] {
            assert!(local(host), "{host}");
        }
        for host in [
            "",
            "evil.example:64209",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "localhost.",
            "hub.example.evil.example",
            "evilhub.example",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1x",
            "2130706433",
            "0x7f.1",
            "[evil.example]",
            "::1",
            "127.0.0.1, evil.example",
            "evil.example/127.0.0.1",
            "\u{e9}vil.example",
        ] {
            assert!(!local(host), "{host}");
        }
    }

    #[test]
    fn a_hub_on_any_loopback_address_is_a_local_one_and_others_are_asked_by_any_name() {
        for listen in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!Names::of(listen.parse().unwrap(), &[]).include(b"evil.example"), "{listen}");
        }
        for listen in ["0.0.0.0:1", "[::]:1", "192.0.2.7:1"] {
            assert!(Names::of(listen.parse().unwrap(), &[]).include(b"hub.example"), "{listen}");
        }
    }
}
