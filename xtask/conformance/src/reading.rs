//! Check 1: a tolerant read takes every file, and a strict read takes exactly those that the manifest calls
//! valid.

use koppeltaal_fhir::{Format, ReadOptions};

use crate::guard::guarded;
use crate::ledger::Ledger;
use crate::manifest::{Case, Status};
use comparison::difference::Difference;

pub(crate) fn check(cases: &[Case], ledger: &mut Ledger) {
    println!("\nReading");
    ledger.start("read-tolerant", "read tolerantly, whatever the file's status", 100.0);
    for case in cases {
        ledger.record(&case.file, accepts(ReadOptions::tolerant(), case));
    }
    ledger.print();

    for (id, format) in [("strict-valid-xml", Format::Xml), ("strict-valid-json", Format::Json)] {
        ledger.start(id, format!("strict read accepts valid {format}"), 99.0);
        for case in cases.iter().filter(|case| case.status == Status::Valid && case.format == format) {
            ledger.record(&case.file, accepts(ReadOptions::strict(), case));
        }
        ledger.print();
    }

    ledger.start("strict-refuses", "strict read refuses what is invalid or merely tolerated", 90.0);
    for case in cases.iter().filter(|case| case.status != Status::Valid) {
        let outcome = guarded(|| {
            Ok(match ReadOptions::strict().read(case.format, &case.bytes) {
                Ok(_) => vec![Difference::new("", Some("refused".to_owned()), Some("accepted".to_owned()))],
                Err(_) => Vec::new(),
            })
        });
        ledger.record(&case.file, outcome);
    }
    ledger.print();
}

/// No difference if the file can be read, else the error.
fn accepts(options: ReadOptions, case: &Case) -> Result<Vec<Difference>, String> {
    guarded(|| match options.read(case.format, &case.bytes) {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error.with_content().to_string()),
    })
}
