//! News of turns of the registry on its way to audiences. What follows each other to the same audience is queued as one piece:
//! of sixty-four who leave together, each of ten thousand who remain is told with one push.

use std::sync::Arc;

use concierge_api_rs::{ClientId, PayloadOut};
use concierge_hub::{Audience, Registry};

use crate::frame::{self, Frame};
use crate::peer::{Peer, Queued};

/// From this many clients on, news waits for them as one shared piece: a burst of joins must not fill an outbox each.
const SHARED_FROM_CLIENTS: usize = 256;
/// A piece of news ends at about this size.
const PIECE: usize = 16 * 1024;

/// News that is not queued yet. The registry's turn goes on until it is ([`Bulletin::queue`]).
#[derive(Default)]
pub(crate) struct Bulletin {
    to: Option<(Audience, ClientId)>,
    frames: Vec<u8>,
    copies: usize,
    ripe: Vec<Arc<Peer>>,
}

impl Bulletin {
    /// Adds news of a turn of `whose`, and queues what stands here for others. Audiences are those of now.
    pub(crate) fn add(&mut self, registry: &Registry<Arc<Peer>>, to: Audience, whose: ClientId, news: &PayloadOut) {
        let same = self.to.is_some_and(|(last, of)| last == to && (of == whose || !matches!(to, Audience::Others(_))));
        if !same || self.frames.len() >= PIECE {
            self.queue(registry);
        }
        if registry.is_heard(to) {
            // what a crowd without intents brings about is not even encoded
            self.to = Some((to, whose));
            let text = news.encode(None);
            frame::text(&mut self.frames, |to| to.extend_from_slice(text.as_bytes()));
        }
    }

    /// Queues what stands here.
    pub(crate) fn queue(&mut self, registry: &Registry<Arc<Peer>>) {
        let Some((to, whose)) = self.to.take() else { return };
        let frame = Frame::new(&self.frames);
        let frame = if registry.len() >= SHARED_FROM_CLIENTS { frame.shared() } else { frame };
        registry.members(to, whose, |peer| {
            self.copies += 1;
            if peer.queue(&frame) == Queued::Ripe {
                self.ripe.push(peer.clone());
            }
        });
        self.frames.clear();
    }

    /// Pieces that were queued.
    pub(crate) fn copies(&self) -> usize {
        self.copies
    }

    /// For whom so much waits that it should be written as soon as the registry's turn is over.
    pub(crate) fn ripe(self) -> Vec<Arc<Peer>> {
        self.ripe
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use concierge_api_rs::{ClientInfo, ClientLeft, ClientName, FileKey, Intent, Intents};
    use concierge_hub::Bounds;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn much_news_to_the_same_audience_is_queued_in_pieces_of_16_kib() {
        let id = ClientId(Uuid::from_u128(1));
        let info = ClientInfo { name: ClientName::parse("ada").unwrap(), nickname: None, uuid: id, tags: Vec::new() };
        let ada = Peer::new(id, Ipv4Addr::LOCALHOST.into(), Arc::default(), None, 1 << 20);
        let mut registry = Registry::new(Bounds::default());
        registry.join(info.clone(), FileKey(Uuid::from_u128(2)), Intents::ALL, ada.clone()).unwrap();
        let (news, mut bulletin) = (ClientLeft { client: info }.into(), Bulletin::default());
        for _ in 0..1_000 {
            bulletin.add(&registry, Audience::Everyone(Intent::Clients), id, &news);
        }
        bulletin.queue(&registry);
        let (waiting, pieces) = (ada.look().waiting, bulletin.copies());
        assert!(
            (waiting / (17 * 1024)..=waiting / (16 * 1024) + 1).contains(&pieces) && pieces > 4,
            "{pieces} of {waiting} bytes"
        );
    }
}
