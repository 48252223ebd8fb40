//! The one table of configuration keys: what each means, its unit and its bounds. From it come the checks of the loader,
//! the names of environment variables, the nearest key of a misspelt one, `concierge config default` and
//! docs/configuration.md.

use concierge_api_rs::limits;

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// `section.name`, or the name alone for a key of the top.
    pub path: &'static str,
    pub kind: Kind,
    /// What it means, in sentences.
    pub meaning: &'static str,
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number of that unit between two bounds, both included.
    Whole { unit: &'static str, least: u64, most: u64 },
    /// Text. The example stands in printed configurations when there is no default.
    Text { example: &'static str },
    /// `address:port`.
    Address { example: &'static str },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts, separated by commas in the environment.
    Texts { example: &'static str },
}

impl Key {
    /// The section, empty for keys of the top.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The key without its section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// `CONCIERGE_LIMITS__PAYLOAD_BYTES` for `limits.payload_bytes`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("CONCIERGE_{}", self.path.replace('.', "__").to_uppercase())
    }
}

/// The key of that path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Is there a section of that name?
#[must_use]
pub fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|section| section.0 == name)
}

/// The key that somebody most likely meant, when one is near: a typing error, or the right name in the wrong section.
#[must_use]
pub fn nearest(path: &str) -> Option<&'static str> {
    let name = last(path);
    let paths = KEYS.iter().map(|key| key.path).chain(SECTIONS.iter().map(|section| section.0));
    let distance = |candidate: &str| {
        let elsewhere = strsim::damerau_levenshtein(name, last(candidate)) + 1;
        strsim::damerau_levenshtein(path, candidate).min(elsewhere)
    };
    nearest_of(name, paths, distance)
}

/// The word of `known` that is nearest to `word`, when one is near.
#[must_use]
pub fn nearest_word<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(word, known, |candidate| strsim::damerau_levenshtein(word, candidate))
}

fn nearest_of<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, distance: impl Fn(&str) -> usize) -> Option<&'a str> {
    let near = 1 + word.chars().count() / 3;
    let (found, candidate) = known.into_iter().map(|candidate| (distance(candidate), candidate)).min_by_key(|pair| pair.0)?;
    (found <= near).then_some(candidate)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

const MILLISECONDS: &str = "milliseconds";
const BYTES: &str = "bytes";
const MIB: u64 = 1024 * 1024;
const HOUR_MS: u64 = 3_600_000;
/// TOML's largest integer.
const MANY: u64 = i64::MAX as u64;

const fn ms(least: u64) -> Kind {
    Kind::Whole { unit: MILLISECONDS, least, most: HOUR_MS }
}

const fn bytes(least: u64, most: u64) -> Kind {
    Kind::Whole { unit: BYTES, least, most }
}

const fn count(unit: &'static str, least: u64) -> Kind {
    Kind::Whole { unit, least, most: u32::MAX as u64 }
}

const fn key(path: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { path, kind, meaning }
}

/// Sections and what they are about, in the order of printing; keys of the top come first.
pub const SECTIONS: &[(&str, &str)] = &[
    ("tls", "TLS: both files or none. SIGHUP reads them again."),
    ("limits", "What a client may do and hold."),
    ("heartbeat", "How the hub notices that a client is gone."),
    ("files", "The file server (FILESYSTEM.md)."),
    ("coordinator", "Durable promises and tasks (PROTOCOL.md, \"The coordinator\")."),
    ("router", "Requests, pushes and responses between clients and workers (PROTOCOL.md, \"The router\")."),
    ("nats", "Where the router goes beyond this hub (PROTOCOL.md, \"NATS\")."),
    ("store", "Where what is durable is kept."),
    ("console", "The console, a page for people."),
    ("metrics", "Prometheus metrics."),
    ("drain", "How the hub takes leave of its clients when it is told to stop."),
    ("log", "The log, on stderr."),
];

