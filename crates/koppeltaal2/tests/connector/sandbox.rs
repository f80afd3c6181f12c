//! The connector in a whole domain: tokens, permissions, versions, pages, notifications, launches.

use std::time::Duration;

use axum::Router;
use koppeltaal_r4::{ReadOptions, Resource};
use koppeltaal2::profiles::{
    ActivityDefinition, AuditEvent, Endpoint, Patient, Practitioner, RelatedPerson, Task,
};
use koppeltaal2::{
    Changes, Connector, Domain, Error, FailureReason, LaunchReceiver, LaunchRequest, Launcher,
    NewSubscription, Profile, Search, StoredResource, SubscriptionOutcome, Trace, UpdateError,
    WebhookService,
};
use koppeltaal2_sandbox::{Application, Role, Sandbox, Switches};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A domain with an EPD, a portal, a module and an administration.
struct World {
    sandbox: Sandbox,
    domain: Domain,
}

impl World {
    async fn start() -> Self {
        Self::with(Switches::default()).await
    }

    async fn with(switches: Switches) -> Self {
        let module = Application::new("module").role(Role::Module).redirect_uri(CALLBACK);
        let sandbox =
            Sandbox::builder().switches(switches).application(module).start().await.expect("a sandbox");
        let domain = Domain::discover(sandbox.fhir_base()).await.expect("a domain");
        Self { sandbox, domain }
    }

    fn connect(&self, name: &str) -> Connector {
        let application = self.sandbox.application(name);
        self.domain.connect(application.client_id(), application.key())
    }
}

/// A resource of a profile.
fn resource<P: Profile>(mut json: Value) -> P {
    json["resourceType"] = P::NAME.into();
    let read = ReadOptions::strict().json(json.to_string().as_bytes()).expect("a resource").document;
    P::from_resource(read).unwrap_or_else(|other| panic!("{}", other.resource_type()))
}

/// What a resource holds.
fn json_of<P: Profile>(stored: &StoredResource<P>) -> Value {
    let resource: Resource = stored.resource.clone().into_fhir().into();
    serde_json::from_str(&resource.to_json().expect("JSON")).expect("JSON")
}

fn patient(number: u32) -> Patient {
    resource(json!({
        "identifier": [{"system": "https://epd.example/patients", "value": format!("patient-{number}@example.nl")}],
        "active": true, "name": [{"use": "official", "family": "Bloemsma", "given": ["Ineke"]}], "gender": "female", "birthDate": "1979-02-17"
    }))
}

fn practitioner() -> Practitioner {
    resource(json!({
        "identifier": [{"system": "https://epd.example/practitioners", "value": "nadia@example.nl"}],
        "active": true, "name": [{"use": "official", "family": "Elburg", "given": ["Nadia"]}]
    }))
}

fn relative(patient: &str) -> RelatedPerson {
    resource(json!({
        "identifier": [{"system": "https://epd.example/relatives", "value": "sanne@example.nl"}],
        "active": true, "name": [{"use": "official", "family": "Zonneveld", "given": ["Sanne"]}], "gender": "female", "birthDate": "1961-05-09",
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "Mother"}]}],
        "patient": {"reference": patient}
    }))
}

fn task(definition: &str, patient: &str, owner: &str, number: u32) -> Task {
    resource(json!({
        "extension": [{"url": "http://vzvz.nl/fhir/StructureDefinition/instantiates", "valueReference": {"reference": definition}}],
        "identifier": [{"system": "https://portal.example/tasks", "value": number.to_string()}],
        "status": "ready", "intent": "order",
        "for": {"reference": patient, "type": "Patient"}, "owner": {"reference": owner}
    }))
}

