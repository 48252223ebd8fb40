//! Which pages may connect (PROTOCOL.md, "Origin"): a browser names the page's origin, and pages of strangers are
//! refused before the upgrade. Programs that are no browser send none.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Whether the request's origin is absent, the hub's own, or one of `allowed`.
pub(crate) fn may_connect(headers: &HeaderMap, tls: bool, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (None, Ok(origin)) = (origins.next(), origin.to_str()) else { return false };
    allowed.iter().any(|a| a.trim_end_matches('/') == origin) || own(headers, tls).is_some_and(|own| own == origin)
}

/// The origin of pages served under this request's `Host`.
fn own(headers: &HeaderMap, tls: bool) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?.to_ascii_lowercase();
    let (scheme, default_port) = if tls { ("https", ":443") } else { ("http", ":80") };
    // a browser leaves the default port out of both, others may write it into `Host`
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origins: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        for origin in origins {
            headers.append(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    /// Security: 1.
    #[test]
    fn no_origin_the_own_origin_and_the_listed_ones_may_connect() {
        let allowed = ["https://good.example".to_owned(), "http://good.example:8080/".to_owned()];
        for (host, tls, origins) in [
            ("hub.example:64209", false, &[][..]),
            ("hub.example:64209", false, &["http://hub.example:64209"]),
            ("HUB.example", false, &["http://hub.example"]),
            ("hub.example:80", false, &["http://hub.example"]),
            ("hub.example", true, &["https://hub.example"]),
            ("[::1]:64209", false, &["http://[::1]:64209"]),
            ("hub.example", false, &["https://good.example"]),
            ("hub.example", false, &["http://good.example:8080"]),
        ] {
            assert!(may_connect(&headers(host, origins), tls, &allowed), "{host} {origins:?}");
        }
    }

    /// Security: 1.
    #[test]
    fn every_other_origin_is_refused() {
        let allowed = ["https://good.example".to_owned()];
        for origins in [
            &["http://evil.example"][..],
            &["null"],
            &[""],
            &["https://hub.example:64209"],
            &["http://hub.example"],
            &["http://hub.example:64210"],
            &["http://HUB.EXAMPLE:64209"],
            &["http://hub.example.:64209"],
            &["https://good.example.evil.example"],
            &["https://evilgood.example"],
            &["http://good.example"],
            &["http://hub.example:64209", "http://hub.example:64209"],
        ] {
            assert!(!may_connect(&headers("hub.example:64209", origins), false, &allowed), "{origins:?}");
        }
    }
}
