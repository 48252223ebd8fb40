//! Real clients on a bad network, whose hub is killed and started again: each is back, with its service and its subscription,
//! they do not come all at once, and nothing of it is left.
//!
//! The seed says what the network does to the n-th connection, when the hub dies and how long it is away. Which connection is the
//! n-th one is up to the machine.

use std::time::Duration;

use concierge_client::{Client, Options, Reconnect};
use concierge_tests::{Hub, Setup, measured, until};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, interval, timeout};

use crate::proxy::Proxy;
use crate::survivor::{Survivor, by_pieces};
use crate::{from_environment, nothing_is_left};

const SERVICE: &str = "weather";
/// The owner speaks this often.
const SPEAKS_EVERY: Duration = Duration::from_millis(50);
/// One client in so many has a file in the hub.
const WITH_FILE: usize = 16;
/// From so many clients on, chance does not put a quarter of them into one second.
const MANY: usize = 400;

/// The hub notices quickly who is gone, or the storm would be over before.
const SETTINGS: &[&str] = &["log.level=info", "heartbeat.every_ms=2000", "heartbeat.grace_ms=1000"];

/// How large the storm is.
struct Scale {
    clients: usize,
    time: Duration,
    /// How long a connection is well.
    well: Duration,
    reconnect: Reconnect,
    seed: u64,
}

impl Scale {
    /// A long storm is one with the client's own patience; in a short one all waits are shorter.
    fn of_environment() -> Self {
        let time = Duration::from_secs(from_environment("CONCIERGE_TEST_CHAOS_SECONDS", 8));
        let clients = usize::try_from(from_environment("CONCIERGE_TEST_CHAOS_CLIENTS", 60)).unwrap();
        let seed = from_environment("CONCIERGE_TEST_SEED", rand::rng().random());
        let (base, spread, cap) = (Duration::from_millis(100), Duration::from_secs(2), Duration::from_secs(4));
        let (well, reconnect) = match time.as_secs() {
            60.. => (Duration::from_secs(60), Reconnect::default()),
            _ => (Duration::from_secs(15), Reconnect { base, spread, cap, ..Reconnect::default() }),
        };
        eprintln!(
            "CONCIERGE_TEST_SEED={seed} CONCIERGE_TEST_CHAOS_CLIENTS={clients} CONCIERGE_TEST_CHAOS_SECONDS={}",
            time.as_secs()
        );
        Self { clients, time, well, reconnect, seed }
    }
}

/// The hub, who speaks, and who listens.
struct Storm {
    hub: Hub,
    proxy: Proxy,
    owner: Client,
    survivors: Vec<Survivor>,
    /// How often the hub was started.
    life: u64,
    said: u64,
}

impl Storm {
    async fn gather(scale: &Scale, hub: Hub) -> Self {
        let proxy = Proxy::start(hub.address, scale.seed, scale.well).await;
        let eager = Reconnect { base: Duration::from_millis(20), cap: Duration::from_millis(50), ..Reconnect::default() };
        let owner = Client::connect(hub.options("owner").reconnect(eager)).await.unwrap();
        owner.create_service(SERVICE, None).await.unwrap();
        proxy.calm(true);
        let mut survivors = Vec::new();
        for n in 0..scale.clients {
            let url = format!("ws://{}/ws", proxy.address);
            let name = format!("survivor_{n}");
            let options = Options::new(&url, &name).unwrap().reconnect(scale.reconnect.clone());
            let options = options.silence(Duration::from_secs(8));
            let survivor = Survivor::enter(&name, options, SERVICE).await;
            if n.is_multiple_of(WITH_FILE) {
                let key = survivor.client.hello().fs_key.unwrap().to_string();
                let put = hub.http("PUT", &format!("/fs/{name}/note.txt"), &[("x-fs-key", &key)], b"I am here").await;
                assert_eq!(put.status, 201, "{}", put.text());
            }
            survivors.push(survivor);
        }
        proxy.calm(false);
        Self { hub, proxy, owner, survivors, life: 1, said: 0 }
    }

