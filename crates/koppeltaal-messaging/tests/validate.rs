//! Validation: each rule is broken once in an otherwise correct message, and only that is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, Identifier, ResourceReference};
use koppeltaal_fhir::resources::{CarePlan, Conformance, DiagnosticReport, MessageHeader, Other, Patient};
use koppeltaal_fhir::{Bundle, Document, Finding, ReadOptions, Resource, ResourceType, Rule, Severity};
use koppeltaal_messaging::vocabulary::extension::{care_plan, care_plan_activity_status, user_message};
use koppeltaal_messaging::vocabulary::system::BSN;
use koppeltaal_messaging::{ApiVersion, Issue, Message, Profile as _, Validator, profiles, rules};

fn messages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/messages");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("fixtures").map(|file| file.expect("an entry").path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

/// The bundle in a fixture, such as `CreateOrUpdateCarePlan-full.json`.
fn bundle(file: &str) -> Bundle {
    let path = messages().into_iter().find(|path| name(path) == file).expect("a fixture");
    let text = fs::read(path).expect("readable");
    let read = if file.ends_with("xml") {
        ReadOptions::tolerant().xml(&text)
    } else {
        ReadOptions::tolerant().json(&text)
    };
    read.expect("DSTU1").document.into_bundle().expect("a bundle")
}

fn header(bundle: &mut Bundle) -> &mut MessageHeader {
    resource(bundle)
}

/// The first resource of a type.
fn resource<T: ResourceType>(bundle: &mut Bundle) -> &mut T {
    bundle
        .entry
        .iter_mut()
        .find_map(|entry| entry.content.as_mut()?.get_mut())
        .expect("a resource of the type")
}

/// The extension of a URL among others.
fn value<'a>(extensions: &'a mut [Extension], url: &str) -> &'a mut Extension {
    extensions.iter_mut().find(|extension| extension.url == url).expect("the extension")
}

fn to(url: &str) -> ResourceReference {
    ResourceReference { reference: url.into(), ..ResourceReference::default() }
}

fn string(text: &str) -> Option<ExtensionValue> {
    Some(ExtensionValue::String(text.into()))
}

/// A rule, a message, the change that makes the message break the rule, and the finding: severity and path.
struct Breach {
    rule: Rule,
    file: &'static str,
    change: fn(&mut Bundle),
    severity: Severity,
    path: &'static str,
}

const PLAN: &str = "CreateOrUpdateCarePlan-full.json";
const PATIENT: &str = "CreateOrUpdatePatient-full.json";
const STATUS: &str = "UpdateCarePlanActivityStatus-full.json";
const RESULT: &str = "CreateOrUpdateCarePlanActivityResult-full.json";
const WRITTEN: &str = "CreateOrUpdateUserMessage-full.json";

