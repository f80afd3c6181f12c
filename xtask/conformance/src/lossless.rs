//! Check 2: nothing is lost between the formats, there and back.

use koppeltaal_fhir::Format;

use crate::difference::Difference;
use crate::json_tree;
use crate::ledger::Ledger;
use crate::manifest::{Case, Status};
use crate::subject::travel;
use crate::xml_tree;

/// A journey: from the file's format through the others.
struct Journey {
    id: &'static str,
    from: Format,
    through: &'static [Format],
    indented: bool,
}

use Format::{Json, Xml};

const JOURNEYS: &[Journey] = &[
    Journey { id: "xml-xml", from: Xml, through: &[Xml], indented: false },
    Journey { id: "json-json", from: Json, through: &[Json], indented: false },
    Journey { id: "xml-json-xml", from: Xml, through: &[Json, Xml], indented: false },
    Journey { id: "json-xml-json", from: Json, through: &[Xml, Json], indented: false },
    Journey { id: "indented-xml-json-xml", from: Xml, through: &[Json, Xml], indented: true },
    Journey { id: "indented-json-xml-json", from: Json, through: &[Xml, Json], indented: true },
];

impl Journey {
    fn title(&self, status: &str) -> String {
        let through: Vec<&str> = self.through.iter().map(|format| format.name()).collect();
        let indented = if self.indented { ", indented" } else { "" };
        format!("{status}: {} -> {}{indented}", self.from.name(), through.join(" -> "))
    }
}

pub(crate) fn check(cases: &[Case], ledger: &mut Ledger) {
    println!("\nLossless");
    for (status, name) in [(Status::Valid, "valid"), (Status::Tolerated, "tolerated")] {
        for journey in JOURNEYS {
            let of_status = |case: &&Case| case.status == status && case.format == journey.from;
            if !cases.iter().any(|case| of_status(&case)) {
                continue;
            }
            ledger.start(journey.id, journey.title(name), 99.0);
            for case in cases.iter().filter(of_status) {
                ledger.record(&case.file, compare(case, journey));
            }
            ledger.print();
        }
    }
}

fn compare(case: &Case, journey: &Journey) -> Result<Vec<Difference>, String> {
    let came_out = travel(&case.bytes, journey.from, journey.through, journey.indented)?;
    differences(case.format, case.text()?, &came_out, case.status == Status::Tolerated)
}

/// Where two texts of one format differ. With `quirks`, those of older tools count as the forms
/// of 0.0.82.
pub(crate) fn differences(
    format: Format,
    left: &str,
    right: &str,
    quirks: bool,
) -> Result<Vec<Difference>, String> {
    let unreadable =
        |side: &'static str| move |error: String| format!("the comparer cannot read the {side}: {error}");
    match format {
        Xml => {
            let left = xml_tree::parse(left).map_err(unreadable("original"))?;
            let right = xml_tree::parse(right).map_err(unreadable("result"))?;
            Ok(xml_tree::compare(&left, &right))
        }
        Json => {
            let mut left = json_tree::parse(left).map_err(unreadable("original"))?;
            let right = json_tree::parse(right).map_err(unreadable("result"))?;
            if quirks {
                left = json_tree::modernize(left);
            }
            Ok(json_tree::compare(&left, &right))
        }
    }
}
