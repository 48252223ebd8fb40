//! Acknowledged messages come to everybody who is addressed and stayed; nobody is refused for want of one who is there.

use super::Broken;
use super::event::{Answer, Ask, Place, Target};
use super::streams::{Exchange, Sent, Stream, Streams};

pub(super) fn broken(streams: &Streams<'_>) -> Vec<Broken> {
    let mut found = Vec::new();
    for sender in streams.all.values() {
        for exchange in &sender.answered {
            let Ask::Message { number, .. } = exchange.ask else { continue };
            let Some(sent) = streams.messages.get(number) else { continue };
            match exchange.answer {
                Answer::Okay => found.extend(missing(streams, *number, sent, exchange)),
                Answer::Refused(_) => found.extend(denied(streams, sent, exchange)),
                _ => found.push(Broken::Answers(exchange.at)),
            }
        }
    }
    found
}

/// Those who were addressed and stayed, and were answered something that they asked since without having got it. To oneself it
/// comes before the OK.
fn missing(streams: &Streams<'_>, number: u64, sent: &Sent<'_>, okay: &Exchange<'_>) -> Vec<Broken> {
    let receivers = streams.all.iter().filter_map(|(who, stream)| {
        let by = if *who == sent.by { okay.at } else { stream.stayed(okay.at)?.at };
        let came = stream.received.get(&number).is_some_and(|came| *came < by);
        (!came && must_receive(streams, sent, stream, by)).then_some(Broken::Missing(okay.at, by))
    });
    receivers.collect()
}

/// Whether somebody who was in the hub until `until` is certainly one of those whom the message was for.
fn must_receive(streams: &Streams<'_>, sent: &Sent<'_>, stream: &Stream<'_>, until: Place) -> bool {
    let Some((entered, me)) = stream.entered else { return false };
    let Some((_, sender)) = streams.all.get(&sent.by).and_then(|sender| sender.entered) else { return false };
    match sent.to {
        Target::Name(name) => *name == me.name && entered < sent.at,
        Target::Id(id) | Target::Member(_, id) => *id == me.id,
        Target::Everybody => entered < sent.at,
        // what the owner says does not come back to it
        Target::Service(_) if me.id == sender.id => false,
        Target::Service(service) => {
            let since = |exchange: &Exchange<'_>| holds_since(exchange, service, &me.id, &sender.id);
            let joined = stream.answered.iter().take_while(|exchange| exchange.at < sent.at).filter(|exchange| since(exchange));
            joined.last().is_some_and(|exchange| !stream.gave_up(service, exchange.asked, until))
        }
    }
}

/// Whether by this answer a service is certainly its own, or it subscribes to a service of the sender's.
fn holds_since(exchange: &Exchange<'_>, name: &str, me: &str, sender: &str) -> bool {
    let Answer::Service { successful, service, owner } = exchange.answer else { return false };
    match exchange.ask {
        // one that is there already may go before anybody hears of it
        Ask::Create(_) => *successful && service == name && owner == me,
        Ask::Subscribe(_) => service == name && owner == sender,
        _ => false,
    }
}

/// One who is certainly there, for want of whom the message was refused.
fn denied(streams: &Streams<'_>, sent: &Sent<'_>, refused: &Exchange<'_>) -> Option<Broken> {
    let Answer::Refused(why) = refused.answer else { return None };
    let there = streams.all.values().find_map(|stream| {
        let (entered, me) = stream.entered?;
        let proof = stream.stayed(refused.at)?;
        let meant = match sent.to {
            Target::Name(name) => why == "INVALID_NAME" && *name == me.name,
            Target::Id(id) | Target::Member(_, id) => why == "INVALID_UUID" && *id == me.id,
            Target::Service(_) | Target::Everybody => false,
        };
        (meant && entered < sent.at).then_some(proof.at)
    })?;
    Some(Broken::Denied(refused.at, there))
}

impl Stream<'_> {
    /// Whether it may have lost the service between these two.
    fn gave_up(&self, service: &str, since: Place, until: Place) -> bool {
        let within = |(place, name): &(Place, &str)| *name == service && since < *place && *place < until;
        self.withdrawn.iter().any(within) || self.deleted.iter().any(within)
    }
}
