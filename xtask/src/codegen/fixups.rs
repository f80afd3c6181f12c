//! Corrections of faults in the DSTU1 schemas, each with its reason. A correction that matches nothing is an
//! error.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::schema::{Definition, Shape, TypeName};

struct Fixup {
    /// The type that holds the field.
    structure: &'static str,
    field: &'static str,
    /// The type that the schema gives the field.
    from: &'static str,
    /// The type it is generated with.
    to: &'static str,
    #[expect(dead_code, reason = "read by people")]
    reason: &'static str,
}

const FIXUPS: &[Fixup] = &[Fixup {
    structure: "SampledData",
    field: "data",
    from: "SampledDataDataType",
    to: "string",
    reason: "a primitive of its own for one element; the pattern only spells out numbers, blanks, E, U and L",
}];

/// Applies every fix-up.
pub(crate) fn apply(schemas: &mut BTreeMap<String, Vec<Definition>>) -> Result<()> {
    for fixup in FIXUPS {
        let mut matched = false;
        for definition in schemas.values_mut().flatten() {
            let Definition::Structure(structure) = definition else { continue };
            if structure.name != fixup.structure {
                continue;
            }
            for field in structure.fields.iter_mut().filter(|field| field.name == fixup.field) {
                if field.shape == Shape::Element(TypeName::Plain(fixup.from.to_owned())) {
                    field.shape = Shape::Element(TypeName::Plain(fixup.to.to_owned()));
                    matched = true;
                }
            }
        }
        ensure!(
            matched,
            "the fix-up of {}.{} found no field of type {}: remove it or mend it",
            fixup.structure,
            fixup.field,
            fixup.from
        );
    }
    Ok(())
}
