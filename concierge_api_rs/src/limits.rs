//! Every bound of the protocol and its default. PROTOCOL.md shows this table; a test compares the two.
//!
//! Sizes are bytes and times milliseconds unless the name says otherwise. Those marked *configurable* are defaults.

/// The version that `HELLO` names; a client's `version` must match [`VERSION_REQUIREMENT`].
pub const PROTOCOL_VERSION: &str = "0.2.0";
/// What a client's `version` must match, else close code 4007.
pub const VERSION_REQUIREMENT: &str = "^0.2.0";
/// The WebSocket subprotocol, echoed when the client offers it.
pub const SUBPROTOCOL: &str = "ert-concierge";
/// The port of a hub that was told nothing else. Configurable.
pub const DEFAULT_PORT: u16 = 64209;

/// From the upgrade to IDENTIFY, else close code 4004. Configurable.
pub const IDENTIFY_WITHIN_MS: u64 = 5_000;
/// From accept to the end of the HTTP head. Configurable.
pub const HTTP_HEAD_WITHIN_MS: u64 = 5_000;
/// Size of an HTTP head. Configurable.
pub const HTTP_HEAD_BYTES: usize = 8 * 1024;
/// Headers in an HTTP head. Configurable.
pub const HTTP_HEADERS: usize = 64;
/// Size of one payload, else close code 1009 before it is allocated. Configurable.
pub const PAYLOAD_BYTES: usize = 64 * 1024;
/// Nesting of a payload's JSON, else `ERROR_PROTOCOL`.
pub const JSON_DEPTH: usize = 128;
/// Characters of input that an error's `desc` repeats at most.
pub const ECHO_CHARS: usize = 128;
/// Bytes of a close frame's reason (RFC 6455: 125 less the code).
pub const CLOSE_REASON_BYTES: usize = 123;
/// The largest sequence number: 2^53 - 1, the largest integer that JavaScript holds exactly.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// The hub pings a client this often. Configurable.
pub const HEARTBEAT_EVERY_MS: u64 = 20_000;
/// Silence beyond the ping interval, else close code 4009. Configurable.
pub const HEARTBEAT_GRACE_MS: u64 = 10_000;
/// Bytes that wait for one client, else close code 4011. Configurable.
pub const OUTBOX_BYTES: usize = 4 * 1024 * 1024;
/// How long a socket may take nothing while something waits, else close code 4011. Configurable.
pub const STALL_MS: u64 = 10_000;
/// How long the hub waits for the peer's close frame before it ends the connection.
pub const CLOSE_WITHIN_MS: u64 = 5_000;
/// How long a client that was closed 4011 finds its close frame when it reads again.
pub const SLOW_CLOSE_WITHIN_MS: u64 = 30_000;

/// Characters of a client's name (`[A-Za-z0-9_]`).
pub const CLIENT_NAME_CHARS: usize = 64;
/// Characters of a service's name (`[A-Za-z0-9_.:-]`).
pub const SERVICE_NAME_CHARS: usize = 64;
/// Characters of a nickname, of a client or of a service.
pub const NICKNAME_CHARS: usize = 128;
/// Tags of a client.
pub const TAGS: usize = 32;
/// Characters of a tag.
pub const TAG_CHARS: usize = 64;
/// Services that a client owns. Configurable.
pub const SERVICES_PER_CLIENT: usize = 128;
/// Services of all clients together. Configurable.
pub const SERVICES: usize = 100_000;
/// Services that a client is subscribed to. Configurable.
pub const SUBSCRIPTIONS_PER_CLIENT: usize = 1_024;
/// Subscribers that a service info lists; `subscriber_count` is the total. `SERVICE_FETCH` lists all. Configurable.
pub const SUBSCRIBERS_SHOWN: usize = 256;
/// Subscribers that one list of services holds, all services together; each has its `subscriber_count`.
pub const SUBSCRIBERS_LISTED: usize = 16 * 1024;
/// Messages that a client may send in a second; 0 is no bound. Configurable.
pub const MESSAGES_PER_SECOND: u32 = 0;
/// Bytes that a client may send in a second; 0 is no bound. Configurable.
pub const BYTES_PER_SECOND: u32 = 0;
/// Services that a client deletes and subscriptions that it ends, in a second: what it begins anew is bounded by that, and each is
/// news to others. All that it may have can be ended in less than [`EXCESS_MS`]. 0 is no bound. Configurable.
pub const ENDINGS_PER_SECOND: u32 = 120;
/// How long a client may go on sending more than it may, or its address may, else close code 4010. Configurable.
pub const EXCESS_MS: u64 = 10_000;
/// Connections from one address at a time, of IPv6 from one /64; 0 is no bound. Configurable.
pub const CONNECTIONS_PER_ADDRESS: usize = 0;
/// Connections from one address in a minute; 0 is no bound. Configurable.
pub const ADDRESS_CONNECTS_PER_MINUTE: u32 = 0;
/// Messages that all clients of one address may send in a second; 0 is no bound. Configurable.
pub const ADDRESS_MESSAGES_PER_SECOND: u32 = 0;
/// Bytes that all clients of one address may send in a second; 0 is no bound. Configurable.
pub const ADDRESS_BYTES_PER_SECOND: u32 = 0;
/// Addresses that are counted at a time; those that come beyond are let in uncounted.
pub const ADDRESSES: usize = 65_536;
/// Wrong secrets from one address, or one /64 network of IPv6, in a minute, else it has no try for a minute; 0 is no bound.
/// Configurable.
pub const WRONG_SECRETS_PER_MINUTE: u32 = 10;
/// Addresses whose wrong secrets are counted at a time; those beyond are not.
pub const GUESSING_ADDRESSES: usize = 10_000;
/// Memory of the hub's process; 0 is what its control group or its machine has. Configurable.
pub const MEMORY_BYTES: u64 = 0;
/// Of that memory, per cent: while so much is used newcomers are answered 503.
pub const MEMORY_PERCENT: u64 = 90;

