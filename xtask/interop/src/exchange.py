"""The Python connector `koppeltaal` against a sandbox: run by `cargo xtask interop python` as

    exchange.py SERVER MESSAGES

MESSAGES holds files with whole messages of the events that this connector has no models of. Sends, receives and
acknowledges by the connector's own code. Prints what went through; ends with status 0, or with a traceback.
"""

import datetime
import json
import pathlib
import sys
import uuid

from koppeltaal.connector import Connector, Integration
from koppeltaal import interfaces, models
from koppeltaal.utils import Credentials

SERVER, MESSAGES = sys.argv[1], pathlib.Path(sys.argv[2])


class World(Integration):
    client_id = 'game'
    client_secret = 'game'

    def model_id(self, model):
        if not hasattr(model, 'sandbox_id'):
            model.sandbox_id = uuid.uuid4().hex
        return model.sandbox_id


def connector(name):
    integration = World(name=name, url='https://%s.example/fhir' % name, software='check', version='1')
    return Connector(Credentials(SERVER, name, name, 'Sandbox', {}), integration)


def received(of, event):
    """The focal models of the messages that wait, acknowledged one by one."""
    models_of = []
    for update in of.updates():
        with update:
            assert update.message.event == event, update.message.event
            models_of.append(update.data)
    return models_of


def send(of, event, model, about):
    """Sends, and keeps the versions that come back, as an application of this connector has to."""
    for sent in of.send(event, model, about):
        for known in (patient, practitioner, related, plan):
            if sent.fhir_link.split('/_history/')[0].endswith('/' + of.integration.model_id(known)):
                known.fhir_link = sent.fhir_link


portal, game = connector('portal'), connector('game')
assert portal.metadata()['name'] == 'Koppeltaal'

activities = portal.activities()
assert [activity.identifier for activity in activities] == ['SANDBOX-GAME'], activities

definition = models.ActivityDefinition(
    identifier=uuid.uuid4().hex, kind='Game', name='Check', description='A check',
    application=models.ReferredResource(display='game'))
game.send_activity(definition)
first = definition.fhir_link
definition.name = 'Checked'
game.send_activity(definition)
assert '/_history/' in first and definition.fhir_link > first
assert [told.name for told in received(portal, 'CreateOrUpdateActivityDefinition')] == ['Checked']
print('published and received CreateOrUpdateActivityDefinition')

patient = models.Patient(name=[models.Name(given=['Lieke'], family=['Proef'])], active=True)
practitioner = models.Practitioner(name=models.Name(given=['Hanna'], family=['Arts']))
activity = models.Activity(
    identifier=uuid.uuid4().hex, kind='Game', definition=definition.identifier,
    status='Available', planned=datetime.datetime(2026, 1, 1))
plan = models.CarePlan(activities=[activity], patient=patient, status='active',
                       participants=[models.Participant(member=practitioner, role='Requester')])

related = models.RelatedPerson(patient=patient, name=models.Name(given=['Joris'], family=['Proef']), gender='M')

for event, model, about in [
        ('CreateOrUpdatePatient', patient, patient),
        ('CreateOrUpdatePractitioner', practitioner, None),
        ('CreateOrUpdateRelatedPerson', related, patient),
        ('CreateOrUpdateCarePlan', plan, patient)]:
    send(portal, event, model, about)
    [told] = received(game, event)
    assert type(told) is type(model), told
    print('sent, received and acknowledged', event)

assert told.activities[0].identifier == activity.identifier
assert not list(game.updates())

# The connector has no models of these, so it cannot compose them; what it receives has no content. It fails to acknowledge
# such a message as it is, since it cannot write the reference to a model that it does not have: an application that
# subscribes to them has to take that away.
for event, of, to in [
        ('CreateOrUpdateCarePlanActivityResult', game, portal),
        ('CreateOrUpdateUserMessage', game, portal)]:
    payload = json.loads((MESSAGES / (event + '.json')).read_text())
    of.transport.create(interfaces.MAILBOX_URL, payload)
    [update] = to.updates()
    assert (update.message.event, update.data) == (event, None), (update.message.event, update.data)
    with update:
        update.message.data = None
    assert not list(to.updates())
    print('received and acknowledged', event, '- without content, of which the connector has no model')
assert len(list(portal.search(status='Success'))) == 3
# The game is told of user messages too, also of its own.
for update in game.updates():
    with update:
        update.message.data = None

# Again, now with the versions that came back.
first = plan.fhir_link
send(portal, 'CreateOrUpdateCarePlan', plan, patient)
assert plan.fhir_link > first
for update in game.updates():
    try:
        with update:
            raise RuntimeError('something went wrong')
    except RuntimeError:
        break
[again] = game.updates()
with again:
    latest = again.data
    again.fail('no use')
[header] = [found for found in game.search(status='Failed')]
assert header.status.exception == 'no use'

status = models.ActivityStatus(identifier=activity.identifier, percentage=50, status='InProgress')
game.send('UpdateCarePlanActivityStatus', status, latest.patient)
statuses = received(portal, 'UpdateCarePlanActivityStatus')
assert [told.percentage for told in statuses] == [50]
print('sent, received and acknowledged UpdateCarePlanActivityStatus')

location = portal.launch(plan, user=patient)
launch = location.split('launch=')[1]
redirect = 'http://127.0.0.1:8481/login'
code = game.transport.query_redirect(
    game.authorize_from_parameters('game', launch, redirect)).location.split('code=')[1]
token = game.token_from_parameters(code, redirect)
assert token['token_type'] == 'Bearer' and token['patient'].startswith('https://portal.example/fhir/Patient/')
print('launched, authorized, got a token')
