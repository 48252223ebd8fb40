//! Clients that do all kinds of things, at random and at once, until their hub dies or enough is done: each has asked so much,
//! and some holder has fulfilled its task.

use std::collections::HashMap;
use std::sync::Arc;

use concierge_test_histories::{Answer, Nanos, Op, Phase};
use concierge_tests::Hub;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::asker::{Asker, Over};
use crate::envelope::Wish;
use crate::face::Face;
use crate::recorder::Recorder;

/// What is done, by how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    /// Half of them over HTTP, half over the hub.
    pub(crate) clients: u64,
    /// Promises with a target; half as many have none.
    pub(crate) tasks: u64,
    /// Leases.
    pub(crate) ttl: Nanos,
    /// What each client asks at least, if nothing ends it before.
    pub(crate) requests: u64,
}

/// One of them.
struct Someone {
    asker: Asker,
    dice: StdRng,
    load: Load,
    /// The beginning of all ids.
    prefix: String,
    versions: HashMap<String, u64>,
    held: Vec<(String, u64)>,
}

impl Load {
    /// Lets them begin. All are connected.
    pub(crate) async fn start(self, hub: &Hub, prefix: &str, recorder: &Arc<Recorder>) -> JoinSet<()> {
        let mut all = JoinSet::new();
        for n in 0..self.clients {
            let name = format!("{prefix}_c{n}");
            let face = if n % 2 == 0 { Face::http(hub).await } else { Face::hub(hub, &name).await };
            let mut someone = Someone {
                asker: Asker::new(&name, face, recorder),
                dice: StdRng::seed_from_u64(self.seed.wrapping_mul(1_000).wrapping_add(n)),
                load: self,
                prefix: prefix.to_owned(),
                versions: HashMap::new(),
                held: Vec::new(),
            };
            all.spawn(async move {
                while !someone.has_enough() {
                    if someone.step().await.is_err() {
                        return;
                    }
                }
            });
        }
        all
    }
}

impl Someone {
    /// Of a round without a holder that came to its end the judge would learn less than it should.
    fn has_enough(&self) -> bool {
        self.asker.asked() >= self.load.requests && self.asker.recorder().saw_a_task_fulfilled()
    }

    async fn step(&mut self) -> Result<(), Over> {
        if !self.held.is_empty() && self.dice.random_bool(0.5) {
            return self.act().await;
        }
        let (task, plain) = (self.task(), self.plain());
        match self.dice.random_range(0..100) {
            0..30 => {
                let target = self.dice.random_bool(0.7);
                let param = self.asker.word();
                let id = if target { &task } else { &plain };
                self.ask(Wish::new(id, Op::Create { param, target })).await
            }
            30..42 => {
                let value = self.asker.word();
                let id = if self.dice.random_bool(0.1) && !self.is_left_to_its_holder(&task) { task } else { plain };
                self.ask(Wish::new(&id, Op::Settle { value })).await
            }
            42..52 => {
                let id = if self.dice.random_bool(0.5) { task } else { plain };
                self.ask(Wish::new(&id, Op::Get)).await
            }
            52..70 => self.ask(Wish::new(&task, Op::Look)).await,
            _ => {
                let version = self.versions.get(&task).copied().unwrap_or_default();
                let op = Op::Acquire { version, by: self.asker.name.clone(), ttl: self.load.ttl };
                self.ask(Wish::new(&task, op)).await
            }
        }
    }

    /// What only a holder does; some of them hold no longer.
    async fn act(&mut self) -> Result<(), Over> {
        let (id, mut version) = self.held[self.dice.random_range(0..self.held.len())].clone();
        // somebody may have held it before, and not know that it does no longer
        let is_late = self.dice.random_bool(0.1);
        version -= u64::from(is_late);
        let word = self.asker.word();
        let (op, other) = match self.dice.random_range(0..100) {
            0..30 => (Op::Heartbeat { version }, String::new()),
            30..55 => (Op::Fence { version }, format!("{}.made.{word}", self.prefix)),
            55..70 => (Op::Suspend { version }, self.plain()),
            70..80 => (Op::Release { version }, String::new()),
            _ => (Op::Fulfill { version, value: word }, String::new()),
        };
        let wish = Wish::new(&id, op).about(other);
        if is_late {
            return self.asker.ask(&wish).await.map(|_| ());
        }
        self.ask(wish).await
    }

    async fn ask(&mut self, wish: Wish) -> Result<(), Over> {
        let answer = self.asker.ask(&wish).await?;
        let Wish { id, op, .. } = wish;
        let ended = matches!(op, Op::Release { .. } | Op::Suspend { .. } | Op::Fulfill { .. });
        match answer {
            Some(Answer::Task { phase, version }) => {
                self.versions.insert(id.clone(), version);
                if matches!(op, Op::Acquire { .. }) && phase == Phase::Acquired {
                    self.held.push((id, version));
                }
            }
            Some(Answer::GoOn) => {}
            Some(Answer::Refused(_)) if op.held().is_none() => {}
            // lost, or given back
            Some(Answer::Refused(409)) => self.held.retain(|(held, _)| *held != id),
            // of what can't be awaited, for example: it holds it still, and nobody else could end it
            Some(Answer::Refused(_)) => {}
            _ if ended => self.held.retain(|(held, _)| *held != id),
            _ => {}
        }
        Ok(())
    }

    /// Whoever settles the promise takes the task from its holder. With few tasks that may come first for all of them; one is
    /// spared, and can end by its holder only.
    fn is_left_to_its_holder(&self, task: &str) -> bool {
        task == format!("{}.t0", self.prefix)
    }

    fn task(&mut self) -> String {
        format!("{}.t{}", self.prefix, self.dice.random_range(0..self.load.tasks))
    }

    fn plain(&mut self) -> String {
        format!("{}.p{}", self.prefix, self.dice.random_range(0..self.load.tasks.div_ceil(2)))
    }
}
