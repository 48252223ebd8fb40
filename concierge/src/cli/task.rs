//! `concierge task`: the work behind promises. Every verb of the protocol, and a worker that runs a command for each task.

mod claim;
mod command;
mod fence;
mod work;

use clap::{Args, Subcommand};
use concierge_api_rs::coordinator::{PromiseRegister, TaskFulfill, TaskGet, TaskHeartbeat, TaskSearch, TaskSuspend};
use concierge_client::coordinator::{
    Claims, Pid, PromiseId, PromiseSettle, Request, Response, SettleState, TaskRecord, TaskRef, TaskState,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::client_args::ClientArgs;
use super::coordinated::{self, task_lines};
use super::exit::Failure;
use super::output::Output;
use super::value_args::ValueArgs;

/// Show tasks, do each step of a worker by hand, or be a worker
///
/// A task belongs to the promise of its id. Who has claimed it holds it for its ttl, and for as long again with each
/// heartbeat; its version is the number of claims.
#[derive(Debug, Args)]
pub(crate) struct Task {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List tasks in the order of their ids
    #[command(after_help = "Example: concierge task ls --state suspended")]
    Ls(Ls),
    /// Show a task
    #[command(after_help = "Example: concierge task get order:7")]
    Get(Named),
    /// Create a promise and claim its task at once
    #[command(after_help = "Example: concierge task create order:7 --target any@clerks --pid ada")]
    Create(Box<claim::Create>),
    /// Claim a pending task
    #[command(after_help = "Example: concierge task acquire order:7@0 --pid ada --ttl 5m")]
    Acquire(claim::Acquire),
    /// Let a held task wait until one of some promises is settled
    #[command(after_help = "Example: concierge task suspend order:7@1 --on order:7:approval")]
    Suspend(Suspend),
    /// Settle the promise of a held task, and end the task
    #[command(after_help = "Example: concierge task fulfill order:7@1 --json-value '{\"ok\":true}'")]
    Fulfill(Fulfill),
    /// Give a held task back: it is offered at once
    #[command(after_help = "Example: concierge task release order:7@1")]
    Release(Held),
    /// Prolong the leases of held tasks; without one, of all that the pid holds
    #[command(after_help = "Example: concierge task heartbeat order:7@1 --pid ada")]
    Heartbeat(Heartbeat),
    /// Create or settle another promise, only while a task is held
    Fence(fence::Fence),
    /// Offer a task no more, until it is continued
    #[command(after_help = "Example: concierge task halt order:7")]
    Halt(Named),
    /// Offer a halted task again
    #[command(after_help = "Example: concierge task continue order:7")]
    Continue(Named),
    #[command(after_help = "Example: concierge task work --group clerks --exec './handle-order {}' --concurrency 4")]
    Work(work::Work),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    client: ClientArgs,

    /// The task's id, which is its promise's
    id: PromiseId,
}

/// A task by the claim that holds it.
#[derive(Debug, Args)]
struct Held {
    #[command(flatten)]
    client: ClientArgs,

    /// The task, and its version since it was claimed
    #[arg(value_name = "ID@VERSION", value_parser = reference)]
    task: TaskRef,
}

#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    client: ClientArgs,

    /// Only those in this state: pending, acquired, suspended, halted or fulfilled
    #[arg(long, value_parser = state)]
    state: Option<TaskState>,

    /// How many at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, Args)]
struct Suspend {
    #[command(flatten)]
    held: Held,

    /// A promise that it waits for; may be given again
    #[arg(long, value_name = "ID", required = true)]
    on: Vec<PromiseId>,
}

#[derive(Debug, Args)]
struct Fulfill {
    #[command(flatten)]
    held: Held,

    /// How its promise is settled
    #[arg(long, value_parser = settle_state, default_value = "resolved")]
    state: SettleState,

    #[command(flatten)]
    value: ValueArgs,
}

#[derive(Debug, Args)]
struct Heartbeat {
    #[command(flatten)]
    client: ClientArgs,

    /// Tasks and their versions
    #[arg(value_name = "ID@VERSION", value_parser = reference)]
    tasks: Vec<TaskRef>,

    #[command(flatten)]
    pid: PidArgs,
}

/// Who holds.
#[derive(Debug, Args)]
struct PidArgs {
    /// Whose lease it is: the name of a process, or of a person
    #[arg(long, default_value = "cli")]
    pid: Pid,
}

fn state(word: &str) -> Result<TaskState, String> {
    TaskState::of_str(word).ok_or_else(|| {
        format!("a state is one of {}", TaskState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", "))
    })
}

fn settle_state(word: &str) -> Result<SettleState, String> {
    match word {
        "resolved" => Ok(SettleState::Resolved),
        "rejected" => Ok(SettleState::Rejected),
        "rejected_canceled" => Ok(SettleState::RejectedCanceled),
        _ => Err("a promise is settled as resolved, rejected or rejected_canceled".to_owned()),
    }
}

/// `order:7@1`. An id may hold `@` itself: the last one counts.
fn reference(text: &str) -> Result<TaskRef, String> {
    let (id, version) = text.rsplit_once('@').ok_or("write ID@VERSION")?;
    let claims = version.parse().map(Claims).map_err(|_| "a version is a whole number")?;
    Ok(TaskRef { id: id.parse().map_err(|error| format!("{error}"))?, claims })
}