const BREACHES: &[Breach] = &[
    Breach {
        rule: rules::PROFILE_MINIMUM,
        file: PLAN,
        change: |bundle| {
            let extensions = &mut resource::<CarePlan>(bundle).activity[0].extension;
            extensions.retain(|extension| extension.url != care_plan::START_DATE);
        },
        severity: Severity::Error,
        path: "entry[1].content.activity[0].startDate",
    },
    Breach {
        rule: rules::PROFILE_MINIMUM,
        file: STATUS,
        change: |bundle| header(bundle).source.as_mut().expect("a source").software = "".into(),
        severity: Severity::Error,
        // An empty text breaks the schema too.
        path: "",
    },
    Breach {
        rule: rules::PROFILE_CODE,
        file: STATUS,
        change: |bundle| {
            let extensions = &mut resource::<Other>(bundle).extension;
            value(extensions, care_plan_activity_status::ACTIVITY_STATUS).value =
                Some(ExtensionValue::Coding(Box::new(koppeltaal_fhir::datatypes::Coding {
                    code: "Paused".into(),
                    ..Default::default()
                })));
        },
        severity: Severity::Warning,
        path: "entry[1].content.activityStatus",
    },
    Breach {
        rule: rules::PROFILE_VALUE,
        file: WRITTEN,
        change: |bundle| {
            value(&mut resource::<Other>(bundle).extension, user_message::CONTEXT).value =
                Some(ExtensionValue::Boolean(true.into()));
        },
        severity: Severity::Error,
        path: "entry[1].content.context",
    },
    Breach {
        rule: rules::PROFILE_FORM,
        file: STATUS,
        change: |bundle| {
            let extensions = &mut resource::<Other>(bundle).extension;
            value(extensions, care_plan_activity_status::PERCENTAGE_COMPLETED).value =
                Some(ExtensionValue::Decimal("40.5".parse().expect("a decimal")));
        },
        severity: Severity::Warning,
        path: "entry[1].content.percentageCompleted",
    },
    Breach {
        rule: rules::PROFILE_SYSTEM,
        file: PATIENT,
        change: |bundle| {
            let gender = resource::<Patient>(bundle).gender.as_mut().expect("a gender");
            gender.coding[0].system = "http://hl7.org/fhir/vs/administrative-gender".into();
        },
        severity: Severity::Information,
        path: "entry[1].content.gender",
    },
    Breach {
        rule: Rule::FORMAT,
        file: PLAN,
        change: |bundle| {
            let activity = &mut resource::<CarePlan>(bundle).activity[0];
            value(&mut activity.extension, care_plan::START_DATE).value =
                Some(ExtensionValue::DateTime("2023-03-16T00:00:00".parse().expect("a time")));
        },
        severity: Severity::Warning,
        path: "entry[1].content.activity[0].extension[10].valueDateTime",
    },
    Breach {
        rule: Rule::FORMAT,
        file: PATIENT,
        change: |bundle| header(bundle).timestamp = "2023-03-16T00:00:00".parse().expect("a time"),
        severity: Severity::Warning,
        path: "entry[0].content.timestamp",
    },
    Breach {
        rule: rules::REFERENCE_TYPE,
        file: PLAN,
        change: |bundle| {
            resource::<CarePlan>(bundle).participant[0].member =
                Some(to("https://epd.example/fhir/Organization/1"));
        },
        severity: Severity::Warning,
        path: "entry[1].content.participant[0].member",
    },
    Breach {
        rule: rules::REFERENCE_UNRESOLVED,
        file: PLAN,
        change: |bundle| {
            let plan = resource::<CarePlan>(bundle);
            plan.participant[0].member = Some(to("https://portal.example/fhir/Practitioner/404"));
        },
        severity: Severity::Error,
        path: "entry[1].content.participant[0].member.reference",
    },
    Breach {
        rule: rules::REFERENCE_FORM,
        file: RESULT,
        change: |bundle| resource::<DiagnosticReport>(bundle).result[0] = to("641"),
        severity: Severity::Warning,
        path: "entry[1].content.result[0].reference",
    },
    Breach {
        rule: rules::REFERENCE_VERSION,
        file: PLAN,
        change: |bundle| {
            let patient = resource::<CarePlan>(bundle).patient.as_mut().expect("a patient");
            let versioned = format!("{}/_history/7", patient.reference.as_str().expect("a URL"));
            patient.reference = versioned.as_str().into();
        },
        severity: Severity::Warning,
        path: "entry[1].content.patient.reference",
    },
    Breach {
        rule: rules::MESSAGE_HEADER,
        file: STATUS,
        change: |bundle| bundle.entry.swap(0, 1),
        severity: Severity::Error,
        path: "entry[0].content",
    },
    Breach {
        rule: rules::MESSAGE_EVENT,
        file: PATIENT,
        change: |bundle| {
            header(bundle).event.as_mut().expect("an event").code = "CreateOrUpdateMedication".into();
        },
        severity: Severity::Error,
        path: "entry[0].content.event",
    },
    Breach {
        rule: rules::MESSAGE_TAG,
        file: PATIENT,
        change: |bundle| bundle.category.retain(|category| !category.term.contains("Domain#")),
        severity: Severity::Error,
        path: "category",
    },
    Breach {
        rule: rules::MESSAGE_ID,
        file: PATIENT,
        change: |bundle| bundle.id = Some("1c7d4a23-d0dc-4d27-8f89-bae676577290".to_owned()),
        severity: Severity::Warning,
        path: "id",
    },
    Breach {
        rule: rules::MESSAGE_ENDPOINT,
        // The practitioner refers only to resources that other applications own, whatever the endpoint is.
        file: "UpdateCarePlanActivityStatus-minimal.json",
        change: |bundle| header(bundle).source.as_mut().expect("a source").endpoint = "Not used".into(),
        severity: Severity::Warning,
        path: "entry[0].content.source.endpoint",
    },
    Breach {
        rule: rules::MESSAGE_FOCAL,
        file: "CreateOrUpdatePractitioner-minimal.json",
        change: |bundle| {
            let patient = koppeltaal_fhir::datatypes::HumanName {
                family: vec!["Duinroos".into()],
                given: vec!["Mees".into()],
                ..Default::default()
            };
            bundle.entry[1].content = Some(Patient { name: vec![patient], ..Patient::default() }.into());
            bundle.entry[1].id = Some("https://epd.example/fhir/Patient/1".to_owned());
            bundle.entry[1].link[0].href = "https://epd.example/fhir/Patient/1".to_owned();
        },
        severity: Severity::Error,
        path: "entry",
    },
    Breach {
        rule: rules::MESSAGE_DATA,
        file: STATUS,
        change: |bundle| header(bundle).data.clear(),
        severity: Severity::Warning,
        path: "entry[0].content.data[0]",
    },
    Breach {
        rule: rules::MESSAGE_PATIENT,
        file: STATUS,
        change: |bundle| header(bundle).extension.retain(|extension| !extension.url.ends_with("#Patient")),
        severity: Severity::Error,
        path: "entry[0].content.patient",
    },
    Breach {
        rule: rules::MESSAGE_RESOURCE,
        file: STATUS,
        change: |bundle| {
            let mut entry = bundle.entry[1].clone();
            let statement = Conformance {
                date: "2023-03-31".parse().expect("a date"),
                accept_unknown: false.into(),
                fhir_version: "0.0.82".into(),
                format: vec!["json".into()],
                publisher: "Zonnedauw".into(),
                ..Conformance::default()
            };
            entry.content = Some(statement.into());
            entry.id = Some("https://game.example/fhir/Conformance/1".to_owned());
            entry.link[0].href = "https://game.example/fhir/Conformance/1".to_owned();
            bundle.entry.push(entry);
        },
        severity: Severity::Error,
        path: "entry[2].content",
    },
    Breach {
        rule: rules::ENTRY_URL,
        file: STATUS,
        change: |bundle| bundle.entry[1].id = bundle.entry[1].link("self").map(str::to_owned),
        severity: Severity::Warning,
        path: "entry[1].id",
    },
    Breach {
        rule: rules::ENTRY_DUPLICATE,
        file: PLAN,
        change: |bundle| bundle.entry.push(bundle.entry[2].clone()),
        severity: Severity::Error,
        path: "entry[10]",
    },
    Breach {
        rule: rules::IDENTIFIER_BSN,
        file: PATIENT,
        change: |bundle| {
            let patient = resource::<Patient>(bundle);
            let is_bsn = |system: Option<&str>| system.is_some_and(|system| system.ends_with("/bsn"));
            let bsn = patient.identifier.iter_mut().find(|identifier| is_bsn(identifier.system.as_str()));
            bsn.expect("a BSN").value = "123456789".into();
        },
        severity: Severity::Error,
        path: "entry[1].content.identifier[0].value",
    },
    Breach {
        rule: rules::IDENTIFIER_PLACEHOLDER,
        file: PATIENT,
        change: |bundle| resource::<Patient>(bundle).identifier[0].value = "UNKNOWN".into(),
        severity: Severity::Error,
        path: "entry[1].content.identifier[0].value",
    },
    Breach {
        rule: rules::PERCENTAGE,
        file: STATUS,
        change: |bundle| {
            let extensions = &mut resource::<Other>(bundle).extension;
            value(extensions, care_plan_activity_status::PERCENTAGE_COMPLETED).value =
                Some(ExtensionValue::Integer(101.into()));
        },
        severity: Severity::Error,
        path: "entry[1].content.percentageCompleted",
    },
    Breach {
        rule: rules::ACTIVITY_IDENTIFIER,
        file: PLAN,
        change: |bundle| {
            let extensions = &mut resource::<CarePlan>(bundle).activity[0].extension;
            extensions.retain(|extension| extension.url != care_plan::ACTIVITY_IDENTIFIER);
        },
        severity: Severity::Warning,
        path: "entry[1].content.activity[0].identifier",
    },
    Breach {
        rule: rules::ACTIVITY_DUPLICATE,
        file: PLAN,
        change: |bundle| {
            for activity in &mut resource::<CarePlan>(bundle).activity[..2] {
                value(&mut activity.extension, care_plan::ACTIVITY_IDENTIFIER).value = string("a1");
            }
        },
        severity: Severity::Error,
        path: "entry[1].content.activity[1].identifier",
    },
    Breach {
        rule: rules::GOAL,
        file: PLAN,
        change: |bundle| resource::<CarePlan>(bundle).activity[0].goal[0] = "nergens".into(),
        severity: Severity::Error,
        path: "entry[1].content.activity[0].goal[0]",
    },
    Breach {
        rule: rules::CARE_TEAM,
        file: PLAN,
        change: |bundle| resource::<CarePlan>(bundle).participant[0].extension.clear(),
        severity: Severity::Warning,
        path: "entry[1].content.participant[0].careTeam",
    },
    Breach {
        rule: rules::REQUESTER,
        file: "CreateOrUpdateCarePlan-minimal.json",
        change: |bundle| {
            let role = resource::<CarePlan>(bundle).participant[0].role.as_mut().expect("a role");
            role.coding[0].code = "Supervisor".into();
        },
        severity: Severity::Warning,
        path: "entry[1].content.participant",
    },
    Breach {
        rule: rules::ORGANIZATION,
        file: PLAN,
        change: |bundle| {
            let organization = resource::<koppeltaal_fhir::resources::Organization>(bundle);
            organization.name = Default::default();
            organization.identifier.clear();
        },
        severity: Severity::Error,
        path: "entry[8].content",
    },
];

