//! Schedules: create, look, remove, list.

use concierge_api_rs::coordinator::{Request, Schedule, ScheduleCreate, ScheduleGet, ScheduleId, ScheduleSearch};
use serde::Deserialize;

use super::Coordinator;
use super::error::ScheduleError;

#[derive(Deserialize)]
struct ScheduleData {
    schedule: Schedule,
}

#[derive(Deserialize)]
struct SchedulesData {
    schedules: Vec<Schedule>,
    #[serde(default)]
    cursor: Option<String>,
}

impl Coordinator {
    /// The schedule: new, or as it stands when the id is known. May be repeated.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn create_schedule(&self, schedule: ScheduleCreate) -> Result<Schedule, ScheduleError> {
        let ScheduleData { schedule } = self.insist(&Request::ScheduleCreate(schedule)).await?.data()?;
        Ok(schedule)
    }

    /// A schedule as it is now.
    ///
    /// # Errors
    /// When there is none, or no answer.
    pub async fn schedule(&self, id: &ScheduleId) -> Result<Schedule, ScheduleError> {
        let ScheduleData { schedule } = self.insist(&Request::ScheduleGet(ScheduleGet { id: id.clone() })).await?.data()?;
        Ok(schedule)
    }

    /// Ends a schedule. The promises that it created stay.
    ///
    /// # Errors
    /// When there is none, or no answer. When the answer was lost, the next attempt finds none.
    pub async fn delete_schedule(&self, id: &ScheduleId) -> Result<(), ScheduleError> {
        self.insist(&Request::ScheduleDelete(ScheduleGet { id: id.clone() })).await?;
        Ok(())
    }

    /// A page of schedules, in the order of their ids, and the cursor of the next page, if there may be one.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn schedules(&self, search: ScheduleSearch) -> Result<(Vec<Schedule>, Option<String>), ScheduleError> {
        let SchedulesData { schedules, cursor } = self.insist(&Request::ScheduleSearch(search)).await?.data()?;
        Ok((schedules, cursor))
    }
}
