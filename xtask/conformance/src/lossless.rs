//! Check 2: nothing is lost between the formats, there and back.

use Format::{Json, Xml};

use koppeltaal_fhir::Format;

use crate::ledger::Ledger;
use crate::manifest::{Case, Status};
use crate::travel::travel;
use comparison::difference::Difference;
use comparison::json_tree;
use comparison::xml_tree;

/// The formats that a file is written in, one after the other.
struct Journey {
    id: &'static str,
    from: Format,
    through: &'static [Format],
    indented: bool,
}

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
    let result = travel(&case.bytes, journey.from, journey.through, journey.indented)?;
    differences(case.format, case.text()?, &result, case.status == Status::Tolerated)
}

/// Where two texts of one format differ. With `quirks`, the JSON of older tools counts as that of DSTU1
/// ([`json_tree::modernize`]).
pub(crate) fn differences(
    format: Format,
    original: &str,
    result: &str,
    quirks: bool,
) -> Result<Vec<Difference>, String> {
    let unreadable =
        |side: &'static str| move |error: String| format!("the comparer cannot read the {side}: {error}");
    match format {
        Xml => {
            let original = xml_tree::parse(original).map_err(unreadable("original"))?;
            let result = xml_tree::parse(result).map_err(unreadable("result"))?;
            Ok(xml_tree::compare(&original, &result))
        }
        Json => {
            let mut original = json_tree::parse(original).map_err(unreadable("original"))?;
            let result = json_tree::parse(result).map_err(unreadable("result"))?;
            if quirks {
                original = json_tree::modernize(original);
            }
            Ok(json_tree::compare(&original, &result))
        }
    }
}
