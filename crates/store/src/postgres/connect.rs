//! Connections: what the URL says, TLS, and what every session is told first.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::schema;
use crate::error::OpenError;

/// How long a connection may take to be made, and how long the database may stay silent on one that is in use.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every session is told. Each of our statements follows an index and is planned once, however full the tables are when it
/// is planned; whoever stops in the middle of a transaction loses its locks; and nobody waits for a lock for ever.
const SESSION: &str = "
SET search_path = concierge;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
SET jit = off;
SET default_transaction_isolation = 'read committed';
SET idle_in_transaction_session_timeout = '10s';
SET lock_timeout = '10s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// A database, and how to reach it.
pub(super) struct Server {
    /// As it may be shown.
    pub(super) place: String,
    config: Config,
    tls: MakeRustlsConnect,
}

/// What comes over a connection by itself.
pub(super) type Line = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

impl Server {
    /// What a URL says. Its words are not repeated in errors: they may be a part of the password.
    pub(super) fn parse(url: &str, place: String) -> Result<Self, OpenError> {
        let mut config: Config = url.parse().map_err(|_| OpenError::PostgresUrl)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("concierge");
        }
        config.tcp_user_timeout(2 * PATIENCE).keepalives_idle(2 * PATIENCE);
        let encrypt = config.get_ssl_mode() == SslMode::Require;
        if !encrypt {
            // to encrypt without knowing who is at the other end would protect from nobody who can get in between
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self { place, config, tls: MakeRustlsConnect::new(tls(encrypt)) })
    }

    /// Up to so many connections.
    pub(super) fn pool(&self, size: usize) -> Pool {
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), fast);
        let prepare = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { prepare(client).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1).post_create(prepare);
        // connecting has its own patience; waiting is for a session that is in use, which has its own too
        pool.wait_timeout(Some(4 * PATIENCE)).build().expect("a runtime is given")
    }

    /// A connection for oneself, and what comes over it, which has to be read for anything to happen.
    pub(super) async fn connect(&self) -> Result<(Client, Line), Error> {
        self.config.connect(self.tls.clone()).await
    }
}

pub(super) async fn prepare(client: &Client) -> Result<(), Error> {
    client.batch_execute(SESSION).await
}

/// Brings the tables up to date, unless they are of a later time.
pub(super) async fn migrate(client: &Client, place: &str) -> Result<(), OpenError> {
    let unusable = |error: Error| OpenError::Unusable(place.to_owned(), error.into());
    let encoding: String = client.query_one("SHOW server_encoding", &[]).await.map_err(unusable)?.get(0);
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { place: place.to_owned(), encoding });
    }
    let (found, known) = (schema::migrate(client).await.map_err(unusable)?, schema::newest());
    if found > known {
        return Err(OpenError::NewerSchema { place: place.to_owned(), found, known });
    }
    Ok(())
}

/// Trusts whom the system trusts.
fn tls(encrypt: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if encrypt {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3");
    config.with_root_certificates(roots).with_no_client_auth()
}