fn validate(bundle: &Bundle) -> Vec<Finding> {
    Validator::default().validate_bundle(bundle)
}

/// The findings that the change adds.
fn added(breach: &Breach) -> Vec<Finding> {
    let mut bundle = bundle(breach.file);
    let before = validate(&bundle);
    (breach.change)(&mut bundle);
    validate(&bundle).into_iter().filter(|finding| !before.contains(finding)).collect()
}

#[test]
fn breaking_a_rule_is_found_and_named() {
    for breach in BREACHES.iter().filter(|breach| !breach.path.is_empty()) {
        let found = added(breach);
        let expected = (breach.rule, breach.severity, breach.path);
        let is_it = |finding: &Finding| (finding.rule, finding.severity, finding.path.as_str()) == expected;
        assert!(found.iter().any(is_it), "{expected:?} {found:#?}");
    }
}

#[test]
fn most_breaches_break_one_rule_only() {
    // A reference to the wrong kind may be unresolved too, and a bundle in another order has other paths.
    let several =
        [rules::MESSAGE_HEADER, rules::MESSAGE_FOCAL, rules::REFERENCE_UNRESOLVED, rules::MESSAGE_EVENT];
    for breach in BREACHES.iter().filter(|breach| !several.contains(&breach.rule)) {
        assert_eq!(added(breach).len(), 1, "{:?}: {:#?}", breach.rule, added(breach));
    }
}

