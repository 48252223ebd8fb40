//! A TCP connection to the hub, encrypted where its address says so. WebSocket and files both start here.

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::either::Either;

use crate::error::ConnectError;
use crate::tls::Tls;
use crate::url::HubUrl;

/// A connection to a hub, plain or encrypted.
pub type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A bare connection to the hub at `url`, for HTTP beside the WebSocket. Tries every address of the host.
/// Not bounded in time: the caller is.
///
/// # Errors
/// [`ConnectError::Unreachable`], or why there is no TLS.
pub async fn dial(url: &HubUrl, tls: &Tls) -> Result<Transport, ConnectError> {
    let tcp = TcpStream::connect((url.bare_host(), url.port()))
        .await
        .map_err(|source| ConnectError::Unreachable { hub: url.authority(), source })?;
    tcp.set_nodelay(true).map_err(|source| ConnectError::Unreachable { hub: url.authority(), source })?;
    if !url.is_secure() {
        return Ok(Either::Left(tcp));
    }
    let name = ServerName::try_from(url.bare_host().to_owned()).map_err(|_| ConnectError::TlsName(url.host().to_owned()))?;
    let connector = TlsConnector::from(tls.config()?);
    let encrypted = connector.connect(name, tcp).await.map_err(|source| ConnectError::Tls { hub: url.authority(), source })?;
    Ok(Either::Right(Box::new(encrypted)))
}
