//! A client that writes down what it asks and hears.

use std::sync::Arc;

use concierge_test_histories::{Answer, Event, Op, Reply};
use serde_json::Value;

use crate::envelope::{Wish, promise};
use crate::face::Face;
use crate::recorder::Recorder;

pub(crate) struct Asker {
    pub(crate) name: String,
    face: Face,
    recorder: Arc<Recorder>,
    asked: u64,
}

/// The connection is gone.
#[derive(Debug)]
pub(crate) struct Over;

impl Asker {
    pub(crate) fn new(name: &str, face: Face, recorder: &Arc<Recorder>) -> Self {
        Self { name: name.to_owned(), face, recorder: Arc::clone(recorder), asked: 0 }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// How many requests so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked
    }

    /// A text that nobody has used before.
    pub(crate) fn word(&self) -> String {
        format!("{}.{}", self.name, self.asked)
    }

    /// Asks, and waits for the answer; none when the fate of the request is unknown.
    pub(crate) async fn ask(&mut self, wish: &Wish) -> Result<Option<Answer>, Over> {
        let corr_id = self.word();
        self.asked += 1;
        let envelope = wish.envelope(&corr_id, &self.name);
        let called = self.recorder.now();
        let heard = self.face.ask(&envelope).await.ok();
        let at = self.recorder.now();
        let answer = heard.as_ref().and_then(|heard| wish.answer(heard));
        let event = |id: &str, op: Op, answer: Option<Answer>| {
            let reply = answer.map(|answer| Reply { at, answer });
            self.recorder.event(Event { client: self.name.clone(), id: id.to_owned(), op, called, reply });
        };
        if matches!(wish.op, Op::Fence { .. }) && !matches!(answer, Some(Answer::Refused(_))) {
            let made = heard.as_ref().filter(|_| answer.is_some()).map(fenced);
            event(&wish.other, Op::Create { param: corr_id, target: false }, made);
        }
        event(&wish.id, wish.op.clone(), answer.clone());
        heard.map(|_| answer).ok_or(Over)
    }
}

/// What the request inside was answered.
fn fenced(heard: &Value) -> Answer {
    let inner = &heard["data"]["action"];
    assert_eq!(inner["head"]["status"], 200, "{heard}");
    promise(&inner["data"]["promise"])
}
