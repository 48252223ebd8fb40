//! Plays a plan: the hub, the sites, the network between them, step by step.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use concierge::config::Config;
use concierge::server::{Server, StartError};
use concierge_test_histories::linear::contradictions;
use concierge_test_histories::relay::{What, broken, explain};
use concierge_test_histories::{Leases, trace};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use tokio::time::sleep;
use turmoil::Sim;

use crate::client::Client;
use crate::ground::{Simulated, seed_ids};
use crate::plan::{Fault, HUB, Plan, site};
use crate::recorder::Recorder;
use crate::tally::Tally;

/// Something hangs that lasts longer, in simulated time.
const LASTS_AT_MOST: Duration = Duration::from_secs(90);
/// What the hub may take to let go of connections: a slow client has 30 s to find its close frame, and another 5 s to answer.
const LETS_GO_WITHIN: Duration = Duration::from_secs(40);
/// What a host's socket holds, in segments.
const SEGMENTS: usize = 64;
/// How often the hub's machine counts its connections.
const COUNTS_EVERY: Duration = Duration::from_millis(50);

/// What came of a seed.
#[derive(Debug)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// All that was seen, as text.
    pub trace: String,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// Simulated time.
    pub lasted: Duration,
    /// What happened how often.
    pub tally: Tally,
}

/// Plays one seed to its end, and judges it.
#[must_use]
pub fn play(seed: u64) -> Played {
    let plan = Plan::new(seed);
    seed_ids(seed);
    let recorder = Rc::new(Recorder::default());
    let panics = PANICS.get();
    let mut world = World::new(&plan, &recorder);
    let mut wrong: Vec<String> = world.run(&plan).err().map(|e| format!("the simulation ended: {e}")).into_iter().collect();
    let lasted = world.sim.elapsed();
    drop(world);
    if PANICS.get() > panics {
        wrong.push("something panicked".to_owned());
    }
    let (trace, lives, complaints) = recorder.take();
    wrong.extend(complaints);
    wrong.extend(broken(&trace).iter().map(|broken| explain(broken, &trace)));
    for history in &lives {
        wrong.extend(trace::broken(history).iter().map(ToString::to_string));
        wrong.extend(contradictions(history, Leases::Outlast).iter().map(ToString::to_string));
    }
    Played { seed, trace: trace.to_string(), wrong, lasted, tally: Tally::of(&trace) }
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Counts panics: a session that panics ends alone, and that would be the end of it.
pub fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.set(PANICS.get() + 1);
        before(panic);
    }));
}

struct World {
    sim: Sim<'static>,
    recorder: Rc<Recorder>,
    orders: Rc<Orders>,
}

/// What the world and the hub's machine tell each other.
#[derive(Default)]
struct Orders {
    /// The hub shall drain.
    drain: Notify,
    /// Connections that the hub's machine has.
    open: Cell<usize>,
}

impl World {
    fn new(plan: &Plan, recorder: &Rc<Recorder>) -> Self {
        let ms = Duration::from_millis;
        let mut sim = turmoil::Builder::new()
            .rng_seed(plan.seed)
            .tick_duration(plan.tick)
            .simulation_duration(LASTS_AT_MOST)
            .min_message_latency(ms(plan.latency_ms.0))
            .max_message_latency(ms(plan.latency_ms.1))
            .fail_rate(plan.loss.0)
            .repair_rate(plan.loss.1)
            .tcp_capacity(SEGMENTS)
            .enable_random_order()
            .build();
        let orders = Rc::new(Orders::default());
        let (config, records, told) = (plan.config.clone(), recorder.clone(), orders.clone());
        sim.host(HUB, move || hub(config.clone(), records.clone(), told.clone()));
        let names: Rc<[String]> = (0..plan.clients.len()).map(|n| format!("client{n}")).collect();
        for number in 0..plan.sites {
            let here = plan.clients.iter().enumerate().filter(|(_, site)| **site == number);
            let clients: Vec<Client> = here
                .map(|(number, _)| Client {
                    dice: StdRng::seed_from_u64(plan.seed ^ ((number as u64 + 1) << 32)),
                    number,
                    names: names.clone(),
                    times: plan.times,
                    recorder: recorder.clone(),
                })
                .collect();
            sim.client(site(number), async move {
                futures::future::join_all(clients.into_iter().map(Client::live)).await;
                Ok(())
            });
        }
        Self { sim, recorder: recorder.clone(), orders }
    }

