//! Requests through the router: a client that asks and a worker that answers, each of them a client of the hub or one of
//! nats-server; and the same two without a hub, on nats-server alone.

mod exchange;
mod outside;
mod words;

use crate::cores::Cores;
use crate::fault::Fault;
use crate::generator::Generator;
use crate::sample::Sample;
use crate::server::{Launch, Server};
use crate::window::{Timing, Window};
use exchange::{Asker, Exchange, Rim};

/// The most requests in flight: as many as a hub lets a client have.
pub(crate) const MOST_IN_FLIGHT: usize = concierge_api_rs::limits::ROUTER_IN_FLIGHT;

/// A scenario of requests, named by its way and by how many are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Routed {
    way: Way,
    in_flight: usize,
}

/// From whom to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `R64`: both are clients of the hub.
    Within,
    /// `O64`: a client of the hub asks, one of nats-server answers.
    Out,
    /// `F64`: a client of nats-server asks, one of the hub answers.
    From,
}

/// How the servers are started, and how long they are measured.
pub(crate) struct Place<'a> {
    pub(crate) hub: &'a Launch,
    pub(crate) nats: Option<&'a Launch>,
    pub(crate) cores: Option<Cores>,
    pub(crate) timing: Timing,
}

impl Routed {
    /// Starts a hub, and a nats-server where the way leads over one, and measures both.
    ///
    /// # Errors
    /// [`Fault`]: a wrong answer, or none.
    pub(crate) fn measure(self, place: &Place<'_>) -> Result<Sample, Fault> {
        if self.way == Way::Within {
            let hub = Server::start(place.hub, place.cores)?;
            return self.load(Some(&hub), None, || Window::new(&hub, place.timing));
        }
        let nats = place.nats()?;
        let url = format!("nats.url={}", outside::url(&nats));
        let hub = Server::start(&place.hub.with(["--set", &url]), place.cores)?;
        self.load(Some(&hub), Some(&nats), || Window::new(&hub, place.timing).with_nats(&nats))
    }

    /// The same requests between two clients of a nats-server.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn measure_bare(self, place: &Place<'_>) -> Result<Sample, Fault> {
        let nats = place.nats()?;
        let sample = self.load(None, Some(&nats), || Window::new(&nats, place.timing))?;
        Ok(Sample { nats_cpu_us: Some(sample.cpu_us), ..sample })
    }

    /// All clients live in this thread, which never sleeps: those of nats-server on a runtime of it.
    fn load<'a>(self, hub: Option<&Server>, nats: Option<&Server>, window: impl FnOnce() -> Window<'a>) -> Result<Sample, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::Generator)?;
        runtime.block_on(async {
            let asks_outside = nats.filter(|_| hub.is_none() || self.way == Way::From);
            let answers_outside = nats.filter(|_| hub.is_none() || self.way == Way::Out);
            let rim = hub.map(Generator::new).transpose()?.map(Rim::new);
            if let Some(nats) = answers_outside {
                outside::serve(nats).await?;
            }
            let asker = match asks_outside {
                Some(nats) => Asker::Outside(outside::Asker::new(nats).await?),
                None => Asker::Client,
            };
            let mut exchange = Exchange::new(rim, asker, nats.is_some());
            exchange.begin(answers_outside.is_none()).await?;
            exchange.load(window(), self.in_flight).await
        })
    }

    /// Whether it cannot be measured without a nats-server.
    pub(crate) fn needs_nats(self) -> bool {
        self.way != Way::Within
    }

    /// How many clients it has.
    pub(crate) fn clients(self) -> usize {
        2
    }

    /// Whether it keeps the servers busy all the time.
    pub(crate) fn saturates(self) -> bool {
        self.in_flight > 1
    }

    /// A sentence for `concierge-bench list`.
    pub(crate) fn about(self) -> String {
        let (asks, answers) = match self.way {
            Way::Within => ("a client of the hub", "another one"),
            Way::Out => ("a client of the hub", "one of nats-server"),
            Way::From => ("a client of nats-server", "one of the hub"),
        };
        let at_once = match self.in_flight {
            1 => "one after the other".to_owned(),
            n => format!("{n} in flight"),
        };
        format!("{asks} asks `{}` of {answers}, {at_once}", words::CMD)
    }

    /// Its letter and its number.
    pub(crate) fn parts(self) -> (char, usize) {
        let letter = match self.way {
            Way::Within => 'R',
            Way::Out => 'O',
            Way::From => 'F',
        };
        (letter, self.in_flight)
    }

    /// The scenario of a letter and a number.
    pub(crate) fn of(letter: char, n: usize) -> Option<Self> {
        let way = match letter {
            'R' => Way::Within,
            'O' => Way::Out,
            'F' => Way::From,
            _ => return None,
        };
        (1..=MOST_IN_FLIGHT).contains(&n).then_some(Self { way, in_flight: n })
    }
}

impl Place<'_> {
    /// A fresh nats-server, by the address of its plain port.
    fn nats(&self) -> Result<Server, Fault> {
        let launch = self.nats.expect("scenarios that need one are not begun without it");
        Server::start(&Launch { address_after: "client connections on ", ..launch.clone() }, self.cores)
    }
}

#[cfg(test)]
mod tests;