impl Task {
    /// # Errors
    /// No such task, a refusal, or no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Ls(ls) => ls.run(output).await,
            Command::Get(named) => named.show(output).await,
            Command::Create(create) => create.run(output).await,
            Command::Acquire(acquire) => acquire.run(output).await,
            Command::Suspend(suspend) => suspend.run(output).await,
            Command::Fulfill(fulfill) => fulfill.run(output).await,
            Command::Release(held) => held.release(output).await,
            Command::Heartbeat(heartbeat) => heartbeat.run(output).await,
            Command::Fence(fence) => fence.run(output).await,
            Command::Halt(named) => named.tell("halted", Request::TaskHalt, output).await,
            Command::Continue(named) => named.tell("continued", Request::TaskContinue, output).await,
            Command::Work(work) => work.run(output).await,
        }
    }
}

#[derive(Deserialize)]
struct TaskData {
    task: TaskRecord,
}

#[derive(Deserialize)]
struct TasksData {
    tasks: Vec<TaskRecord>,
    #[serde(default)]
    cursor: Option<String>,
}

impl Named {
    async fn show(self, output: &mut Output) -> Result<(), Failure> {
        let response = coordinated::ask(&self.client, &Request::TaskGet(TaskGet { id: self.id })).await?;
        let TaskData { task } = coordinated::read(&response)?;
        output.result(&task, task_lines)
    }

    async fn tell(self, done: &str, request: fn(TaskGet) -> Request, output: &mut Output) -> Result<(), Failure> {
        coordinated::ask(&self.client, &request(TaskGet { id: self.id.clone() })).await?;
        output.result(&json!({ done: self.id }), |_| format!("{done} {}", self.id))
    }
}

impl Held {
    async fn ask(&self, request: Request) -> Result<Response, Failure> {
        coordinated::ask(&self.client, &request).await
    }

    async fn release(self, output: &mut Output) -> Result<(), Failure> {
        self.ask(Request::TaskRelease(self.task.clone())).await?;
        output.result(&json!({ "released": self.task.id }), |_| format!("released {}", self.task.id))
    }
}

impl Ls {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let mut search = TaskSearch { state: self.state, ..TaskSearch::default() };
        let mut found = Vec::new();
        loop {
            let response = coordinator.ask(&Request::TaskSearch(search.clone())).await?;
            let TasksData { tasks, cursor } = coordinated::read(&response)?;
            found.extend(tasks);
            search.cursor = cursor;
            if search.cursor.is_none() || found.len() >= self.limit {
                break;
            }
        }
        coordinator.client().close().await;
        if search.cursor.is_some() || found.len() > self.limit {
            output.note("There are more: ask for them with --limit, or for fewer with --state.");
        }
        found.truncate(self.limit);
        if output.is_json() {
            return output.json(&found);
        }
        output.table(&["ID", "STATE", "VERSION", "PID"], &found.iter().map(row).collect::<Vec<_>>())
    }
}

fn row(task: &TaskRecord) -> Vec<String> {
    let pid = task.pid.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    vec![task.id.to_string(), task.state.as_str().to_owned(), task.claims.to_string(), pid]
}

impl Suspend {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let id = &self.held.task.id;
        let register = |awaited: &PromiseId| PromiseRegister { awaiter: id.clone(), awaited: awaited.clone() };
        let suspend = TaskSuspend { task: self.held.task.clone(), actions: self.on.iter().map(register).collect() };
        let response = self.held.ask(Request::TaskSuspend(suspend)).await?;
        let suspended = response.status == 200;
        let Json::Object(mut answer) = coordinated::read::<Json>(&response)? else { return Ok(()) };
        answer.insert("suspended".to_owned(), json!(suspended));
        output.result(&answer, |_| match suspended {
            true => format!("suspended {id}"),
            false => format!("{id} goes on: something that it would wait for is settled"),
        })
    }
}

impl Fulfill {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let task = self.held.task.clone();
        let action = PromiseSettle { id: task.id.clone(), state: self.state, value: self.value.value().await? };
        let response = self.held.ask(Request::TaskFulfill(TaskFulfill { task, action })).await?;
        claim::print_promise(&response, output)
    }
}

impl Heartbeat {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let beat = TaskHeartbeat { pid: self.pid.pid.clone(), tasks: self.tasks };
        coordinated::ask(&self.client, &Request::TaskHeartbeat(beat)).await?;
        output.note("Those that the pid holds still are prolonged; `concierge task get ID` shows whose a task is.");
        output.result(&json!({ "heartbeat": self.pid.pid }), |_| format!("prolonged the leases of {}", self.pid.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_with_its_version_behind_the_last_at_sign() {
        let task = reference("a@b@12").unwrap();
        assert_eq!((task.id.as_str(), task.claims), ("a@b", Claims(12)));
        for text in ["a", "a@", "@1", "a@-1", "a@x"] {
            assert!(reference(text).is_err(), "{text}");
        }
    }
}
