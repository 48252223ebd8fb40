//! Questions and answers, a fixed number of them in flight.

use std::time::{Duration, Instant};

use super::outside;
use super::words::{self, Question, SERVE, Said};
use crate::fault::Fault;
use crate::generator::{Client, Generator, Letters};
use crate::sample::Sample;
use crate::window::Window;

/// How long it may take until somebody answers the first request.
const SERVED_WITHIN: Duration = Duration::from_secs(10);
/// How long the last answers are waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// Two who talk to each other.
pub(super) struct Exchange {
    rim: Option<Rim>,
    asker: Asker,
    /// Whether one of them needs the runtime to get on.
    has_outside: bool,
}

/// Who asks.
pub(super) enum Asker {
    /// The hub's client of that number.
    Client,
    Outside(outside::Asker),
}

/// What became of a question.
#[derive(Debug)]
pub(super) enum Answer {
    Sum { slot: usize, sum: u64 },
    Unavailable,
}

/// Clients of the hub: the one that asks, and the worker.
pub(super) struct Rim {
    generator: Generator,
    letters: Letters,
    text: String,
}

/// Their numbers, where both are there.
const ASKER: usize = 0;
const WORKER: usize = 1;

/// A place among the requests in flight.
#[derive(Clone, Copy)]
struct Slot {
    question: Question,
    asked_at: Instant,
    open: bool,
}

impl Exchange {
    pub(super) fn new(rim: Option<Rim>, asker: Asker, has_outside: bool) -> Self {
        Self { rim, asker, has_outside }
    }

    /// Lets both clients join the hub, where there is one, and waits until somebody answers. The hub's worker `serves`, or is idle.
    pub(super) async fn begin(&mut self, serves: bool) -> Result<(), Fault> {
        if let Some(rim) = &mut self.rim {
            rim.join(serves)?;
        }
        self.until_served().await
    }

    /// Keeps so many requests in flight for the time of the window, and then waits for the rest.
    pub(super) async fn load(mut self, window: Window<'_>, in_flight: usize) -> Result<Sample, Fault> {
        let mut window = window;
        let slot = |slot| Slot { question: Question { slot, number: 0 }, asked_at: Instant::now(), open: true };
        let mut slots: Vec<Slot> = (0..in_flight).map(slot).collect();
        for slot in &slots {
            self.ask(slot.question);
        }
        let mut units = 0;
        while window.goes_on(units)? {
            for answer in self.turn().await? {
                let slot = answered(&mut slots, &answer)?;
                window.note(slot.asked_at.elapsed());
                units += 1;
                let question = Question { number: slot.question.number + 1, ..slot.question };
                *slot = Slot { question, asked_at: Instant::now(), open: true };
                self.ask(question);
            }
        }
        let sample = window.close()?;
        self.drain(slots).await?;
        Ok(sample)
    }

    /// Asks until somebody answers: a subscription may take a moment to be known.
    async fn until_served(&mut self) -> Result<(), Fault> {
        let began = Instant::now();
        let mut slot = [Slot { question: Question { slot: 0, number: 0 }, asked_at: began, open: true }];
        self.ask(slot[0].question);
        while began.elapsed() < SERVED_WITHIN {
            match self.turn().await?.as_slice() {
                [] => {}
                [Answer::Unavailable, ..] => self.ask(slot[0].question),
                [answer, ..] => return answered(&mut slot, answer).map(drop),
            }
        }
        Err(Fault::Unserved { within_s: SERVED_WITHIN.as_secs() })
    }

    async fn drain(&mut self, mut slots: Vec<Slot>) -> Result<(), Fault> {
        let mut last = Instant::now();
        while slots.iter().any(|slot| slot.open) {
            for answer in self.turn().await? {
                answered(&mut slots, &answer)?;
                last = Instant::now();
            }
            if last.elapsed() > ANSWERED_WITHIN {
                let open = slots.iter().filter(|slot| slot.open).count();
                return Err(Fault::Unanswered { open, for_s: ANSWERED_WITHIN.as_secs() });
            }
        }
        Ok(())
    }

