//! [`Portal`]: where a practitioner gives a patient something to do, and sees what becomes of it.

use koppeltaal::{Connector, Delivery, MemoryVersionStore, PreparedMessage};
use koppeltaal_fhir::datatypes::HumanName;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal_messaging::profiles::{
    ActivityDefinition, CarePlan, CarePlanActivity, CarePlanParticipant, CarePlanSimple, CareTeam, Patient,
    Practitioner,
};
use koppeltaal_messaging::valuesets::{self, CarePlanParticipantRole, CareTeamStatus};
use koppeltaal_messaging::{Draft, Profile, Reference, ResourceKind, ResourceUrl, Sender, Source};
use koppeltaal_transport::{Client, IncludeArchived};

use super::error::{DemoError, Result};

/// The ids that the portal has in its own database.
const PATIENT: &str = "2041";
const PRACTITIONER: &str = "77";
const CARE_TEAM: &str = "5";
const PLAN: &str = "31";
/// The activity's identifier, by which other applications know it. Usually a UUID.
pub(super) const ACTIVITY: &str = "plan-31-activity-1";

/// The portal.
///
/// A clone is another session of it: it has the plan as it was when the session began.
#[derive(Clone)]
pub(super) struct Portal {
    connector: Connector,
    plan: CarePlan,
}

impl Portal {
    pub(super) fn new(client: Client, domain: &str) -> Self {
        let source = Source {
            name: "Portal of the demo".to_owned(),
            software: "Demo portal".to_owned(),
            version: "1.0".to_owned(),
            endpoint: "https://portal.example/fhir".to_owned(),
        };
        // An application that may be restarted keeps its versions in a database.
        let connector = Connector::new(client, Sender::new(source, domain), MemoryVersionStore::new());
        Self { connector, plan: CarePlan::default() }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn plan_url(&self) -> Result<ResourceUrl> {
        Ok(self.connector.url(ResourceKind::CarePlan, PLAN)?)
    }

    pub(super) fn patient_url(&self) -> Result<ResourceUrl> {
        Ok(self.connector.url(ResourceKind::Patient, PATIENT)?)
    }

    /// What the applications in the domain offer.
    pub(super) async fn activity_definitions(&self) -> Result<Vec<ActivityDefinition>> {
        let stored = self.connector.client().activity_definitions(IncludeArchived::No).collect().await?;
        Ok(stored.into_iter().map(|stored| ActivityDefinition::from_fhir(stored.resource)).collect())
    }

    /// Gives the patient an activity to do: the message that publishes a care plan with it.
    pub(super) fn publish(&mut self, definition: &ActivityDefinition) -> Result<PreparedMessage> {
        let reference = |kind, id| Ok::<_, DemoError>(Reference::from(&self.connector.url(kind, id)?));
        let activity = CarePlanActivity {
            identifier: Some(ACTIVITY.to_owned()),
            definition: definition.activity_definition_identifier.clone(),
            kind: definition.kind.clone(),
            start_date: Some(Instant::now().into()),
            status: Some(valuesets::ActivityStatus::Available),
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
        Ok(self.connector.prepare(self.draft()?)?)
    }

    /// Changes the status of the activity in the plan: the message that publishes the plan again.
    ///
    /// Other sessions change the plan too, so the draft names the version that this change is based on. If
    /// the server has another one by now, it refuses the message.
    pub(super) fn set_activity_status(
        &mut self,
        status: &valuesets::ActivityStatus,
        version: &ResourceUrl,
    ) -> Result<PreparedMessage> {
        for activity in &mut self.plan.activity {
            match status {
                valuesets::ActivityStatus::Completed => activity.finished = Some(Instant::now()),
                valuesets::ActivityStatus::Cancelled => activity.cancelled = Some(Instant::now()),
                _ => {}
            }
            activity.status = Some(status.clone());
        }
        Ok(self.connector.prepare(self.draft()?.based_on(version))?)
    }

    /// The plan with everything of the portal's own that it refers to. The connector fills in the versions.
    fn draft(&self) -> Result<Draft> {
        let url = |kind, id| self.connector.url(kind, id);
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
        let draft = self.connector.draft(PLAN, self.plan.clone())?;
        Ok(draft
            .with_resource(patient_url, patient)
            .with_resource(url(ResourceKind::Practitioner, PRACTITIONER)?, practitioner)
            .with_resource(url(ResourceKind::CareTeam, CARE_TEAM)?, care_team))
    }

    /// Claims the next message: what the game reports about an activity.
    pub(super) async fn receive_report(&self) -> Result<Option<Delivery>> {
        Ok(self.connector.receive().await?)
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
