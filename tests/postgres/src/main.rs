//! A PostgreSQL server for the while: prints the URL of an empty database and goes on until it is ended.

use std::io::{Write, stdout};

use concierge_test_postgres::Postgres;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let postgres = Postgres::start().await;
    writeln!(stdout(), "{}", postgres.database().await)?;
    tokio::signal::ctrl_c().await
}