#[test]
fn a_finding_of_the_schema_is_not_repeated_by_the_profile() {
    let breach = BREACHES.iter().find(|breach| breach.path.is_empty()).expect("the empty text");
    let rules: Vec<_> = added(breach).into_iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::EMPTY]);
}

/// A fixture in JSON with another text in the place of `from`.
fn changed(file: &str, from: &str, to: &str) -> Bundle {
    let path = messages().into_iter().find(|path| name(path) == file).expect("a fixture");
    let text = fs::read_to_string(path).expect("readable");
    assert_eq!(text.matches(from).count(), 1, "{from}");
    let read = ReadOptions::tolerant().json(text.replace(from, to).as_bytes());
    read.expect("DSTU1").document.into_bundle().expect("a bundle")
}

#[test]
fn a_date_that_cannot_be_read_is_one_finding() {
    let correct = validate(&bundle(PLAN));
    let rules = |findings: Vec<Finding>| {
        let new = findings.into_iter().filter(|finding| !correct.contains(finding));
        new.map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let mut wrong = changed(PLAN, "\"2023-03-16T00:00:00+01:00\"", "\"16-03-2023\"");
    assert_eq!(rules(validate(&wrong)), [Rule::FORMAT]);
    let plan: &mut CarePlan = resource(&mut wrong);
    let alone = profiles::CarePlan::from_resource_ref(&plan.clone().into()).expect("a plan");
    assert_eq!(rules(alone.validate()), [rules::PROFILE_VALUE]);

    // One more beside a correct one is two mistakes.
    let one_more = value(&mut plan.activity[0].extension, care_plan::START_DATE).clone();
    let mut two = bundle(PLAN);
    resource::<CarePlan>(&mut two).activity[0].extension.push(one_more);
    assert_eq!(rules(validate(&two)), [Rule::FORMAT, rules::PROFILE_VALUE]);
}

#[test]
fn a_mandatory_element_that_cannot_be_read_is_not_missing_too() {
    let file = "CreateOrUpdateCarePlanActivityResult-minimal.json";
    let wrong = changed(file, "\"issued\": \"", "\"issued\": \"on ");
    let rules: Vec<_> = validate(&wrong).into_iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::FORMAT]);
}

