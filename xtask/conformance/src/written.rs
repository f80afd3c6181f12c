//! Check 6: what koppeltaal-fhir writes is valid by the official schema.

use anyhow::Result;
use koppeltaal_fhir::Format;

use crate::ledger::Ledger;
use crate::manifest::{Case, Status};
use crate::travel::travel;
use crate::xmllint::{Verdict, Xmllint};
use comparison::difference::Difference;

pub(crate) fn check(xmllint: &Xmllint, cases: &[Case], ledger: &mut Ledger) -> Result<()> {
    println!("\nWhat is written");
    let kinds = [
        ("written-xml", Format::Xml, false, "our XML of valid XML validates"),
        ("written-json", Format::Json, false, "our XML of valid JSON validates"),
        ("written-indented-xml", Format::Xml, true, "our indented XML of valid XML validates"),
    ];
    for (id, format, indented, title) in kinds {
        let mut written = Vec::new();
        ledger.start(id, title, 99.0);
        for case in cases.iter().filter(|case| case.status == Status::Valid && case.format == format) {
            match travel(&case.bytes, format, &[Format::Xml], indented) {
                Ok(text) => written.push((&case.file, text)),
                Err(problem) => ledger.record(&case.file, Err(problem)),
            }
        }
        let texts: Vec<&[u8]> = written.iter().map(|(_, text)| text.as_bytes()).collect();
        for ((file, _), verdict) in written.iter().zip(xmllint.verdicts(&texts)?) {
            let outcome = match verdict {
                Verdict::Valid => Vec::new(),
                Verdict::Refused(message) => {
                    vec![Difference::new("", Some("valid".to_owned()), Some(message))]
                }
            };
            ledger.record(file, Ok(outcome));
        }
        ledger.print();
    }
    Ok(())
}