/// A module's offer: its endpoint and its definition.
async fn publish(module: &Connector) -> StoredResource<ActivityDefinition> {
    let endpoint: Endpoint = resource(json!({
        "status": "active", "address": "https://module.example/launch",
        "connectionType": {"system": "http://vzvz.nl/fhir/CodeSystem/koppeltaal-endpoint-connection-type", "code": "hti-smart-on-fhir"},
        "payloadType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any"}]}]
    }));
    let endpoint = module.create(endpoint).await.expect("an endpoint");
    let definition: ActivityDefinition = resource(json!({
        "extension": [
            {"url": "http://koppeltaal.nl/fhir/StructureDefinition/KT2EndpointExtension", "valueReference": {"reference": endpoint.reference(), "type": "Endpoint"}},
            {"url": "http://koppeltaal.nl/fhir/StructureDefinition/KT2PublisherId", "valueId": "acme"}],
        "url": "https://module.example/mood", "title": "Mood diary", "status": "active"
    }));
    module.create(definition).await.expect("a definition")
}

#[tokio::test]
async fn a_patient_is_created_read_changed_and_found() {
    let world = World::start().await;
    assert_eq!(world.domain.fhir_version(), Some("4.0.1"));
    assert!(world.domain.package_version().is_some() && world.domain.configuration().missing().is_empty());
    let epd = world.connect("epd");
    let device = epd.find_device().await.expect("a search").expect("the application's own");
    assert_eq!(device.reference(), epd.device());
    let created = epd.create(patient(1)).await.expect("a patient");
    assert_eq!(created.version, "1");
    let origin = &json_of(&created)["extension"][0]["valueReference"]["reference"];
    assert_eq!(origin, epd.device());

    let changed = epd.update_with::<Patient>(&created.id, |patient| {
        patient.active = false.into();
    });
    assert_eq!(changed.await.expect("an update").version, "2");
    let old = epd.read_version::<Patient>(&created.id, "1").await.expect("the first version");
    assert_eq!(json_of(&old)["active"], true);
    let found = epd.find_one(
        Search::<Patient>::new()
            .identifier("https://epd.example/patients", "patient-1@example.nl")
            .active(false),
    );
    assert_eq!(found.await.expect("a search").expect("one").version, "2");
    assert!(epd.find_one(Search::<Patient>::new().active(true)).await.expect("a search").is_none());

    // A copy may be created: what the server said of the first one is left out.
    let copy = epd.create(old.resource).await.expect("a copy");
    assert_ne!(copy.id, created.id);
}

