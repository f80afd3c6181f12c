//! [`Portal`]: where a practitioner gives a patient something to do, and sees what becomes of it.

use koppeltaal_fhir::datatypes::HumanName;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal_messaging::profiles::{
    ActivityDefinition, CarePlan, CarePlanActivity, CarePlanActivityStatus, CarePlanParticipant,
    CarePlanSimple, CareTeam, Patient, Practitioner,
};
use koppeltaal_messaging::valuesets::{self, CarePlanParticipantRole, CareTeamStatus};
use koppeltaal_messaging::{Draft, Event, Profile, Reference, ResourceKind, ResourceUrl, Source};
use koppeltaal_transport::IncludeArchived;

use super::connection::{Account, Connection, Delivery, Sent, Trouble};

/// The ids that the portal has in its own database.
const PATIENT: &str = "2041";
const PRACTITIONER: &str = "77";
const CARE_TEAM: &str = "5";
const PLAN: &str = "31";
/// The activity's identifier, by which other applications speak of it. Usually a UUID.
pub(super) const ACTIVITY: &str = "plan-31-activity-1";

/// The portal.
///
/// A clone is another session of it: it knows what the first one knew when it was made, and nothing from later.
#[derive(Debug, Clone)]
pub(super) struct Portal {
    connection: Connection,
    plan: CarePlan,
}

impl Portal {
    pub(super) fn new(account: Account<'_>) -> Result<Self, Trouble> {
        let source = Source {
            name: "Portal of the demo".to_owned(),
            software: "Demo portal".to_owned(),
            version: "1.0".to_owned(),
            endpoint: "https://portal.example/fhir".to_owned(),
        };
        Ok(Self { connection: Connection::new(account, source)?, plan: CarePlan::default() })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn plan_url(&self) -> Result<ResourceUrl, Trouble> {
        self.connection.url(ResourceKind::CarePlan, PLAN)
    }

    pub(super) fn patient_url(&self) -> Result<ResourceUrl, Trouble> {
        self.connection.url(ResourceKind::Patient, PATIENT)
    }

    /// What the applications in the domain offer.
    pub(super) async fn activity_definitions(&self) -> Result<Vec<ActivityDefinition>, Trouble> {
        let stored = self.connection.client().activity_definitions(IncludeArchived::No).collect().await?;
        Ok(stored.into_iter().map(|stored| ActivityDefinition::from_fhir(stored.resource)).collect())
    }

    /// Gives the patient an activity to do: makes a care plan with it and publishes that.
    pub(super) async fn publish(&mut self, definition: &ActivityDefinition) -> Result<Sent, Trouble> {
        let reference = |kind, id| Ok::<_, Trouble>(Reference::from(&self.connection.url(kind, id)?));
        let activity = CarePlanActivity {
            identifier: Some(ACTIVITY.to_owned()),
            definition: definition.activity_definition_identifier.clone(),
            kind: definition.kind.clone(),
            start_date: Some(Instant::now().into()),
            status: Some(valuesets::CarePlanActivityStatus::Available),
            // Nobody but the patient writes to it.
            simple: Some(CarePlanSimple {
                category: Some(CarePlanActivityCategory::Other),
                ..CarePlanSimple::default()
            }),
            ..CarePlanActivity::default()
        };
        let requester = CarePlanParticipant {
            member: Some(reference(ResourceKind::Practitioner, PRACTITIONER)?),
            role: Some(CarePlanParticipantRole::Requester),
            care_team: vec![reference(ResourceKind::CareTeam, CARE_TEAM)?],
            ..CarePlanParticipant::default()
        };
        self.plan = CarePlan {
            patient: Some(reference(ResourceKind::Patient, PATIENT)?),
            status: Some(CarePlanStatus::Active),
            participant: vec![requester],
            activity: vec![activity],
            ..CarePlan::default()
        };
        self.post_plan().await
    }

    /// Changes the status of the activity in the plan, and publishes the plan again.
    pub(super) async fn set_activity_status(
        &mut self,
        status: valuesets::CarePlanActivityStatus,
    ) -> Result<Sent, Trouble> {
        for activity in &mut self.plan.activity {
            match status {
                valuesets::CarePlanActivityStatus::Completed => activity.finished = Some(Instant::now()),
                valuesets::CarePlanActivityStatus::Cancelled => activity.cancelled = Some(Instant::now()),
                _ => {}
            }
            activity.status = Some(status.clone());
        }
        self.post_plan().await
    }

    /// Posts the plan with all that it refers to and that is the portal's own. Each resource goes with the version
    /// that the portal knows.
    async fn post_plan(&mut self) -> Result<Sent, Trouble> {
        let url = |kind, id| self.connection.url(kind, id);
        let patient_url = url(ResourceKind::Patient, PATIENT)?;
        let patient = Patient {
            name: vec![name("Lieke", "van der Zwaluwbeek")],
            birth_date: "1994-05-17".parse().ok(),
            ..Patient::default()
        };
        let practitioner = Practitioner { name: Some(name("Teun", "Haverkruid")), ..Practitioner::default() };
        let care_team = CareTeam {
            name: Some("Team Duin".to_owned()),
            status: Some(CareTeamStatus::Active),
            subject: Some(Reference::from(&patient_url)),
            ..CareTeam::default()
        };
        let draft =
            Draft::new(Event::CreateOrUpdateCarePlan, url(ResourceKind::CarePlan, PLAN)?, self.plan.clone())
                .with(patient_url, patient)
                .with(url(ResourceKind::Practitioner, PRACTITIONER)?, practitioner)
                .with(url(ResourceKind::CareTeam, CARE_TEAM)?, care_team);
        self.connection.post(draft).await
    }

    /// Claims what the game has to say about an activity.
    pub(super) async fn receive_status(
        &mut self,
    ) -> Result<Option<(Delivery, Option<CarePlanActivityStatus>)>, Trouble> {
        let delivery = self.connection.claim().await?;
        Ok(delivery.map(|delivery| {
            let status = CarePlanActivityStatus::from_resource_ref(delivery.message.focal.resource());
            (delivery, status)
        }))
    }
}

fn name(given: &str, family: &str) -> HumanName {
    HumanName {
        text: format!("{given} {family}").as_str().into(),
        given: vec![given.into()],
        family: vec![family.into()],
        ..HumanName::default()
    }
}