/// Every key, in the order of printing: that of the sections.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        Kind::Address { example: "127.0.0.1:64209" },
        "Address and port where the hub listens: WebSocket at /ws, files, health and metrics beside it. Port 0 takes any free one. \
         `0.0.0.0:64209` or `[::]:64209` lets other machines in: set a secret then.",
    ),
    key(
        "node",
        Kind::Text { example: "hub-1" },
        "What this hub is called where there are several: workers get it as `Cg-Node`. Without one it is the machine's name.",
    ),
    key(
        "secret",
        Kind::Text { example: "correct horse battery staple" },
        "What clients have to present in IDENTIFY (else close code 4006). Without one everybody may join. Prefer `secret_file`.",
    ),
    key(
        "secret_file",
        Kind::Text { example: "/etc/concierge/secret" },
        "A file that holds the secret; a line break at its end is not part of it. It should be readable by its owner only.",
    ),
    key(
        "admin",
        Kind::Switch,
        "Offer the service `concierge.admin`: watch the hub, end connections. It obeys clients that know the admin secret; of a hub \
         without one, programs on this machine.",
    ),
    key(
        "admin_secret",
        Kind::Text { example: "staple battery horse correct" },
        "What administrators have to present to `concierge.admin`. Set one where other users of this machine, or whoever comes by a \
         proxy on it that passes on neither their name of the hub nor `Forwarded` or `X-Forwarded-…`, are not to administer it. Prefer `admin_secret_file`.",
    ),
    key(
        "admin_secret_file",
        Kind::Text { example: "/etc/concierge/admin-secret" },
        "A file that holds the admin secret, as `secret_file`.",
    ),
    key(
        "require_subprotocol",
        Kind::Switch,
        "Refuse connections that do not offer the WebSocket subprotocol `ert-concierge` (HTTP 400).",
    ),
    key(
        "allowed_origins",
        Kind::Texts { example: "https://app.example.org" },
        "Browser origins that may connect besides pages from the hub's own host and port. Programs send no Origin and are not concerned.",
    ),
    key(
        "allowed_hosts",
        Kind::Texts { example: "hub.example.org" },
        "Names, without port, by which requests may ask a hub that listens on a loopback address, besides `localhost` and addresses: \
         those that a proxy before it passes on as `Host`. Others get 403, so that no page makes its own name mean this machine.",
    ),
    key(
        "shards",
        Kind::Whole { unit: "threads", least: 0, most: 1024 },
        "Threads that carry connections; 0 is one for each core.",
    ),
    key(
        "spin_us",
        Kind::Whole { unit: "microseconds", least: 0, most: 10_000 },
        "How long an idle thread looks for work before it sleeps: lower latency, paid for with processor time. 0 sleeps at once.",
    ),
    key("tls.cert", Kind::Text { example: "/etc/concierge/cert.pem" }, "The certificate chain, PEM."),
    key("tls.key", Kind::Text { example: "/etc/concierge/key.pem" }, "The private key, PEM."),
    key("limits.identify_within_ms", ms(1), "From the upgrade to IDENTIFY, else close code 4004."),
    key("limits.http_head_within_ms", ms(1), "From the connection to the end of the HTTP head, else the connection ends."),
    // the HTTP library takes no less
    key("limits.http_head_bytes", bytes(8 * 1024, MIB), "Size of an HTTP head, else 431."),
    key(
        "limits.http_headers",
        Kind::Whole { unit: "headers", least: 16, most: 4096 },
        "Headers in an HTTP head, else 431. A browser's handshake has about 15.",
    ),
    key("limits.payload_bytes", bytes(1024, 256 * MIB), "Size of one payload, else close code 1009."),
    key("limits.outbox_bytes", bytes(1024, 4096 * MIB), "What may wait for one client, else close code 4011."),
    key("limits.stall_ms", ms(1), "How long a client may take nothing while something waits, else close code 4011."),
    key("limits.services_per_client", count("services", 0), "Services that a client may own, else SERVICE_CREATE is refused."),
    key("limits.services", count("services", 1), "Services of all clients together, else SERVICE_CREATE is refused."),
    key(
        "limits.subscriptions_per_client",
        count("subscriptions", 0),
        "Services that a client may be subscribed to, else SELF_SUBSCRIBE is refused.",
    ),
    key(
        "limits.messages_per_second",
        count("messages a second", 0),
        "Messages that a client may send. Over it the hub reads no further until the second has passed; see `excess_ms`. 0 is no bound.",
    ),
    key(
        "limits.bytes_per_second",
        count("bytes a second", 0),
        "Bytes that a client may send, in messages of any kind and pings, each at least 6. A payload of `payload_bytes` passes all the \
         same, and what follows waits. 0 is no bound.",
    ),
    key(
        "limits.endings_per_second",
        count("endings a second", 0),
        "Services that a client may delete and subscriptions that it may end, which is news to others, and so is each that it begins \
         instead. Over it the hub reads no further until the second has passed. 0 is no bound.",
    ),
    key(
        "limits.excess_ms",
        ms(1),
        "How long a client may go on sending more than one of these bounds allows, else close code 4010.",
    ),
    key(
        "limits.connections_per_address",
        count("connections", 0),
        "Connections from one IP address, from one /64 of IPv6; 0 is no bound. Behind a reverse proxy everybody has the proxy's address.",
    ),
    key(
        "limits.address_connects_per_minute",
        count("connections a minute", 0),
        "Connections that may come from one address, whatever for; else 429 with `Retry-After`. 0 is no bound.",
    ),
    key(
        "limits.address_messages_per_second",
        count("messages a second", 0),
        "As `messages_per_second`, for all clients of an address together; they take turns. 0 is no bound.",
    ),
    key(
        "limits.address_bytes_per_second",
        count("bytes a second", 0),
        "As `bytes_per_second`, for all clients of an address together; they take turns. 0 is no bound.",
    ),
    key(
        "limits.wrong_secrets_per_minute",
        count("wrong secrets a minute", 0),
        "Wrong secrets from one address (of IPv6, one /64 network); after that it has no try for a minute (4010, or 429). 0 is no bound. \
         Loopback has none; behind a proxy on another machine set 0, or one guest shuts out all.",
    ),
    key(
        "limits.subscribers_shown",
        count("subscribers", 0),
        "Subscribers that a service info lists; `subscriber_count` is the total, and SERVICE_FETCH lists all.",
    ),
    key(
        "limits.memory_bytes",
        count("bytes", 0),
        "Memory that the hub's process may use. While nine tenths of it are used newcomers are answered 503, and who is here stays. 0 is \
         what its control group or its machine has.",
    ),
    key("heartbeat.every_ms", ms(100), "The hub pings each client this often."),
    key("heartbeat.grace_ms", ms(100), "Silence beyond that, else close code 4009."),
    key("files.enabled", Kind::Switch, "Serve files at /fs."),
    key(
        "files.dir",
        Kind::Text { example: "/var/lib/concierge/files" },
        "Where the files are, for this hub alone: what it finds there at start is removed. Without one: a fresh private directory below \
         the system's temporary one, removed at exit.",
    ),
    key(
        "files.listen",
        Kind::Address { example: "127.0.0.1:64210" },
        "A listener of its own for files. Without one they share the hub's port.",
    ),
    key(
        "files.uuid_keys",
        Kind::Choice(&["same-address", "always", "never"]),
        "Whether a client's public uuid is a key besides its private `fs_key`. `same-address`: it reads, and writes from the address of the \
         client's WebSocket. `always`: it writes from everywhere, for clients that know no `fs_key`. `never`: it is no key.",
    ),
    key("files.file_bytes", bytes(1, MANY), "Size of a file, else 413."),
    key("files.folder_bytes", bytes(1, MANY), "Size of all files of a client, else 507."),
    key("files.folder_files", count("files", 1), "Files of a client, else 507."),
    key(
        "files.upload_bytes_per_second",
        Kind::Whole { unit: "bytes a second", least: 0, most: MANY },
        "An upload slower than this for `upload_slow_ms` is cut with 408; 0 is never.",
    ),
    key("files.upload_slow_ms", ms(1), "See `upload_bytes_per_second`."),
    key("coordinator.enabled", Kind::Switch, "Offer the service `coordinator` and /coordinator: durable promises and tasks."),
    key(
        "coordinator.requests_in_flight",
        count("requests", 1),
        "Requests of one client to the coordinator that wait for their answers, else 429.",
    ),
    key(
        "coordinator.offer_every_ms",
        ms(1),
        "A task that nobody claims is offered again after this, and so is a message that nobody takes.",
    ),
    key("coordinator.awaiters_per_promise", count("tasks", 1), "Tasks that wait for one promise, else 429."),
    key(
        "coordinator.listeners_per_promise",
        count("addresses", 1),
        "Addresses that are told when one promise settles, else 429.",
    ),
    key(
        "coordinator.debug_clock",
        Kind::Switch,
        "For tests: time is what requests say in `resonate:debug_time`, and the verbs `debug.…` exist. Anybody may then clear the store.",
    ),
    key(
        "router.enabled",
        Kind::Switch,
        "Offer the service `router`: requests, pushes and responses between clients and workers.",
    ),
    key(
        "router.routes",
        Kind::Texts { example: "shop.orders=acme.prod q tag:staff within:20000 in_flight:16" },
        "Which subjects clients may name: `SUBJECT[=PREFIX] [q|p] [tag:TAG]… [within:MS] [in_flight:N]`. It is for subjects that begin with \
         SUBJECT, or for all (`*`); workers see PREFIX before them; only requests (`q`) or only pushes (`p`) pass; only clients with one of the \
         tags. Without any route every subject passes.",
    ),
    key(
        "router.codes",
        Kind::Choice(&["all", "seed"]),
        "Which errors clients are told: `all` ten, or the first seven, as the original platform had them: TIMEOUT is UNAVAILABLE then, SESSION \
         FORBIDDEN, NOT_IMPLEMENTED GENERIC.",
    ),
    key(
        "router.worker_tags",
        Kind::Texts { example: "worker" },
        "Only clients with one of these tags may serve categories. Without any everybody may, and gets the requests of others.",
    ),
    key(
        "router.within_ms",
        ms(1),
        "How long a request may wait for its answer, where its route says nothing else; else TIMEOUT.",
    ),
    key(
        "router.in_flight",
        count("requests", 1),
        "Requests of one client that wait on one route, where the route says nothing else; else LIMIT.",
    ),
    key(
        "router.in_flight_all",
        count("requests", 1),
        "Requests of all clients that wait; else LIMIT. Those from outside the hub may be half of them.",
    ),
    key(
        "router.levels",
        Kind::Texts { example: "math:1,*:0" },
        "The level that the api key of somebody outside the hub needs for a category, as `CATEGORY:LEVEL`; `*` is every other one. 0, \
         the default, needs no key. Clients of the hub need none.",
    ),
    key(
        "router.api_keys_file",
        Kind::Text { example: "/etc/concierge/api-keys" },
        "A file of api keys, a line each: the key, and `CATEGORY:LEVEL` for each category that it opens. It should be readable by its \
         owner only. It is read when the hub starts.",
    ),
    key(
        "nats.url",
        Kind::Text { example: "nats://hub:secret@localhost:4222" },
        "A nats-server, 2.11 or newer, or several with commas between them: requests that no client of this hub serves go there, and what \
         clients of this hub serve is reachable from there. Without one the hub is alone.",
    ),
    key(
        "nats.credentials_file",
        Kind::Text { example: "/etc/concierge/hub.creds" },
        "A file of credentials for NATS, as `nsc` writes them.",
    ),
    key(
        "nats.prefix",
        Kind::Text { example: "concierge" },
        "With `nats.url`, the Subject Prefix of routes that name none: clients can reach no other subjects than those behind it.",
    ),
    key(
        "nats.queue",
        Kind::Text { example: "concierge" },
        "The queue group in which this hub serves on NATS. Hubs of one group share what is asked.",
    ),
    key(
        "store.url",
        Kind::Text { example: "sqlite:/var/lib/concierge/coordinator.db" },
        "Where promises and tasks are kept: `sqlite:PATH`, `postgres://USER@HOST/DATABASE`, or `memory:` for nowhere. Without one: \
         `coordinator.db` in `$STATE_DIRECTORY`, else in `concierge` below `$XDG_STATE_HOME` or `~/.local/state`.",
    ),
    key(
        "console.enabled",
        Kind::Switch,
        "Serve the console at /console/, a page for people. Whoever uses it enters the hub like any client.",
    ),
    key("metrics.enabled", Kind::Switch, "Serve Prometheus metrics at /metrics."),
    key("drain.spread_ms", ms(0), "Clients are closed (1001) spread over this time, so that they do not return all at once."),
    key("drain.within_ms", ms(1), "The hub has ended by then, whatever clients do."),
    key(
        "log.level",
        Kind::Text { example: "info,concierge=debug" },
        "What is logged: off, error, warn, info, debug or trace, for everything or for modules (`info,concierge=debug`).",
    ),
    key(
        "log.format",
        Kind::Choice(&["auto", "pretty", "json"]),
        "`pretty` for people, `json` for programs, `auto`: pretty on a terminal, JSON elsewhere.",
    ),
];

/// Variables of the client commands, no keys of the hub.
pub const CLIENT_VARIABLES: &[&str] =
    &["CONCIERGE_CONFIG", "CONCIERGE_URL", "CONCIERGE_NAME", "CONCIERGE_CA", "CONCIERGE_FS_KEY", "CONCIERGE_FILES_URL"];

const _: () = assert!(limits::PAYLOAD_BYTES >= 1024 && limits::OUTBOX_BYTES >= 1024, "defaults lie within the bounds");