/// Size of a file. Configurable.
pub const FILE_BYTES: u64 = 100 * 1024 * 1024;
/// Size of all files of a client. Configurable.
pub const FOLDER_BYTES: u64 = 1024 * 1024 * 1024;
/// Files of a client. Configurable.
pub const FOLDER_FILES: u64 = 10_000;
/// Bytes of one component of a file's path.
pub const PATH_COMPONENT_BYTES: usize = 255;
/// Components of a file's path.
pub const PATH_DEPTH: usize = 32;
/// An upload slower than this for [`UPLOAD_SLOW_MS`] is cut with 408. Bytes a second. Configurable.
pub const UPLOAD_BYTES_PER_SECOND: u64 = 1024;
/// See [`UPLOAD_BYTES_PER_SECOND`]. Configurable.
pub const UPLOAD_SLOW_MS: u64 = 10_000;

/// Bytes of the id of a promise, a task or a schedule.
pub const PROMISE_ID_BYTES: usize = 1_024;
/// Bytes of a pid and of a group.
pub const PID_BYTES: usize = 256;
/// Bytes of an address.
pub const ADDRESS_BYTES: usize = 1_024;
/// Requests of one client to the coordinator that wait for their answers. Configurable.
pub const REQUESTS_IN_FLIGHT: usize = 1_024;
/// Pollers of the coordinator at a time.
pub const POLLERS: usize = 10_000;
/// Messages that wait for one poller; what it does not take is offered again.
pub const POLLER_QUEUE: usize = 256;
/// A task that nobody claimed is offered again after this, and so is a message that nobody took. Configurable.
pub const OFFER_EVERY_MS: u64 = 5_000;
/// Tasks that wait for one promise. Configurable.
pub const AWAITERS_PER_PROMISE: usize = 10_000;
/// Addresses that are told when one promise settles. Configurable.
pub const LISTENERS_PER_PROMISE: usize = 1_000;
/// Results of one page of a search; a request may ask for fewer.
pub const SEARCH_RESULTS: usize = 100;
/// A page of a search ends after the result that exceeds this many bytes of values.
pub const SEARCH_BYTES: usize = 1024 * 1024;
/// Promises of the same branch that are sent along with a task.
pub const PRELOAD_PROMISES: usize = 100;
/// They end before the one that exceeds this many bytes of values.
pub const PRELOAD_BYTES: usize = 64 * 1024;

