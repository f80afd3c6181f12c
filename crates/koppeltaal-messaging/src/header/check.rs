//! Compares a header with Koppeltaal's profile of `MessageHeader`, whose table is generated.

use koppeltaal_fhir::resources::{MessageHeader, MessageHeaderResponse, MessageHeaderSource, ResponseType};
use koppeltaal_fhir::{Finding, Findings};

use super::{Header, filled};
use crate::generated::profiles::MESSAGE_HEADER_ELEMENTS;
use crate::profile::{CheckElements, Checker, ElementDefinition, Reference, element};
use crate::status::ProcessingState;

impl Header {
    /// Where the header departs from Koppeltaal's profile, in the order of the elements. A text that is
    /// present but empty counts as missing. Paths begin at the header: `source.software`.
    pub fn validate(&self) -> Vec<Finding> {
        Findings::collect(|findings| self.check(&mut Checker::new(findings)))
    }
}

/// How many texts there are, one or none.
fn one(text: Option<&str>) -> usize {
    filled(text).iter().len()
}

impl CheckElements for Header {
    const TABLE: &'static [ElementDefinition] = MESSAGE_HEADER_ELEMENTS;
    const PLACE: &'static str = "MessageHeader";

    fn check(&self, checker: &mut Checker<'_>) {
        let fhir: &MessageHeader = &self.fhir;
        checker.count(element!("identifier"), one(fhir.identifier.as_str()));
        checker.count(element!("timestamp"), fhir.timestamp.text().iter().len());
        checker.count(element!("event"), one(self.event_code()));
        checker.groups(element!("response"), fhir.response.iter());
        checker.groups(element!("source"), fhir.source.iter());
        checker.count(element!("data"), fhir.data.len());
        let patient = self.patient().map(Reference::from);
        checker.references(element!("patient"), patient.iter());
        checker.groups(element!("processingStatus"), self.processing().iter());
    }
}

impl CheckElements for MessageHeaderResponse {
    const TABLE: &'static [ElementDefinition] = MESSAGE_HEADER_ELEMENTS;
    const PLACE: &'static str = "MessageHeader.response";

    fn check(&self, checker: &mut Checker<'_>) {
        checker.count(element!("identifier"), one(self.identifier.as_str()));
        let code = self.code.get().map(ResponseType::as_str);
        checker.standard_codes(element!("code"), code.into_iter(), ResponseType::CODES);
        checker.count(element!("details"), self.details.iter().len());
    }
}

impl CheckElements for MessageHeaderSource {
    const TABLE: &'static [ElementDefinition] = MESSAGE_HEADER_ELEMENTS;
    const PLACE: &'static str = "MessageHeader.source";

    fn check(&self, checker: &mut Checker<'_>) {
        checker.count(element!("name"), one(self.name.as_str()));
        checker.count(element!("software"), one(self.software.as_str()));
        checker.count(element!("version"), one(self.version.as_str()));
        checker.count(element!("endpoint"), one(self.endpoint.as_str()));
    }
}

impl CheckElements for ProcessingState {
    const TABLE: &'static [ElementDefinition] = MESSAGE_HEADER_ELEMENTS;
    const PLACE: &'static str = "MessageHeader.processingStatus";

    fn check(&self, checker: &mut Checker<'_>) {
        checker.count(element!("status"), self.code().iter().len());
        checker.count(element!("statusLastChanged"), self.last_changed().iter().len());
        checker.count(element!("exception"), self.exception().iter().len());
        checker.closed_code(element!("status"), self.code(), self.status().is_some());
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::primitives::Instant;

    use super::*;
    use crate::{ProcessingStatus, rules};

    #[test]
    fn an_empty_header_lacks_all_that_the_table_demands() {
        let header = Header::from(MessageHeader {
            response: Some(MessageHeaderResponse::default()),
            source: Some(MessageHeaderSource { software: "".into(), ..MessageHeaderSource::default() }),
            ..MessageHeader::default()
        });
        let missing: Vec<_> = header.validate().into_iter().map(|finding| finding.path).collect();
        let demanded = MESSAGE_HEADER_ELEMENTS.iter().filter(|element| element.required);
        let demanded: Vec<_> =
            demanded.map(|element| element.path.trim_start_matches("MessageHeader.")).collect();
        let present = ["source", "processingStatus.statusLastChanged"];
        let expected: Vec<_> = demanded.into_iter().filter(|path| !present.contains(path)).collect();
        let mut missing_sorted = missing.clone();
        missing_sorted.sort();
        let mut expected_sorted = expected.clone();
        expected_sorted.sort_unstable();
        assert_eq!(missing_sorted, expected_sorted);
        let rules = header.validate().into_iter().all(|finding| finding.rule == rules::PROFILE_MINIMUM);
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
            header.validate().into_iter().map(|finding| (finding.path, finding.rule)).collect();
        assert!(paths.contains(&("processingStatus.statusLastChanged".to_owned(), rules::PROFILE_MINIMUM)));
        assert!(paths.contains(&("processingStatus.status".to_owned(), rules::PROFILE_CODE)));
    }
}
