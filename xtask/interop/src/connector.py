"""The other side of `cargo xtask interop python`: runs in an environment that has the Python connector `koppeltaal`.

`pack DIRECTORY` writes messages that the connector composes; `unpack DIRECTORY` reads messages with it. Both print, as
JSON by file, what the connector knows about each.
"""

import json
import pathlib
import sys

from koppeltaal import connector, definitions, models, utils
from koppeltaal.fhir import bundle

PORTAL = "https://portal.example/fhir"


class Integration(connector.Integration):
    """An application whose models have the ids that they were given."""

    def model_id(self, model):
        return getattr(model, "number", None) or super().model_id(model)


def numbered(model, number):
    model.number = number
    return model


def name():
    return models.Name(given=["Mees"], family=["Duinroos"], use="official")


def patient():
    bsn = models.Identifier(system=definitions.IDENTIFIER_BSN, value="123456782", use="official")
    contact = models.Contact(system="email", value="mees@epd.example", use="home")
    person = models.Patient(name=[name()], age=44, identifiers=[bsn], contacts=[contact], gender="M", active=True)
    return numbered(person, "3007")


def practitioner():
    person = models.Practitioner(name=models.Name(given=["Teun"], family=["Haverkruid"]), gender="M")
    return numbered(person, "77")


def care_team(subject):
    organization = numbered(models.Organization(name="Zonnedauw", active=True), "1")
    team = models.CareTeam(name="Team", status="active", subject=subject, managing_organization=[organization])
    return numbered(team, "31")


def care_plan():
    subject, requester = patient(), practitioner()
    team = care_team(subject)
    part = models.SubActivity(definition="nacht-1", status="InProgress")
    activity = models.Activity(
        identifier=PORTAL + "/CarePlan/900#a1",
        definition="VUURTOREN",
        kind="Game",
        planned=utils.now(),
        status="Available",
        subactivities=[part],
        participants=[models.Participant(member=requester, role="Caregiver", careteam=[team])],
        details=models.ActivityDetails(category="procedure", performers=[subject]),
    )
    plan = models.CarePlan(
        patient=subject,
        status="active",
        participants=[models.Participant(member=requester, role="Requester", careteam=[team])],
        goals=[models.Goal(description="Doorslapen", status="in progress")],
        activities=[activity],
    )
    return numbered(plan, "900"), subject


def activity_status():
    status = models.ActivityStatus(
        identifier=PORTAL + "/CarePlan/900#a1",
        status="InProgress",
        percentage=40,
        subactivities=[models.SubActivity(definition="nacht-1", status="Completed")],
    )
    return numbered(status, "718"), patient()


def related_person():
    subject = patient()
    person = models.RelatedPerson(patient=subject, name=models.Name(given=["Joris"], family=["Duinroos"]), gender="M")
    return numbered(person, "3007-1"), subject


def activity_definition():
    part = models.SubActivityDefinition(name="Nacht 1", identifier="nacht-1")
    application = models.ReferredResource(fhir_link=PORTAL + "/Device/1", display="vuurtoren-game")
    definition = models.ActivityDefinition(
        identifier="VUURTOREN", kind="Game", name="Vuurtoren", application=application, subactivities=[part]
    )
    return numbered(definition, "6720"), None


def messages():
    subject = patient()
    yield "CreateOrUpdatePatient", subject, subject
    yield "CreateOrUpdatePractitioner", practitioner(), None
    yield ("CreateOrUpdateRelatedPerson",) + related_person()
    yield ("CreateOrUpdateCarePlan",) + care_plan()
    yield ("UpdateCarePlanActivityStatus",) + activity_status()
    yield ("CreateOrUpdateActivityDefinition",) + activity_definition()


def facts(message, link=None):
    """What a message says, as the Rust side says it. `link` is that of a focal resource which the connector has no model of."""
    focal = message.data[0]
    content = []
    if definitions.CarePlan.providedBy(focal):
        content = ["{} {}".format(one.identifier, one.status) for one in focal.activities or []]
    elif definitions.CarePlanActivityStatus.providedBy(focal):
        percentage = "-" if focal.percentage is None else focal.percentage
        content = ["{} {} {}".format(focal.identifier, focal.status, percentage)]
    elif definitions.ActivityDefinition.providedBy(focal):
        content = [focal.identifier]
    elif definitions.Patient.providedBy(focal):
        content = [part for one in focal.name for part in one.family]
    elif definitions.Practitioner.providedBy(focal) or definitions.RelatedPerson.providedBy(focal):
        content = list(focal.name.family) if focal.name else []
    return {
        "event": message.event,
        "patient": message.patient and utils.strip_history_from_link(message.patient.fhir_link),
        "focal": utils.strip_history_from_link(focal.fhir_link if focal else link),
        "content": content,
    }


def pack(directory, integration):
    said = {}
    for event, focal, subject in messages():
        source = models.MessageHeaderSource(
            name=integration.name,
            endpoint=integration.url,
            software=integration.software,
            version=integration.version,
        )
        header = models.MessageHeader(
            timestamp=utils.now(),
            event=event,
            identifier=utils.messageid(),
            data=[focal],
            source=source,
            patient=subject,
        )
        packed = bundle.Bundle("Zonnedauw", integration)
        packed.add_model(header)
        file = event + ".json"
        (directory / file).write_text(json.dumps(packed.get_payload(), indent=2))
        said[file] = facts(header)
    return said


def unpack(directory, integration):
    said = {}
    for path in sorted(directory.glob("*.json")):
        packed = bundle.Bundle("Zonnedauw", integration)
        payload = json.loads(path.read_text())
        packed.add_payload(payload)
        errors = [str(error) for error in packed.errors()]
        header = packed.unpack_model(definitions.MessageHeader)
        link = payload["entry"][0]["content"]["data"][0]["reference"]
        said[path.name] = {"errors": errors, "facts": header and facts(header, link)}
    return said


def main(mode, directory):
    integration = Integration(name="Interop", url=PORTAL, software="Interop", version="1.0")
    modes = {"pack": pack, "unpack": unpack}
    print(json.dumps(modes[mode](pathlib.Path(directory), integration)))


main(*sys.argv[1:])
