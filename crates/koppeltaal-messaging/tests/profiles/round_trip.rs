//! `P::from_fhir(x).into_fhir()` is `x`, for the fixtures and for resources of any content.

use std::path::{Path, PathBuf};

use koppeltaal_fhir::{Bundle, Document, Entry, Finding, ReadOptions, Resource};
use koppeltaal_messaging::{Issue, Message, Profile, Validator, profiles::*};
use proptest::prelude::*;

use crate::random_resources::{Dice, RESOURCES};
use crate::{every_profile, resource};

/// Checks a resource with every profile of its DSTU1 type. Returns how many there are.
fn survives(resource: &Resource) -> usize {
    macro_rules! check {
        ($($profile:ident),*) => {{
            let mut checked = 0;
            $(
                if let Some(fhir) = resource.get::<<$profile as Profile>::Fhir>() {
                    let written = $profile::from_fhir(fhir.clone()).into_fhir();
                    assert_eq!(&written, fhir, "as {}", $profile::NAME);
                    checked += 1;
                }
            )*
            checked
        }};
    }
    every_profile!(check)
}

fn fixtures(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(directory);
    let mut files: Vec<_> =
        directory.read_dir().expect("fixtures").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Document {
    let text = std::fs::read(path).expect("a file");
    let options = ReadOptions::tolerant();
    let is_xml = path.extension().is_some_and(|extension| extension == "xml");
    let read = if is_xml { options.xml(&text) } else { options.json(&text) };
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display())).document
}

#[test]
fn every_fixture_comes_out_as_it_went_in() {
    let (mut resources, mut checks) = (0, 0);
    for path in ["resources", "messages"].into_iter().flat_map(fixtures) {
        let contents = match read(&path) {
            Document::Resource(resource) => vec![resource],
            Document::Bundle(bundle) => bundle.entry.into_iter().filter_map(|entry| entry.content).collect(),
        };
        for resource in contents {
            resources += 1;
            checks += survives(&resource);
        }
    }
    assert!(resources > 150 && checks > resources, "{resources} resources, {checks} checks");
}

/// The URLs of all extensions that profiles know.
fn urls() -> Vec<&'static str> {
    macro_rules! collect {
        ($($profile:ident),*) => { [$($profile::ELEMENTS),*].concat() };
    }
    every_profile!(collect).into_iter().filter_map(|rule| rule.extension).collect()
}

/// A message to put a resource into.
fn message() -> Bundle {
    let path =
        fixtures("messages").into_iter().find(|path| path.ends_with("CreateOrUpdatePatient-minimal.json"));
    read(&path.expect("a fixture")).into_bundle().expect("a bundle")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_resource_of_any_content_comes_out_as_it_went_in(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        (resource_type, elements) in prop::sample::select(RESOURCES.to_vec()),
        narrow in any::<bool>(),
    ) {
        // Half of the time only URLs of one profile, so that many of them occur together.
        let all = urls();
        let prefix = format!("/{resource_type}#");
        let own: Vec<_> = all.iter().copied().filter(|url| url.contains(&prefix)).collect();
        let urls = if narrow && !own.is_empty() { own } else { all };
        let json = Dice::new(&bytes).resource(resource_type, elements, &urls);
        let resource = resource(&json);
        prop_assert!(survives(&resource) > 0, "{}", json);
        // The validator accepts any content, and a message with the resource comes out as it went in.
        let findings = Validator::default().validate_resource(&resource);
        prop_assert!(findings.iter().all(|finding| Finding::from(&Issue::from(finding)) == *finding));
        let mut bundle = message();
        bundle.entry.push(Entry { id: Some("cid:x".to_owned()), content: Some(resource), ..Entry::default() });
        let again = Message::extract(bundle.clone()).expect("a message").into_bundle();
        prop_assert_eq!(again, bundle);
    }
}

#[test]
fn a_resource_is_read_only_as_its_own_kind() {
    let team = Resource::from(CareTeam::default());
    assert!(CareTeam::from_resource_ref(&team).is_some());
    assert_eq!(UserMessage::from_resource_ref(&team), None);
    assert_eq!(Patient::from_resource(team.clone()), Err(team.clone()));
    assert_eq!(CareTeam::from_resource(team), Ok(CareTeam::default()));
    let lamp = koppeltaal_fhir::resources::Device::default();
    assert!(!Application::matches(&lamp), "a device without the code of an application");
}
