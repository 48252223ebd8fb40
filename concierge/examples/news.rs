//! Two clients and a service, in one program (README.md): `cargo run --example news` beside a hub.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use concierge_client::{Client, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = std::env::args().nth(1).unwrap_or("localhost".to_owned());
    let ada = Client::connect(Options::new(&hub, "ada")?).await?;
    ada.create_service("news", None).await?;
    let bob = Client::connect(Options::new(&hub, "bob")?).await?;
    let mut news = bob.subscribe("news").await?;
    ada.broadcast("news", &"hello").await?;
    let message = news.next_message().await.ok_or("the hub is gone")?;
    println!("{}: {}", message.origin.name, message.data);
    Ok(())
}
