//! Public notices (公示): what is put up is composed here, from the case, the household and the pack, and nobody types
//! it; lists show a person for exactly as long as the notice is up.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{CaseFile, Listed, NoticeRow, Page};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::notice::{self, Poster, Refused, Sheet};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::What;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::Standing;

/// Makes a sheet.
type Compose = fn(&Standing, &Household, &Packs, Poster<'_>) -> Result<Sheet, Refused>;

/// What a form of a notice says.
pub(super) struct Posting {
    pub place: String,
    pub phone: String,
    pub from: Day,
    pub until: Day,
}

impl Desk {
    /// Notices that are up today, by village; or those that stood.
    pub async fn notices(
        &self,
        person: &Person,
        area: Option<AreaId>,
        up: bool,
        page: Page,
    ) -> Result<Listed<NoticeRow>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let within = match area {
                Some(area) => {
                    permit::covers(&room.here, &room.divisions, area)?;
                    vec![area]
                }
                None => room.here.areas.clone(),
            };
            Ok(room.reader.notices(&within, up, room.day, page)?)
        })
        .await
    }
}

impl Room<'_> {
    /// The notice of a case, or why there is none.
    pub(super) fn notice(&self, file: &CaseFile, packs: &Packs, posting: Posting) -> Result<What, DeskError> {
        let sheet = self.sheet(notice::compose, file, packs, posting)?;
        Ok(What::NoticePosted { place: sheet.place.clone(), from: sheet.from, until: sheet.until, text: sheet.text() })
    }

    /// What was approved, as it is made public, or why it is not.
    pub(super) fn publication(&self, file: &CaseFile, packs: &Packs, posting: Posting) -> Result<What, DeskError> {
        let sheet = self.sheet(notice::publish, file, packs, posting)?;
        let ruling = file.standing.ruling().cloned();
        Ok(What::Published { place: sheet.place.clone(), from: sheet.from, until: sheet.until, text: sheet.text(), ruling })
    }

    fn sheet(&self, compose: Compose, file: &CaseFile, packs: &Packs, posting: Posting) -> Result<Sheet, DeskError> {
        let household = file.standing.household.ok_or_else(|| DeskError::NotNow {
            why: "没有家庭档案，无法确认姓名可否公布，请先登记家庭".to_owned(),
        })?;
        let found = self.reader.household(&household)?;
        let found = found.ok_or_else(|| DeskError::NotNow { why: "家庭档案尚未到达本机".to_owned() })?;
        let Posting { place, phone, from, until } = posting;
        let phone = if phone.trim().is_empty() { self.last_phone()? } else { phone };
        let poster = Poster { village: &file.row.area_name, place: &place, from, until, office: &self.here.name, phone: &phone };
        compose(&file.standing, &found.household, packs, poster).map_err(|refused| match refused.field {
            "" => DeskError::NotNow { why: refused.why },
            field => DeskError::invalid(field, refused.why),
        })
    }

    /// The telephone number for objections that this office gave last.
    pub(super) fn last_phone(&self) -> Result<String, DeskError> {
        let text = self.reader.last_notice_of(self.here.office)?.unwrap_or_default();
        Ok(notice::line(&text, "异议电话").unwrap_or_default().to_owned())
    }
}
