//! Holds a header against Koppeltaal's profile of `MessageHeader`, whose table is generated.

use koppeltaal_fhir::resources::{MessageHeader, MessageHeaderResponse, ResponseType};
use koppeltaal_fhir::{Finding, Severity};

use super::{Header, filled};
use crate::generated::profiles::MESSAGE_HEADER_RULES;
use crate::profile::{Checked, Checker, Reference};
use crate::rules;
use crate::status::ProcessingState;

impl Header {
    /// Where the header departs from Koppeltaal's profile, in the order of the elements. A text that is present but
    /// empty counts as missing. Paths begin at the header: `source.software`.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Checker::run(self, "MessageHeader", MESSAGE_HEADER_RULES);
        let code = self.processing().filter(|state| state.status().is_none());
        if let Some(code) = code.as_ref().and_then(ProcessingState::code) {
            findings.push(Finding {
                severity: Severity::Warning,
                rule: rules::PROFILE_CODE,
                path: "processingStatus.status".to_owned(),
                position: None,
                expected: "a code of ProcessingStatus".to_owned(),
                found: format!("{code:?}"),
            });
        }
        findings
    }
}

fn one(text: Option<&str>) -> usize {
    filled(text).iter().len()
}

impl Checked for Header {
    fn check(&self, checker: &mut Checker) {
        let fhir: &MessageHeader = &self.fhir;
        checker.count("identifier", one(fhir.identifier.as_str()));
        checker.count("timestamp", fhir.timestamp.text().iter().len());
        checker.count("event", one(self.event_code()));
        if let Some(response) = &fhir.response {
            checker.inside("response", 0, |checker| check_response(response, checker));
        }
        checker.count("source", fhir.source.iter().len());
        if let Some(source) = &fhir.source {
            checker.inside("source", 0, |checker| {
                checker.count("name", one(source.name.as_str()));
                checker.count("software", one(source.software.as_str()));
                checker.count("version", one(source.version.as_str()));
                checker.count("endpoint", one(source.endpoint.as_str()));
            });
        }
        checker.count("data", fhir.data.len());
        let patient = self.patient().map(Reference::from);
        checker.references("patient", patient.iter());
        if let Some(state) = self.processing() {
            checker.inside("processingStatus", 0, |checker| {
                checker.count("status", state.code().iter().len());
                checker.count("statusLastChanged", state.last_changed().iter().len());
                checker.count("exception", state.exception().iter().len());
            });
        }
    }
}

fn check_response(response: &MessageHeaderResponse, checker: &mut Checker) {
    checker.count("identifier", one(response.identifier.as_str()));
    let code = response.code.get().map(ResponseType::as_str);
    checker.standard_codes("code", code.into_iter(), ResponseType::CODES);
    checker.count("details", response.details.iter().len());
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::primitives::Instant;
    use koppeltaal_fhir::resources::MessageHeaderSource;

    use super::*;
    use crate::ProcessingStatus;

    #[test]
    fn an_empty_header_lacks_all_that_the_table_demands() {
        let header = Header::from(MessageHeader {
            response: Some(MessageHeaderResponse::default()),
            source: Some(MessageHeaderSource { software: "".into(), ..MessageHeaderSource::default() }),
            ..MessageHeader::default()
        });
        let missing: Vec<_> = header.findings().into_iter().map(|finding| finding.path).collect();
        let demanded = MESSAGE_HEADER_RULES.iter().filter(|rule| rule.required);
        let demanded: Vec<_> = demanded.map(|rule| rule.path.trim_start_matches("MessageHeader.")).collect();
        let present = ["source", "processingStatus.statusLastChanged"];
        let expected: Vec<_> = demanded.into_iter().filter(|path| !present.contains(path)).collect();
        let mut missing_sorted = missing.clone();
        missing_sorted.sort();
        let mut expected_sorted = expected.clone();
        expected_sorted.sort_unstable();
        assert_eq!(missing_sorted, expected_sorted);
        let rules = header.findings().into_iter().all(|finding| finding.rule == rules::PROFILE_MINIMUM);
        assert!(rules && expected.len() > 5);
    }

    #[test]
    fn a_status_without_its_time_or_of_no_list_is_found() {
        let mut header = Header::new(crate::Event::CreateOrUpdatePatient, MessageHeaderSource::default());
        let mut extension = ProcessingState::new(ProcessingStatus::New, Instant::now()).to_extension();
        extension.extension.truncate(1);
        extension.extension[0].value =
            Some(koppeltaal_fhir::datatypes::ExtensionValue::Code("Paused".into()));
        header.fhir_mut().extension.push(extension);
        let paths: Vec<_> =
            header.findings().into_iter().map(|finding| (finding.path, finding.rule)).collect();
        assert!(paths.contains(&("processingStatus.statusLastChanged".to_owned(), rules::PROFILE_MINIMUM)));
        assert!(paths.contains(&("processingStatus.status".to_owned(), rules::PROFILE_CODE)));
    }
}