#[tokio::test]
async fn a_second_writer_with_an_old_version_is_told_what_it_is_now() {
    for status in [409, 412] {
        let mut switches = Switches::default();
        switches.stale_version_status = status;
        let world = World::with(switches).await;
        let epd = world.connect("epd");
        let first = epd.create(patient(1)).await.expect("a patient");
        let second = epd.read::<Patient>(&first.reference()).await.expect("a patient");
        let deactivate = |patient: &mut Patient| {
            patient.active = false.into();
        };
        epd.update(first.edit(deactivate)).await.expect("the first writer");
        match epd.update(second.edit(deactivate)).await {
            Err(UpdateError::Conflict { current }) => assert_eq!(current.version, "2"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_domain_refuses_what_is_wrong_not_allowed_or_gone() {
    let world = World::start().await;
    let (epd, module, administration) =
        (world.connect("epd"), world.connect("module"), world.connect("administration"));
    let denied = module.create(patient(1)).await.expect_err("no permission");
    assert!(matches!(denied, Error::Denied(_)), "{denied}");
    let patient = epd.create(patient(1)).await.expect("a patient");

    let nobody = task(
        "ActivityDefinition/00000000-0000-4000-8000-000000000000",
        &patient.reference(),
        &patient.reference(),
        1,
    );
    let invalid = epd.create(nobody).await.expect_err("a reference to nothing");
    assert!(invalid.refusal().is_some_and(|refusal| !refusal.issues.is_empty()), "{invalid}");

    let missing = epd.read::<Patient>("00000000-0000-4000-8000-000000000000").await.expect_err("nobody");
    assert!(matches!(missing, Error::NotFound(_)), "{missing}");
    assert!(matches!(epd.delete(&patient).await, Err(Error::Denied(_))));
    administration.delete(&patient).await.expect("a delete");
    let gone = epd.read::<Patient>(&patient.id).await.expect_err("gone");
    assert!(matches!(gone, Error::Gone(_)), "{gone}");
    epd.read_version::<Patient>(&patient.id, "1").await.expect("its history stays");
    let update = epd.update(patient).await;
    assert!(matches!(&update, Err(UpdateError::Failed(Error::Gone(_)))), "{update:?}");
}

#[tokio::test]
async fn a_search_comes_in_pages_and_each_resource_once() {
    let world = World::start().await;
    let epd = world.connect("epd");
    for number in 0..25 {
        epd.create(patient(number)).await.expect("a patient");
    }
    let page = epd.search_page(Search::<Patient>::new().count(10)).await.expect("a page");
    assert_eq!((page.entries.len(), page.has_next), (10, true));
    let all = epd.search(Search::<Patient>::new().count(10)).collect().await.expect("all");
    let ids: std::collections::HashSet<_> = all.iter().map(|patient| &patient.id).collect();
    assert_eq!((all.len(), ids.len()), (25, 25));
    let sorted =
        epd.search(Search::<Patient>::new().count(7).sort("_lastUpdated")).collect().await.expect("all");
    assert!(sorted.windows(2).all(|pair| pair[0].last_updated.as_ref().map(ToString::to_string)
        <= pair[1].last_updated.as_ref().map(ToString::to_string)));
}

/// Serves the webhook of a module and returns its address.
async fn serve(changes: &Changes<Task>, module: &Connector) -> (String, WebhookService) {
    let service = WebhookService::with_secret("X-Secret", "geheim", changes.notifier()).expect("a service");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/notified", listener.local_addr().expect("an address"));
    let service = service.recording(module);
    let router = Router::new().route_service("/notified", service.clone());
    tokio::spawn(async { axum::serve(listener, router).await });
    (address, service)
}

/// All AuditEvents of a chain, by their type and subtype, when these are there. The server writes its own a
/// little later.
async fn events(administration: &Connector, trace_id: &str, wanted: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let search = async {
        loop {
            let events =
                administration.search(Search::<AuditEvent>::new().trace_id(trace_id)).collect().await;
            found = events
                .expect("events")
                .iter()
                .map(|event| {
                    let event = json_of(event);
                    let code = |coding: &Value| coding["code"].as_str().unwrap_or_default().to_owned();
                    format!("{}/{}", code(&event["type"]), code(&event["subtype"][0]))
                })
                .collect();
            if wanted.iter().all(|wanted| found.iter().any(|found| found == wanted)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(PATIENCE, search).await.is_err() {
        panic!("{wanted:?} were expected among {found:?}");
    }
    found
}

#[tokio::test]
async fn a_module_is_told_of_new_work_and_finds_what_it_was_not_told_of() {
    let world = World::start().await;
    let (epd, portal, module) = (world.connect("epd"), world.connect("portal"), world.connect("module"));
    let definition = publish(&module).await;
    let patient = epd.create(patient(1)).await.expect("a patient").reference();

    let search = Search::<Task>::new().status("ready").instantiates_publisher_id("acme");
    let mut changes = module.changes(search.clone()).every(Duration::from_secs(3600));
    let (address, service) = serve(&changes, &module).await;
    let wanted = NewSubscription::new(&search, &address, "new work").header("X-Secret", "geheim");
    let made = module.subscribe(&wanted).await.expect("a subscription");
    assert!(matches!(made, SubscriptionOutcome::Created(_)), "{made:?}");
    service.set_subscription(&made.subscription().reference());
    let again = module.subscribe(&wanted).await.expect("a subscription");
    assert!(
        matches!(&again, SubscriptionOutcome::Found(found) if found.id == made.subscription().id),
        "{again:?}"
    );
    assert!(changes.next_now().await.expect("a search").is_none(), "there is no work yet");

    let chain = portal.with_trace(Trace::new());
    let new = task(&definition.reference(), &patient, &patient, 1);
    let created = chain.create(new).await.expect("a task");
    let told = timeout(PATIENCE, changes.next()).await.expect("a notification").expect("a task");
    assert_eq!((&told.id, &told.version), (&created.id, &created.version));
    module.flush_events().await;

    // The module's own change is not news to it, and the notification for it comes for nothing.
    module
        .update_with::<Task>(&told.id, |task| {
            task.description = "seen".into();
        })
        .await
        .expect("an update");
    let quiet = timeout(Duration::from_millis(500), changes.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");

    world.sandbox.lose_notifications(1);
    let lost = chain.create(task(&definition.reference(), &patient, &patient, 2)).await.expect("a task");
    let quiet = timeout(Duration::from_millis(500), changes.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let position = changes.position();
    let mut by_timer = module.changes(search).resume(&position).every(Duration::from_millis(100));
    let found = timeout(PATIENCE, by_timer.next()).await.expect("the timer").expect("a task");
    assert_eq!(found.id, lost.id);

    let trace_id = chain.trace().trace_id().expect("a chain").to_owned();
    events(&world.connect("administration"), &trace_id, &["rest/create", "transmit/", "receive/"]).await;
    assert_eq!(module.lost_events(), 0);
}

#[tokio::test]
async fn every_change_of_many_writers_is_seen_while_a_third_of_the_notifications_is_lost() {
    const TASKS: u32 = 40;
    let world = World::start().await;
    let (epd, portal, module) = (world.connect("epd"), world.connect("portal"), world.connect("module"));
    let definition = publish(&module).await.reference();
    let patient = epd.create(patient(1)).await.expect("a patient").reference();
    let search = Search::<Task>::new().instantiates(&definition);
    let mut changes = module.changes(search.clone()).every(Duration::from_millis(300));
    let (address, _) = serve(&changes, &module).await;
    let wanted = NewSubscription::new(&search, &address, "work").header("X-Secret", "geheim");
    changes = changes.keep_subscribed(wanted);

    let writers = (0..4).map(|writer| {
        let (portal, definition, patient) = (portal.clone(), definition.clone(), patient.clone());
        let sandbox = &world.sandbox;
        async move {
            for number in (writer..TASKS).step_by(4) {
                let mut task =
                    portal.create(task(&definition, &patient, &patient, number)).await.expect("a task");
                for status in ["in-progress", "completed"] {
                    if (number + writer) % 3 == 0 {
                        sandbox.lose_notifications(1);
                    }
                    task.status = status.into();
                    task = portal.update(task).await.expect("an update");
                }
            }
        }
    });
    let mut seen = Vec::new();
    let read = async {
        let mut completed = 0;
        while completed < TASKS {
            let task = changes.next().await.expect("a change");
            completed += u32::from(task.status.as_str() == Some("completed"));
            seen.push((task.id.clone(), task.version.parse::<u32>().expect("a number")));
        }
    };
    let both = futures_util::future::join(futures_util::future::join_all(writers), timeout(PATIENCE, read));
    assert!(both.await.1.is_ok(), "{} changes were seen", seen.len());
    for (number, (id, version)) in seen.iter().enumerate() {
        let later = &seen[number + 1..];
        assert!(later.iter().all(|(other, after)| other != id || after > version), "in order, and each once");
    }
    let quiet = timeout(Duration::from_millis(700), changes.next()).await;
    assert!(quiet.is_err(), "nothing comes twice: {quiet:?}");
}

#[tokio::test]
async fn a_portal_launches_a_user_who_logs_in_and_all_of_it_is_in_one_chain() {
    let world = World::start().await;
    let (epd, portal, module) = (world.connect("epd"), world.connect("portal"), world.connect("module"));
    let definition = publish(&module).await;
    let patient = epd.create(patient(1)).await.expect("a patient").reference();
    let practitioner = epd.create(practitioner()).await.expect("a practitioner").reference();
    let work =
        portal.create(task(&definition.reference(), &patient, &practitioner, 1)).await.expect("a task");

    let relative = epd.create(relative(&patient)).await.expect("a relative").reference();

    for user in [&relative, &patient, &practitioner] {
        let launch =
            Launcher::new(&portal).launch(&LaunchRequest::new(&work.id, user)).await.expect("a launch");
        assert_eq!((&*launch.address, &*launch.module), ("https://module.example/launch", module.device()));
        let form = form_of(launch.page.html());

        let receiver = LaunchReceiver::new(&module);
        let received = receiver.receive(form.as_bytes()).expect("a launch");
        let (url, pending) = receiver.begin(&received, CALLBACK).expect("a login");
        let back = world.sandbox.log_in(url.as_str(), user).await.expect("a login");
        let context = receiver.finish(&pending, &back).await.expect("a user");
        assert_eq!(
            (&context.task, &context.user, context.patient.as_ref()),
            (&work.reference(), user, Some(&patient))
        );
        assert_eq!(context.definition, Some(definition.reference()));
        assert!(context.id_token.is_some() && context.user_token.is_none());
        assert_eq!(context.trace.trace_id(), Some(&*launch.trace_id));

        let chain = module.with_trace(context.trace);
        let status = if *user == practitioner { "completed" } else { "in-progress" };
        chain
            .update_with::<Task>(&context.task, |task| {
                task.description = user.as_str().into();
                task.status = status.into();
            })
            .await
            .expect("an update");
        portal.flush_events().await;
        module.flush_events().await;
        let wanted = ["110100/110120", "rest/read", "rest/update"];
        let found = events(&world.connect("administration"), &launch.trace_id, &wanted).await;
        assert_eq!(
            found.iter().filter(|event| *event == "110100/110120").count(),
            2,
            "sent and received: {found:?}"
        );

        // A launch works once.
        let (url, _) = receiver.begin(&received, CALLBACK).expect("a login");
        assert!(world.sandbox.log_in(url.as_str(), user).await.is_err());
    }
    assert_eq!((portal.lost_events(), module.lost_events()), (0, 0));
    let ended = Launcher::new(&portal).launch(&LaunchRequest::new(&work.id, &patient)).await;
    assert!(ended.is_err(), "the task is completed");
    let look = LaunchRequest::new(&work.id, &patient).allow_completed();
    Launcher::new(&portal).launch(&look).await.expect("a look at it");
}

#[tokio::test]
async fn a_module_without_personal_data_only_asks_about_the_launch() {
    for reference_service in [false, true] {
        let mut switches = Switches::default();
        switches.introspection_for_token_endpoint_only = reference_service;
        switches.plain_text_errors = reference_service;
        switches.expires_in_as_text = reference_service;
        let world = World::with(switches).await;
        let (epd, portal, module) = (world.connect("epd"), world.connect("portal"), world.connect("module"));
        let definition = publish(&module).await;
        let patient = epd.create(patient(1)).await.expect("a patient").reference();
        let work = portal.create(task(&definition.reference(), &patient, &patient, 1)).await.expect("a task");
        let launch =
            Launcher::new(&portal).launch(&LaunchRequest::new(&work.id, &patient)).await.expect("a launch");

        let receiver = LaunchReceiver::new(&module);
        let received = receiver.receive(form_of(launch.page.html()).as_bytes()).expect("a launch");
        let context = receiver.introspect(&received).await.expect("a user");
        assert_eq!((&context.task, &context.user), (&work.reference(), &patient));
        let failure = receiver.introspect(&received).await.expect_err("it was used");
        assert!(matches!(failure.reason, FailureReason::Inactive), "{failure}");
        assert_eq!(receiver.failure(&failure).reference, launch.trace_id);
        module.flush_events().await;
        assert_eq!(module.lost_events(), 0);
    }
}

/// The form of a launch page as the browser sends it.
fn form_of(html: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = html.split_once(&format!("name=\"{name}\" value=\"")).expect("the field");
        rest.split('"').next().expect("a value").to_owned()
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("launch", &field("launch")).append_pair("iss", &field("iss")).finish()
}
