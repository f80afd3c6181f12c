//! Takes a text through formats: read, written in the next format, read again.

use koppeltaal_fhir::{Format, ReadOptions};

use crate::guard::guarded;

/// Reads `text` and writes it in each of `formats` in turn. What was written is read again for the next
/// format. Returns the last text.
pub(crate) fn travel(
    text: &[u8],
    from: Format,
    formats: &[Format],
    indented: bool,
) -> Result<String, String> {
    guarded(|| {
        let mut at = from;
        let mut current: Option<String> = None;
        for &format in formats {
            let source = current.as_deref().map_or(text, str::as_bytes);
            let read = ReadOptions::tolerant()
                .read(at, source)
                .map_err(|error| format!("the {at} cannot be read: {}", error.with_content()))?;
            let document = read.document;
            let written = if indented { document.write_pretty(format) } else { document.write(format) };
            current = Some(
                written
                    .map_err(|error| format!("cannot be written as {format}: {}", error.with_content()))?,
            );
            at = format;
        }
        Ok(current.unwrap_or_default())
    })
}