    /// The owner speaks until `is_over`, or for so long.
    async fn speak(&mut self, time: Duration, is_over: impl Fn(&Self) -> bool) {
        let end = Instant::now() + time;
        let mut ticks = interval(SPEAKS_EVERY);
        while Instant::now() < end && !is_over(self) {
            ticks.tick().await;
            self.said += 1;
            // a hub that is away hears nothing of it
            let _ = self.owner.broadcast(SERVICE, &(self.life, self.said)).await;
        }
    }

    /// Kills the hub and starts it again after a while; everybody is back when this is done. What is worth knowing of it.
    async fn strike(&mut self, away: Duration, scale: &Scale) -> String {
        let killed = Instant::now();
        self.hub.kill().await;
        let _nothing_happens = timeout(away, std::future::pending::<()>()).await;
        // who is cut again before it has come back is no measure of how hubs are come back to
        self.proxy.calm(true);
        self.hub.restart().await;
        let up = Instant::now();
        self.life += 1;
        self.speak(scale.reconnect.cap * 2, |storm| storm.survivors.iter().all(|one| one.last.borrow().0 == storm.life)).await;
        let all = up.elapsed();
        let missing: Vec<_> = self.survivors.iter().filter(|one| one.last.borrow().0 < self.life).collect();
        let example = missing.first().map(|one| (one.client.status(), one.back_since(killed).map(|at| at - up)));
        assert!(missing.is_empty(), "{} are not back after {all:?}, one of them is {example:?}", missing.len());

        let second = scale.reconnect.spread / 8; // a second of the client's own patience
        let back = self.survivors.iter().map(|one| one.back_since(killed).unwrap().max(up));
        let arrivals = by_pieces(up, second, back);
        let most = if scale.clients < MANY { scale.clients / 2 } else { scale.clients / 4 };
        assert!(arrivals.iter().all(|came| *came <= most), "they come all at once, by {second:?}: {arrivals:?}");
        self.everybody_is_listed().await;
        let listed = up.elapsed();
        self.proxy.calm(false);
        format!("away {away:?}, all back and subscribed after {all:?}, all listed after {listed:?}, by {second:?} {arrivals:?}")
    }

    /// What the hub itself says: all clients, all of their services, all subscriptions.
    async fn everybody_is_listed(&self) {
        let all = self.survivors.len();
        until("the hub lists everybody", async || {
            let clients = self.owner.clients().await.ok()?.len();
            let services = self.owner.services().await.ok()?;
            let subscribers = self.owner.service(SERVICE).await.ok()?.subscribers.len();
            let owned = services.iter().filter(|service| service.name.as_str().starts_with("survivor_")).count();
            ((clients, owned, subscribers) == (all + 1, all, all)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_hub_and_network_everybody_comes_back_and_nothing_is_left_behind() {
    let scale = Scale::of_environment();
    let mut dice = StdRng::seed_from_u64(scale.seed);
    let hub = Setup::default().set(SETTINGS.iter().copied()).start().await;
    let _warm = hub.get("/metrics").await;
    let descriptors = hub.process().descriptors();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();

    let mut storm = Storm::gather(&scale, hub).await;
    let end = Instant::now() + scale.time;
    let mut strikes = 0;
    while strikes == 0 || Instant::now() < end {
        storm.speak(scale.reconnect.spread.mul_f64(dice.random_range(0.5..1.5)), |_| false).await;
        let away = Duration::from_millis(dice.random_range(1_000..3_000));
        measured(&storm.strike(away, &scale).await);
        strikes += 1;
    }
    let (connections, faults) = storm.proxy.counts();
    measured(&format!("{} clients, {strikes} deaths of the hub, {faults} faults on {connections} connections", scale.clients));
    assert!(faults > 0, "a storm without a fault shows nothing");

    let Storm { mut hub, proxy, owner, survivors, .. } = storm;
    proxy.calm(true);
    for survivor in survivors {
        survivor.leave().await;
    }
    owner.close().await;
    drop((owner, proxy));
    nothing_is_left(&hub, descriptors).await;
    until("no task is left", async || (tasks() <= tasks_before).then_some(())).await;
    assert_eq!(hub.stop().await.code(), Some(0));
    assert_eq!(std::fs::read_dir(hub.temporary()).unwrap().count(), 0, "no folder is left");
}
