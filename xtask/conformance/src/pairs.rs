//! Check 3: our JSON of an XML file is the JSON that others made of it.

use std::collections::BTreeMap;

use koppeltaal_fhir::Format;

use crate::ledger::Ledger;
use crate::manifest::{Case, Status};
use crate::travel::travel;
use comparison::difference::Difference;
use comparison::json_tree::{self, Json};

pub(crate) fn check(cases: &[Case], ledger: &mut Ledger) {
    println!("\nPairs");
    let by_file: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.file.as_str(), case)).collect();
    let kinds = [
        ("pairs-same", "same", "JSON of the XML is the reference JSON"),
        ("pairs-narrative", "same-except-narrative", "the same, narratives apart"),
    ];
    for (id, kind, title) in kinds {
        ledger.start(id, title, 99.0);
        for case in cases {
            if let Some((pair, found)) = &case.pair
                && found == kind
                && case.format == Format::Json
            {
                let outcome = match by_file.get(pair.as_str()) {
                    Some(original) => compare(original, case, kind != "same"),
                    None => Err(format!("{pair} is not in the manifest")),
                };
                ledger.record(&case.file, outcome);
            }
        }
        ledger.print();
    }
}

fn compare(original: &Case, reference: &Case, skip_narrative: bool) -> Result<Vec<Difference>, String> {
    let ours = json_tree::parse(&travel(&original.bytes, Format::Xml, &[Format::Json], false)?)?;
    let mut theirs = json_tree::parse(reference.text()?)?;
    if reference.status == Status::Tolerated {
        theirs = json_tree::modernize(theirs);
    }
    let prepare = |json: Json| if skip_narrative { json_tree::without_narrative(json) } else { json };
    Ok(json_tree::compare(&prepare(theirs), &prepare(ours)))
}