    fn ask(&mut self, question: Question) {
        match (&mut self.asker, &mut self.rim) {
            (Asker::Outside(asker), _) => asker.ask(question),
            (Asker::Client, rim) => rim.as_mut().expect("its asker is a client of the hub").queue(ASKER, &question.datagram()),
        }
    }

    /// Sends what was asked, lets everybody get on, and gives the answers that came.
    async fn turn(&mut self) -> Result<Vec<Answer>, Fault> {
        let mut answers = vec![];
        if let Some(rim) = &mut self.rim {
            rim.turn(&mut answers)?;
        }
        if let Asker::Outside(asker) = &mut self.asker {
            asker.take(&mut answers)?;
        }
        if self.has_outside {
            tokio::task::yield_now().await; // which looks at the sockets too, and does not sleep
        }
        Ok(answers)
    }
}

/// Closes the place of an answer that is right.
fn answered<'a>(slots: &'a mut [Slot], answer: &Answer) -> Result<&'a mut Slot, Fault> {
    let Answer::Sum { slot, sum } = *answer else {
        return Err(Fault::Refused { client: "asker".into(), answer: "UNAVAILABLE".into() });
    };
    let due = slots.get(slot).filter(|slot| slot.open).map(|slot| slot.question.sum());
    if due != Some(sum) {
        return Err(Fault::Wrong { slot, sum, due });
    }
    slots[slot].open = false;
    Ok(&mut slots[slot])
}

impl Rim {
    pub(super) fn new(generator: Generator) -> Self {
        Self { generator, letters: Letters::default(), text: String::new() }
    }

    fn join(&mut self, serves: bool) -> Result<(), Fault> {
        let client = |name: &str| Client { subscribes: vec!["router".into()], quiet: true, ..Client::named(name) };
        self.generator.join(["asker", "worker"].into_iter().map(client), 1)?;
        if serves {
            self.queue(WORKER, SERVE);
            self.generator.flush(WORKER)?;
        }
        Ok(())
    }

    fn queue(&mut self, client: usize, datagram: &str) {
        words::packet(&mut self.text, datagram);
        self.generator.queue_text(client, &self.text);
    }

    /// What came in a turn is answered with one write.
    fn turn(&mut self, answers: &mut Vec<Answer>) -> Result<(), Fault> {
        self.generator.flush(ASKER)?;
        self.generator.turn(Duration::ZERO)?;
        let mut letters = std::mem::take(&mut self.letters);
        self.generator.take_letters(&mut letters);
        for (client, packet) in letters.iter() {
            match (client, words::of_packet(packet)) {
                (WORKER, Some(Said::Request(answer))) => self.queue(WORKER, &answer),
                (ASKER, Some(Said::Sum { slot, sum })) => answers.push(Answer::Sum { slot, sum }),
                (ASKER, Some(Said::Unavailable)) => answers.push(Answer::Unavailable),
                _ => return Err(self.generator.refused(client, packet)),
            }
        }
        self.letters = letters;
        self.generator.flush(WORKER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_and_only_where_it_belongs() {
        let slot = |slot| Slot { question: Question { slot, number: 3 }, asked_at: Instant::now(), open: true };
        let mut slots = [slot(0), slot(1)];
        let mut answer = |slot, sum| answered(&mut slots, &Answer::Sum { slot, sum }).map(drop);
        assert!(matches!(answer(1, 3), Err(Fault::Wrong { due: Some(4), .. })), "that of another one");
        answer(1, 4).unwrap();
        assert!(matches!(answer(1, 4), Err(Fault::Wrong { due: None, .. })), "twice");
        assert!(matches!(answer(2, 5), Err(Fault::Wrong { due: None, .. })), "nobody asked");
        assert!(matches!(answered(&mut slots, &Answer::Unavailable), Err(Fault::Refused { .. })));
    }
}
