//! Check 1: every file can be read, and the strict verdict is the manifest's.

use koppeltaal_fhir::{Format, ReadOptions};

use crate::difference::Difference;
use crate::guard::guarded;
use crate::ledger::Ledger;
use crate::manifest::{Case, Status};

pub(crate) fn check(cases: &[Case], ledger: &mut Ledger) {
    println!("\nReading");
    ledger.start("read-tolerant", "read tolerantly, whatever the file's status", 100.0);
    for case in cases {
        let outcome = guarded(|| match ReadOptions::tolerant().read(case.format, &case.bytes) {
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        });
        ledger.record(&case.file, outcome);
    }
    ledger.print();

    for (id, format) in [("strict-valid-xml", Format::Xml), ("strict-valid-json", Format::Json)] {
        ledger.start(id, format!("strict read accepts valid {format}"), 99.0);
        for case in cases.iter().filter(|case| case.status == Status::Valid && case.format == format) {
            let outcome = guarded(|| match ReadOptions::strict().read(case.format, &case.bytes) {
                Ok(_) => Ok(Vec::new()),
                Err(error) => Err(error.to_string()),
            });
            ledger.record(&case.file, outcome);
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
