//! What to try next when there is no connection to a hub: what the error itself betrays.

use std::io;

use concierge_client::ConnectError;
use tokio_rustls::rustls::{self, CertificateError, InvalidMessage};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;

pub(super) const NO_HUB: &str = "Start a hub with `concierge serve`, or name another with --server or CONCIERGE_URL.";
/// A TLS server answers a request in plain text with an alert, which is no HTTP.
pub(super) const NO_HTTP: &str = "That is no HTTP. If the hub has TLS, name it with wss://.";
/// To 403, which says that by itself, but not where.
const OTHER_HOST: &str = "Name the hub by its address, or add the name that you use to `allowed_hosts` in the hub's configuration \
                          (CONCIERGE_ALLOWED_HOSTS): it listens on a loopback address, where any page could use a name of its own.";
const NO_TLS: &str = "The hub has no TLS: name it with ws:// in place of wss://.";
const UNTRUSTED: &str = "Name the hub's certificate authority with --ca.";
const OTHER_NAME: &str = "Use a name that is in the certificate, or add this one to its subjectAltName.";
const EXPIRED: &str = "Renew the hub's certificate; SIGHUP makes the hub read it again.";
const AUTHORITY_AS_SERVER: &str = "The hub shows the certificate of an authority (CA:TRUE, what `openssl req -x509` makes \
                                   by itself) as its own. Make one with -addext basicConstraints=critical,CA:FALSE \
                                   (docs/configuration.md, TLS) and trust that with --ca.";

/// What to try next, if anything is known.
pub(super) fn on_connect(error: &ConnectError) -> Option<&'static str> {
    match error {
        ConnectError::Unreachable { .. } => Some(NO_HUB),
        ConnectError::Tls { source, .. } => on_tls(source),
        ConnectError::WebSocket(error) if is_no_http(error) => Some(NO_HTTP),
        ConnectError::Http { status: 403, sentence } if sentence.contains("allowed_hosts") => Some(OTHER_HOST),
        _ => error.close_code().map(concierge_client::CloseCode::remedy),
    }
}

fn is_no_http(error: &tungstenite::Error) -> bool {
    matches!(error, tungstenite::Error::Protocol(ProtocolError::HttparseError(_)))
}

fn on_tls(error: &io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(NO_TLS),
        rustls::Error::InvalidCertificate(wrong) => on_certificate(wrong),
        _ => None,
    }
}

fn on_certificate(wrong: &CertificateError) -> Option<&'static str> {
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Some(EXPIRED),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(OTHER_NAME),
        // rustls has no variant for it, and hands on what its verifier says
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Some(AUTHORITY_AS_SERVER),
        _ => Some(UNTRUSTED),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use concierge_client::{HubUrl, Tls};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    /// A certificate for that name, one of an authority or not; and a server's configuration with it.
    fn certified(name: &str, authority: bool) -> (String, Arc<ServerConfig>) {
        let mut wanted = CertificateParams::new([name.to_owned()]).unwrap();
        if authority {
            wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = wanted.self_signed(&key).unwrap();
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        (certificate.pem(), Arc::new(config.with_single_cert(vec![certificate.der().clone()], der).unwrap()))
    }

    async fn advice_on(server: Arc<ServerConfig>, trust: Tls) -> Option<&'static str> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: HubUrl = format!("wss://{}", listener.local_addr().unwrap()).parse().unwrap();
        let accept = async {
            let (socket, _) = listener.accept().await.unwrap();
            assert!(TlsAcceptor::from(server).accept(socket).await.is_err(), "the client refuses it");
        };
        let (dialled, ()) = tokio::join!(concierge_client::dial(&url, &trust), accept);
        on_connect(&dialled.err().unwrap())
    }

    #[tokio::test]
    async fn every_untrusted_certificate_gets_its_own_advice() {
        let (_, server) = certified("127.0.0.1", false);
        let trusting = |pem: &str| Tls::default().with_authority(pem.as_bytes()).unwrap();
        let (unknown, _) = certified("127.0.0.1", true);
        assert_eq!(advice_on(server, trusting(&unknown)).await, Some(UNTRUSTED));
        let (pem, server) = certified("127.0.0.1", true);
        assert_eq!(advice_on(server, trusting(&pem)).await, Some(AUTHORITY_AS_SERVER));
        let (pem, server) = certified("hub.example.org", false);
        assert_eq!(advice_on(server, trusting(&pem)).await, Some(OTHER_NAME));
    }

    #[tokio::test]
    async fn the_wrong_scheme_is_told_either_way() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = async |bytes: &[u8]| {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(bytes).await.unwrap();
            socket
        };
        let plain: HubUrl = format!("wss://{address}").parse().unwrap();
        let trust = Tls::default().danger_accept_invalid();
        let (dialled, _socket) =
            tokio::join!(concierge_client::dial(&plain, &trust), answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        assert_eq!(on_connect(&dialled.err().unwrap()), Some(NO_TLS));
        let options = concierge_client::Options::new(&format!("ws://{address}"), "ada").unwrap();
        let alert = b"\x15\x03\x03\x00\x02\x02\x32";
        let (connected, _socket) = tokio::join!(concierge_client::Client::connect(options.reconnect(None)), answer(alert));
        assert_eq!(on_connect(&connected.err().unwrap()), Some(NO_HTTP));
    }
}
