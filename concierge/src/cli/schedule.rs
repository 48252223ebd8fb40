//! `concierge schedule`: promises that are created again and again.

use clap::{Args, Subcommand};
use concierge_client::coordinator::{Address, Schedule as Record, ScheduleCreate, ScheduleId, ScheduleSearch};
use serde_json::json;

use super::client_args::ClientArgs;
use super::coordinated::{self, failed, tags_line};
use super::exit::Failure;
use super::output::Output;
use super::span::{self, Span};
use super::value_args::{self, Pair, ValueArgs};

/// Create promises again and again, at the times of a cron expression
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a schedule, or show the one that has the id already
    #[command(after_help = "Example: concierge schedule create backup --cron '0 3 * * *' --target any@backups --timeout 1h")]
    Create(Box<Create>),
    /// Show a schedule
    #[command(after_help = "Example: concierge schedule get backup")]
    Get(Named),
    /// List schedules in the order of their ids
    #[command(after_help = "Example: concierge schedule ls --json")]
    Ls(Ls),
    /// End a schedule; the promises that it created stay
    #[command(after_help = "Example: concierge schedule rm backup")]
    Rm(Named),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    client: ClientArgs,

    /// The schedule's id
    id: ScheduleId,
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    named: Named,

    /// Five fields, in UTC: minute, hour, day of the month, month, day of the week
    #[arg(long, value_name = "EXPRESSION")]
    cron: String,

    /// The ids of its promises; `{{.id}}` is the schedule's, `{{.timestamp}}` the time in milliseconds since 1970
    #[arg(long, value_name = "TEMPLATE", default_value = "{{.id}}.{{.timestamp}}")]
    promise_id: String,

    /// Their deadline, from the time of each on
    #[arg(long, value_name = "TIME", default_value = "24h")]
    timeout: Span,

    /// Where their tasks are offered: `any@GROUP`, `uni@GROUP/PID`
    #[arg(long, value_name = "ADDRESS")]
    target: Option<Address>,

    /// A tag of theirs; may be given again
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Pair>,

    #[command(flatten)]
    param: ValueArgs,
}

#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    client: ClientArgs,

    /// Only those whose promises have this tag; may be given again
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Pair>,

    /// How many at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

impl Schedule {
    /// # Errors
    /// No such schedule, a refusal, or no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Create(create) => create.run(output).await,
            Command::Get(named) => named.show(output).await,
            Command::Ls(ls) => ls.run(output).await,
            Command::Rm(named) => named.remove(output).await,
        }
    }
}

fn lines(schedule: &Record) -> String {
    let now = span::now();
    format!(
        "id          {}\ncron        {}\npromise id  {}\ntimeout     {} ms\nparam       {}\ntags        {}\ncreated     {}\nnext run    {}\nlast run    {}",
        schedule.id,
        schedule.cron,
        schedule.promise_id,
        schedule.promise_timeout,
        value_args::shown(&schedule.promise_param),
        tags_line(&schedule.promise_tags),
        span::shown(schedule.created_at, now),
        span::shown(schedule.next_run_at, now),
        schedule.last_run_at.map_or_else(|| "-".to_owned(), |at| span::shown(at, now)),
    )
}

impl Create {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut promise_tags = value_args::by_name(&self.tags);
        if let Some(target) = &self.target {
            promise_tags.insert(concierge_api_rs::coordinator::TAG_TARGET.to_owned(), target.to_string());
        }
        let create = ScheduleCreate {
            id: self.named.id,
            cron: self.cron,
            promise_id: self.promise_id,
            promise_timeout: self.timeout.millis(),
            promise_param: self.param.value().await?,
            promise_tags,
        };
        let coordinator = coordinated::once(&self.named.client).await?;
        let schedule = coordinator.create_schedule(create).await;
        coordinator.client().close().await;
        output.result(&schedule.map_err(failed)?, lines)
    }
}

impl Named {
    async fn show(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let schedule = coordinator.schedule(&self.id).await;
        coordinator.client().close().await;
        output.result(&schedule.map_err(failed)?, lines)
    }

    async fn remove(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let removed = coordinator.delete_schedule(&self.id).await;
        coordinator.client().close().await;
        removed.map_err(failed)?;
        output.result(&json!({ "removed": self.id }), |_| format!("removed {}", self.id))
    }
}

impl Ls {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let mut search = ScheduleSearch { tags: value_args::by_name(&self.tags), ..ScheduleSearch::default() };
        let mut found = Vec::new();
        loop {
            let (page, cursor) = coordinator.schedules(search.clone()).await.map_err(failed)?;
            found.extend(page);
            search.cursor = cursor;
            if search.cursor.is_none() || found.len() >= self.limit {
                break;
            }
        }
        coordinator.client().close().await;
        if search.cursor.is_some() || found.len() > self.limit {
            output.note("There are more: ask for them with --limit.");
        }
        found.truncate(self.limit);
        if output.is_json() {
            return output.json(&found);
        }
        let now = span::now();
        let row = |schedule: &Record| {
            vec![
                schedule.id.to_string(),
                schedule.cron.clone(),
                schedule.promise_id.clone(),
                span::shown(schedule.next_run_at, now),
            ]
        };
        output.table(&["ID", "CRON", "PROMISE ID", "NEXT RUN"], &found.iter().map(row).collect::<Vec<_>>())
    }
}
