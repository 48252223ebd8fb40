//! A PostgreSQL server that is reached by TLS only.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use concierge_coordinator::Rules;
use concierge_store::{Clock, OpenError, Store};
use concierge_test_postgres::{Postgres, Setup};
use tokio_postgres::NoTls;

use crate::home::{ask, create, get, promise};

const NAME: &str = "tls::a_server_is_believed_when_the_system_vouches_for_its_certificate_and_not_otherwise";
const URL: &str = "STORE_TLS_URL";

async fn open(url: &str) -> Result<Store, OpenError> {
    Store::open(&url.parse().unwrap(), Rules::default(), Clock::system()).await
}

#[tokio::test]
async fn a_server_is_believed_when_the_system_vouches_for_its_certificate_and_not_otherwise() {
    if let Ok(url) = std::env::var(URL) {
        return keep_something(&url).await;
    }
    let server = Setup::default().without_fsync().on_tcp().start().await;
    let url = server.database().await;
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    give(&server, "server.key", &certificate.signing_key.serialize_pem());
    give(&server, "server.crt", &certificate.cert.pem());
    give(&server, "pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let turn_on = async move {
        client.batch_execute("ALTER SYSTEM SET ssl = on").await?;
        client.batch_execute("SELECT pg_reload_conf()").await
    };
    tokio::join!(turn_on, connection).0.unwrap();

    let url = format!("{url}?sslmode=require");
    // the server has read its files again when it refuses whoever comes without TLS
    let unencrypted = url.replace("require", "disable");
    while open(&unencrypted).await.is_ok() {}
    let error = open(&url).await.err().expect("nobody knows this certificate");
    assert!(matches!(&error, OpenError::Unusable(..)) && format!("{error:?}").contains("UnknownIssuer"), "{error:?}");

    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", NAME]).env(URL, &url).env("SSL_CERT_FILE", server.folder().join("data/server.crt"));
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// In another process, because what the system vouches for is a variable of its environment.
async fn keep_something(url: &str) {
    let store = open(url).await.unwrap();
    let kept = promise(ask(&store, create("a", "any@work")).await);
    assert_eq!(promise(ask(&store, get("a")).await), kept);
}

/// A file that the server owns.
fn give(server: &Postgres, name: &str, text: &str) {
    let data = server.folder().join("data");
    let (owner, path) = (fs::metadata(&data).unwrap(), data.join(name));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}
