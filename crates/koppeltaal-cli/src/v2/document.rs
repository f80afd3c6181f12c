//! [`print`]: a resource of R4 on standard output.

use std::io::{self, Write as _};

use koppeltaal_fhir::Format;
use koppeltaal_r4::Resource;

use crate::failure::Failure;
use crate::output::{DocumentText, Output};

/// Prints a resource: indented for people; in one line for programs, XML as a string.
pub(super) fn print(output: Output, format: Format, resource: &Resource) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match output {
        Output::Text => writeln!(out, "{}", resource.write_pretty(format)?.trim_end())?,
        Output::Json => {
            let text = DocumentText::new(format, resource.write(format)?).map_err(io::Error::from)?;
            serde_json::to_writer(&mut out, &text).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}