    /// To the end of all clients, and until the hub has let go of all connections.
    fn run(&mut self, plan: &Plan) -> turmoil::Result {
        let mut faults = plan.faults.iter().peekable();
        let mut calm = false;
        while !self.sim.step()? {
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= self.sim.elapsed()) {
                self.happen(*fault, plan);
            }
            if !calm && self.sim.elapsed() >= plan.times.calm {
                calm = true;
                self.sim.set_fail_rate(0.0);
                (0..plan.sites).for_each(|site| self.happen(Fault::Mend(site), plan));
            }
        }
        let end = self.sim.elapsed() + LETS_GO_WITHIN;
        while self.orders.open.get() > 0 {
            if self.sim.elapsed() > end {
                self.recorder.complain(format!("{} connections are left at the hub", self.orders.open.get()));
                return Ok(());
            }
            self.sim.step()?;
        }
        Ok(())
    }

    fn happen(&mut self, fault: Fault, plan: &Plan) {
        self.recorder.note(format!("{fault:?} at {:?}", self.sim.elapsed()));
        let sim = &mut self.sim;
        match fault {
            Fault::Partition(n) => sim.partition(site(n), HUB),
            Fault::Deaf(n) => sim.partition_oneway(HUB, site(n)),
            Fault::Mute(n) => sim.partition_oneway(site(n), HUB),
            Fault::Hold(n) => sim.hold(site(n), HUB),
            Fault::Slow(n, most) => {
                sim.set_link_max_message_latency(site(n), HUB, Duration::from_millis(most.max(plan.latency_ms.1)));
            }
            Fault::Mend(n) => {
                sim.release(site(n), HUB);
                sim.set_link_max_message_latency(site(n), HUB, Duration::from_millis(plan.latency_ms.1));
            }
            // a runtime that is dropped ends its tasks in no order, so what they send in passing must not depend on one: either
            // none of it leaves the machine, or all of it takes equally long
            Fault::PowerCut => {
                (0..plan.sites).for_each(|n| sim.partition(site(n), HUB));
                sim.crash(HUB);
                (0..plan.sites).for_each(|n| sim.repair(site(n), HUB));
            }
            Fault::Kill => {
                let latency = Duration::from_millis(plan.latency_ms.1);
                (0..plan.sites).for_each(|n| sim.set_link_latency(site(n), HUB, latency));
                sim.crash(HUB);
            }
            Fault::Bounce => sim.bounce(HUB),
            Fault::Drain => self.orders.drain.notify_one(),
        }
    }
}

/// The hub's machine: the server, again and again.
async fn hub(config: Config, recorder: Rc<Recorder>, orders: Rc<Orders>) -> turmoil::Result {
    let serving = async {
        loop {
            let server = start(&config).await?;
            recorder.new_life();
            orders.drain.notified().await;
            recorder.add(None, What::Drains);
            server.drain().await;
        }
    };
    let counting = async {
        loop {
            orders.open.set(turmoil::established_tcp_stream_count());
            sleep(COUNTS_EVERY).await;
        }
    };
    tokio::select! {
        biased; // the end of serving is the end
        failed = serving => failed,
        () = counting => Ok(()),
    }
}

/// The port is free when the task that listened has ended.
async fn start(config: &Config) -> Result<Server, StartError> {
    loop {
        match Server::start_on::<Simulated>(config.clone()).await {
            Err(StartError::Listen { source, .. }) if source.kind() == std::io::ErrorKind::AddrInUse => {
                tokio::task::yield_now().await;
            }
            started => return started,
        }
    }
}
