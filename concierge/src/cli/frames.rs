//! `concierge clients frames`: what comes from a client and goes to it.

use clap::Args;
use concierge_client::Client;
use concierge_client::admin::{Admin, Direction, Frames, News, Op, Opcode, SeenFrame};
use concierge_client::coordinator::Millis;
use futures::StreamExt as _;

use super::admin_args::{AdminArgs, failed};
use super::clients::find;
use super::connected::{self, Stop};
use super::exit::Failure;
use super::output::Output;
use super::span::{now, shown};

#[derive(Debug, Args)]
pub(crate) struct FramesArgs {
    #[command(flatten)]
    admin: AdminArgs,

    /// The client's name or uuid
    #[arg(value_name = "NAME|UUID")]
    who: String,

    /// End after that many frames
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl FramesArgs {
    /// # Errors
    /// Not an administrator, no such client, or the connection ended.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let (client, mut admin) = self.admin.once().await?;
        let outcome = self.watch(&client, &mut admin, &mut stop, output).await;
        client.close().await;
        outcome
    }

    async fn watch(&self, client: &Client, admin: &mut Admin, stop: &mut Stop, output: &mut Output) -> Result<(), Failure> {
        let uuid = find(client, &self.who).await?.client.uuid;
        admin.watch(Op::FramesWatch { uuid }).await.map_err(failed)?;
        let mut status = client.status_changes();
        status.next().await; // it is connected
        let mut left = self.count.unwrap_or(u64::MAX);
        loop {
            let news = tokio::select! {
                biased; // to stop comes first; news before the connection's end, which it precedes
                () = stop.asked() => return if self.count.is_some() { Err(Stop::failure()) } else { Ok(()) },
                news = admin.next() => news.map_err(failed)?,
                now = status.next() => {
                    connected::tell(now, output)?;
                    continue;
                }
            };
            let News::Frames(Frames { frames, left_out, gone, .. }) = news else { continue };
            for frame in &frames {
                output.result(frame, line)?;
                left -= 1;
                if left == 0 {
                    return Ok(());
                }
            }
            if left_out > 0 {
                output.note(&format!("{left_out} more frames were too many to show"));
            }
            if gone {
                output.note(&format!("{} is gone", self.who));
                return Ok(());
            }
        }
    }
}

fn line(frame: &SeenFrame) -> String {
    let way = match frame.direction {
        Direction::In => "→ hub",
        Direction::Out => "← hub",
    };
    let kind = match frame.opcode {
        Opcode::Text => String::new(),
        Opcode::Binary => format!("binary of {} bytes", frame.bytes),
        Opcode::Ping => "ping".to_owned(),
        Opcode::Pong => "pong".to_owned(),
        Opcode::Close => frame.code.map_or_else(|| "close".to_owned(), |code| format!("close {code} ")),
    };
    let text = match (&frame.text, frame.opcode) {
        (Some(text), _) if frame.cut => format!("{text}… ({} bytes)", frame.bytes),
        (Some(text), _) => text.clone(),
        (None, Opcode::Text) => format!("text of {} bytes, not shown", frame.bytes),
        (None, _) => String::new(),
    };
    let at = Millis(i64::try_from(frame.at).unwrap_or(i64::MAX));
    format!("{}  {way}  {kind}{text}", shown(at, now()))
}
