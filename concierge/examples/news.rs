//! Two clients and a service, in one program (README.md): `cargo run --example news` beside a hub.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use concierge_client::{Client, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or("ws://127.0.0.1:64209".to_owned());
    let ada = Client::connect(Options::new(&url, "ada")?).await?;
    ada.create_service("news", None).await?;

    let bob = Client::connect(Options::new(&url, "bob")?).await?;
    let mut news = bob.subscribe("news").await?;

    ada.broadcast("news", &"hello").await?;
    let message = news.next_message().await.ok_or("the hub is gone")?;
    println!("{}: {}", message.origin.name, message.data);
    Ok(())
}