#[test]
fn every_rule_of_koppeltaal_is_broken_here() {
    let broken: BTreeSet<_> = BREACHES.iter().map(|breach| breach.rule).collect();
    let elsewhere = [rules::SUB_ACTIVITY, rules::OUTCOME];
    let known: BTreeSet<_> = rules::all().map(|(rule, _)| rule).collect();
    for rule in known.iter().filter(|rule| !Rule::ALL.contains(rule) && !elsewhere.contains(rule)) {
        assert!(broken.contains(rule), "{rule}");
    }
}

#[test]
fn sub_activities_must_be_those_of_a_known_definition() {
    let plan = bundle(PLAN);
    let read = plan.resources().find_map(profiles::CarePlan::from_resource_ref).expect("a plan");
    let activity =
        read.activity.iter().position(|activity| !activity.sub_activity.is_empty()).expect("parts");
    let definition = |parts: &[&str]| profiles::ActivityDefinition {
        activity_definition_identifier: read.activity[activity].definition.clone(),
        sub_activity: parts
            .iter()
            .map(|part| profiles::ActivityDefinitionSubActivity {
                identifier: Some((*part).to_owned()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let parts: Vec<_> =
        read.activity[activity].sub_activity.iter().filter_map(|part| part.identifier.as_deref()).collect();
    let unknown = |definition| {
        let findings = Validator::default().with_definitions([definition]).validate_bundle(&plan);
        findings
            .into_iter()
            .filter(|finding| finding.rule == rules::SUB_ACTIVITY)
            .map(|finding| finding.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(unknown(definition(&parts)), Vec::<String>::new());
    assert_eq!(
        unknown(definition(&parts[1..])),
        [format!("entry[1].content.activity[{activity}].subActivity[0].identifier")]
    );
    // Another definition does not matter.
    let other = profiles::ActivityDefinition {
        activity_definition_identifier: Some("ANDERS".into()),
        ..definition(&[])
    };
    assert_eq!(unknown(other), Vec::<String>::new());
}

#[test]
fn only_senders_of_1_3_5_must_name_care_teams() {
    let minimal = bundle("CreateOrUpdateCarePlan-minimal.json");
    let rules = |version| {
        let findings = Validator::default().with_api_version(version).validate_bundle(&minimal);
        findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(ApiVersion::V1_3_3), []);
    assert_eq!(rules(ApiVersion::V1_3_5), [rules::CARE_TEAM]);
}

#[test]
fn a_rule_of_koppeltaal_or_dstu1_has_the_severity_that_was_set_last() {
    let mut plan = bundle("CreateOrUpdateCarePlan-minimal.json");
    resource::<CarePlan>(&mut plan).status = "soon".into();
    let severities = |validator: Validator| {
        let findings = validator.validate_bundle(&plan);
        findings.into_iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>()
    };
    let as_usual = [(Rule::CODE, Severity::Error), (rules::CARE_TEAM, Severity::Warning)];
    assert_eq!(severities(Validator::default()), as_usual);
    let validator = Validator::default()
        .with_severity(Rule::CODE, Severity::Warning)
        .with_severity(rules::CARE_TEAM, Severity::Information)
        .with_severity(rules::CARE_TEAM, Severity::Error);
    let as_set = [(Rule::CODE, Severity::Warning), (rules::CARE_TEAM, Severity::Error)];
    assert_eq!(severities(validator), as_set);
}

#[test]
fn a_wrong_bsn_is_told_what_a_bsn_is_and_not_quoted() {
    let mut message = bundle("CreateOrUpdatePatient-minimal.json");
    let identifier = Identifier { system: BSN.into(), value: "123456789".into(), ..Identifier::default() };
    resource::<Patient>(&mut message).identifier = vec![identifier];
    let findings = validate(&message);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    let said = "identifier-bsn at entry[1].content.identifier[0].value: expected a BSN, because the system is \
                http://fhir.nl/fhir/NamingSystem/bsn: nine digits that pass the elfproef (times 9, 8, 7, 6, 5, 4, 3, \
                2 and -1, they add up to a multiple of 11)";
    assert_eq!(finding.summary().to_string(), said);
    assert_eq!(
        finding.with_content().to_string(),
        format!(
            "error [identifier-bsn] entry[1].content.identifier[0].value: {}, found another text",
            said.split_once(": ").expect("a colon").1
        )
    );
}

#[test]
fn search_results_replies_and_lists_are_not_validated_as_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/bundles");
    for file in ["search-page.json", "search-empty.json", "mailbox-reply.json", "mailbox-reply-error.json"] {
        let text = fs::read(folder.join(file)).expect("readable");
        let read = ReadOptions::tolerant().json(&text).expect("DSTU1").document;
        assert_eq!(validate(&read.into_bundle().expect("a bundle")), [], "{file}");
    }
}

#[test]
fn findings_become_issues_of_an_outcome_and_findings_again() {
    let mut findings = validate(&bundle("CreateOrUpdateCarePlan-quirky.xml"));
    assert!(findings.len() > 8, "{findings:#?}");
    let outcome = Issue::outcome(findings.iter().map(Issue::from));
    let text = Document::from(outcome).to_xml().expect("XML");
    let read = ReadOptions::strict().xml(text.as_bytes()).expect("valid by the schema").document;
    let Document::Resource(Resource::OperationOutcome(outcome)) = read else { panic!("no outcome") };
    let again: Vec<_> = Issue::all_from_outcome(&outcome).map(|issue| Finding::from(&issue)).collect();
    findings.iter_mut().for_each(|finding| finding.position = None);
    assert_eq!(again, findings);
}

#[test]
fn a_message_validates_as_the_bundle_that_it_becomes() {
    for path in messages() {
        let bundle = bundle(&name(&path));
        let message = Message::extract(bundle).expect("a message");
        assert_eq!(message.validate(), validate(&message.clone().into_bundle()), "{}", path.display());
    }
}

#[test]
fn the_time_to_validate_grows_linearly_with_entries_and_references() {
    let mut bundle = bundle("CreateOrUpdatePatient-minimal.json");
    let entry = bundle.entry[1].clone();
    for number in 0..20_000 {
        let mut entry = entry.clone();
        entry.id = Some(format!("https://epd.example/fhir/Patient/{number}"));
        let patient = Patient { care_provider: vec![to(&format!("{}", number / 2))], ..Patient::default() };
        entry.content = Some(patient.into());
        bundle.entry.push(entry);
        header(&mut bundle).data.push(to(&number.to_string()));
    }
    // With a search per reference this would take minutes.
    let started = std::time::Instant::now();
    let message = Message::extract(bundle).expect("a message");
    assert!(message.validate().len() > 20_000);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

/// All findings in the fixtures with quirks. The snapshot shows what changes with a rule or a schema.
#[test]
fn quirks_are_named_and_nothing_else() {
    let mut lines = Vec::new();
    for path in messages() {
        let text = fs::read(&path).expect("readable");
        let options = ReadOptions::tolerant();
        let is_xml = path.extension().is_some_and(|extension| extension == "xml");
        let read = if is_xml { options.xml(&text) } else { options.json(&text) }.expect("DSTU1");
        let findings = Validator::default().validate_document(&read);
        lines.extend(findings.iter().map(|finding| format!("{}: {}", name(&path), finding.with_content())));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