/// Bytes of a packet's subject.
pub const SUBJECT_BYTES: usize = 256;
/// Tokens of a packet's subject.
pub const SUBJECT_TOKENS: usize = 16;
/// Bytes of a packet's command.
pub const CMD_BYTES: usize = 128;
/// Bytes of a request's `_reqid`.
pub const REQID_BYTES: usize = 128;
/// How long a request may wait for its final response. Configurable.
pub const ROUTER_WITHIN_MS: u64 = 10_000;
/// Requests of one client that wait, on one route. Configurable.
pub const ROUTER_IN_FLIGHT: usize = 64;
/// Requests of all clients that wait. Configurable.
pub const ROUTER_IN_FLIGHT_ALL: usize = 16_384;
/// Categories that one worker serves.
pub const ROUTER_CATEGORIES: usize = 64;
/// Subjects that one worker names as those that it serves.
pub const ROUTER_SUBJECTS: usize = 16;
/// Of what one worker serves, categories on subjects that can be reached from NATS.
pub const ROUTER_PLACES: usize = 64;
/// How long a request from NATS may wait, whatever its sender says.
pub const ROUTER_OUTSIDE_WITHIN_MS: u64 = 60_000;
/// Bytes of a group's name.
pub const ROUTER_GROUP_BYTES: usize = 64;
/// How long a durable request may wait, where it says nothing else.
pub const ROUTER_DURABLE_WITHIN_MS: u64 = 86_400_000;
/// How long it may say that it waits: 366 days.
pub const ROUTER_DURABLE_WITHIN_MS_MOST: u64 = 31_622_400_000;
/// How long one that went out of the hub waits there for its answer, before it is given again.
pub const ROUTER_DURABLE_GIVEN_MS: u64 = 60_000;
/// Durable requests that a hub remembers until their promises are settled.
pub const ROUTER_DURABLE: usize = 65_536;
/// Those of them that are at workers, of one category.
pub const ROUTER_DURABLE_OPEN: usize = 64;
/// The same of all categories.
pub const ROUTER_DURABLE_OPEN_ALL: usize = 1_024;
/// How often a hub looks whether durable requests that wait can be given, and whether those at workers are settled otherwise.
pub const ROUTER_DURABLE_LOOK_MS: u64 = 1_000;
/// The longest pause before it is tried again where nobody took a durable request; the first one is a look's.
pub const ROUTER_DURABLE_PAUSE_MS: u64 = 60_000;
/// Routes of one hub.
pub const ROUTER_ROUTES: usize = 256;

/// Promises and tasks in PostgreSQL, which other hubs may change, are counted again this often while somebody watches.
pub const COUNT_EVERY_MS: u64 = 60_000;
/// The admin service tells those who watch no more often than this.
pub const ADMIN_EVERY_MS_LEAST: u64 = 250;
/// It tells them this often, unless they say how often.
pub const ADMIN_EVERY_MS: u64 = 1_000;
/// Administrators that watch at a time.
pub const ADMIN_WATCHERS: usize = 64;
/// Clients of one page, clients of one piece of news, events of one piece of news.
pub const ADMIN_PAGE: usize = 256;
/// Services that are named of a client's own, and of its subscriptions.
pub const ADMIN_SERVICES_SHOWN: usize = 16;
/// Events that a hub remembers.
pub const ADMIN_EVENTS: usize = 1_000;
/// Events of refused connections and requests, of limits and of throttled clients that a hub remembers beside those.
pub const ADMIN_REFUSALS: usize = 250;
/// Between two such events of one kind and address.
pub const ADMIN_REFUSALS_EVERY_MS: u64 = 10_000;
/// Between two events of one throttled client and limit.
pub const ADMIN_THROTTLES_EVERY_MS: u64 = 1_000;
/// Kinds and addresses that are told apart at a time; what comes from others meanwhile is counted in the totals only.
pub const ADMIN_REFUSERS: usize = 1_024;
/// Services that one administrator watches at a time.
pub const ADMIN_SERVICES_WATCHED: usize = 16;
/// Messages of one service that are kept for one piece of news, 20 of which come in a second at most.
pub const ADMIN_MESSAGES: usize = 50;
/// Data of such a message that is shown.
pub const ADMIN_DATA_BYTES: usize = 4 * 1024;
/// Clients whose frames one administrator watches at a time.
pub const ADMIN_FRAMES_WATCHED: usize = 8;
/// Frames of one client that are kept for one piece of news.
pub const ADMIN_FRAMES: usize = 100;
/// Promises, tasks or files of one piece of news.
pub const ADMIN_CHANGES: usize = 256;
/// Bytes of one such piece.
pub const ADMIN_CHANGES_BYTES: usize = 256 * 1024;
/// Categories whose requests a router counts apart, and that it shows; those asked of others are counted together.
pub const ADMIN_CATEGORIES: usize = 256;
/// Workers that are named of a category.
pub const ADMIN_WORKERS: usize = 16;
/// Errors that a router remembers.
pub const ADMIN_FAULTS: usize = 64;
/// Items that are shown of such an error.
pub const ADMIN_FAULT_ITEMS: usize = 8;
/// Steps in the lives of tasks that a hub remembers.
pub const HISTORY_STEPS: usize = 16_384;
/// Steps of one answer.
pub const HISTORY_SHOWN: usize = 256;
/// Promises that are named of those that a task waits for.
pub const HISTORY_AWAITED: usize = 16;
