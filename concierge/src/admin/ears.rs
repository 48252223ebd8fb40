//! What is said to services that somebody watches: a few messages of each, between one look and the next.

use std::collections::HashMap;
use std::sync::Arc;

use concierge_api_rs::admin::{Messages, Overheard, Said};
use concierge_api_rs::{ClientId, MessageIn, ServiceName, TargetRef, limits};
use parking_lot::Mutex;

use super::watchers::Topic;

/// One for each service that is watched.
#[derive(Default)]
pub(super) struct Ears(Mutex<HashMap<ServiceName, Ear>>);

#[derive(Default)]
struct Ear {
    messages: Vec<Overheard>,
    left_out: u64,
}

/// What is told to all who watch something, made once.
pub(super) struct Heard {
    pub(super) text: Arc<str>,
    /// Messages or changes, those that were left out too.
    pub(super) count: u64,
    /// Nothing follows.
    pub(super) last: bool,
}

impl Ears {
    /// Listens to these services from now on, and to no other.
    pub(super) fn keep(&self, services: impl Iterator<Item = ServiceName>) {
        let mut ears = self.0.lock();
        let mut before = std::mem::take(&mut *ears);
        ears.extend(services.map(|service| {
            let ear = before.remove(&service).unwrap_or_default();
            (service, ear)
        }));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// A message was routed.
    pub(super) fn hear(&self, at: u64, from: ClientId, message: &MessageIn<'_>) {
        let (TargetRef::Service(service) | TargetRef::ServiceClientUuid(service, _)) = &message.target else { return };
        let mut ears = self.0.lock();
        let Some(ear) = ears.get_mut(service.as_ref()) else { return };
        if ear.messages.len() >= limits::ADMIN_MESSAGES {
            ear.left_out += 1;
            return;
        }
        let data = message.data;
        ear.messages.push(Overheard {
            at,
            from,
            target: message.target.to_owned(),
            bytes: data.get().len() as u64,
            data: (data.get().len() <= limits::ADMIN_DATA_BYTES).then(|| data.to_owned()),
        });
    }

    /// What was said since the last look, by service.
    pub(super) fn take(&self, heard: &mut HashMap<Topic, Heard>) {
        for (service, ear) in self.0.lock().iter_mut().filter(|(_, ear)| !ear.messages.is_empty() || ear.left_out > 0) {
            let Ear { messages, left_out } = std::mem::take(ear);
            let count = messages.len() as u64 + left_out;
            let text = Said::Messages(Messages { messages, service: service.clone(), left_out }).encode().into();
            heard.insert(Topic::Service(service.clone()), Heard { text, count, last: false });
        }
    }
}
