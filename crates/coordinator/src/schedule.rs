//! Schedules: a promise at each instant of a cron expression.

use concierge_api_rs::coordinator::{
    Answer, Millis, PromiseCreate, PromiseId, Schedule, ScheduleCreate, ScheduleId, Status, TAG_BRANCH, TAG_DELAY, TAG_ORIGIN,
    TAG_PARENT, TAG_SCHEDULE, Value,
};

use crate::cron::Cron;
use crate::rows::Rows;
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    /// A known id is answered with what there is; nothing else of the request counts then.
    pub(crate) fn schedule_create(&mut self, create: &ScheduleCreate) -> Step<Answer, R> {
        let next_run_at = self.check_schedule(create)?;
        if let Some(known) = self.rows.schedule(&create.id)? {
            return Ok(Answer::Schedule(known));
        }
        let schedule = Schedule {
            id: create.id.clone(),
            cron: create.cron.clone(),
            promise_id: create.promise_id.clone(),
            promise_timeout: create.promise_timeout,
            promise_param: create.promise_param.clone(),
            promise_tags: create.promise_tags.clone(),
            created_at: self.now,
            next_run_at,
            last_run_at: None,
        };
        self.rows.put_schedule(&schedule)?;
        Ok(Answer::Schedule(schedule))
    }

    /// The first instant, when its promises can be created.
    fn check_schedule(&self, create: &ScheduleCreate) -> Step<Millis, R> {
        let cron = Cron::parse(&create.cron);
        let cron = cron.map_err(|error| refuse(Status::BadRequest, format!("data.cron: {}", error.0)))?;
        let next_run_at = cron.next_after(self.now);
        if next_run_at == Millis::NEVER {
            return Err(refuse(Status::BadRequest, "data.cron: it names no instant that is still to come"));
        }
        let id = filled(&create.promise_id, &create.id, Millis::NEVER);
        let id = PromiseId::parse(&id).map_err(|error| refuse(Status::BadRequest, format!("data.promiseId: {error}")))?;
        self.check_tags(&PromiseCreate {
            id,
            param: Value::default(),
            tags: create.promise_tags.clone(),
            timeout_at: Millis::NEVER,
        })?;
        Ok(next_run_at)
    }

    pub(crate) fn schedule_delete(&mut self, id: &ScheduleId) -> Step<Answer, R> {
        if self.rows.schedule(id)?.is_none() {
            return Err(refuse(Status::NotFound, format!("there is no schedule {id:?}")));
        }
        self.rows.delete_schedule(id)?;
        Ok(Answer::Done)
    }

    /// Creates the promise of one instant. Those that were missed are due still, so each gets its own, in order.
    pub(crate) fn run_schedule(&mut self, id: &ScheduleId) -> Result<(), R::Error> {
        let Some(mut schedule) = self.rows.schedule(id)?.filter(|schedule| schedule.next_run_at <= self.now) else {
            return Ok(());
        };
        let instant = schedule.next_run_at;
        if let Some(id) = promise_id(&schedule)
            && self.rows.promise(&id)?.is_none()
        {
            let delay = schedule.promise_tags.get(TAG_DELAY).and_then(|delay| delay.trim().parse().ok()).map(Millis);
            self.make(&promise_of(&schedule, id), delay, None)?;
        }
        schedule.last_run_at = Some(instant);
        schedule.next_run_at = Cron::parse(&schedule.cron).map_or(Millis::NEVER, |cron| cron.next_after(instant));
        self.rows.put_schedule(&schedule)
    }
}

/// The id of the next promise of a schedule.
#[must_use]
pub fn promise_id(schedule: &Schedule) -> Option<PromiseId> {
    PromiseId::parse(&filled(&schedule.promise_id, &schedule.id, schedule.next_run_at)).ok()
}

fn filled(template: &str, id: &ScheduleId, instant: Millis) -> String {
    template.replace("{{.id}}", id.as_str()).replace("{{.timestamp}}", &instant.to_string())
}

/// The next promise of a schedule: the root of a tree of its own.
fn promise_of(schedule: &Schedule, id: PromiseId) -> PromiseCreate {
    let mut tags = schedule.promise_tags.clone();
    tags.insert(TAG_SCHEDULE.to_owned(), schedule.id.to_string());
    for tag in [TAG_ORIGIN, TAG_BRANCH, TAG_PARENT] {
        tags.entry(tag.to_owned()).or_insert_with(|| id.to_string());
    }
    let timeout_at = schedule.next_run_at.plus(schedule.promise_timeout);
    PromiseCreate { id, param: schedule.promise_param.clone(), tags, timeout_at }
}
