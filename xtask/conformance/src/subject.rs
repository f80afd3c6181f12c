//! koppeltaal-fhir as the checks use it: a panic becomes an error, and a text travels through formats.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use koppeltaal_fhir::{Format, ReadOptions};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Prints nothing for panics inside [`guarded`], which are reported as failures. This program's own panics
/// are still printed.
pub(crate) fn silence_guarded_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !GUARDED.get() {
            usual(panic);
        }
    }));
}

/// Runs `work`; a panic becomes an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    outcome.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("PANIC: {}", message.unwrap_or("without a message")))
    })
}

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
                .map_err(|error| format!("the {at} cannot be read: {error}"))?;
            let document = read.document;
            let written = if indented { document.write_pretty(format) } else { document.write(format) };
            current = Some(written.map_err(|error| format!("cannot be written as {format}: {error}"))?);
            at = format;
        }
        Ok(current.unwrap_or_default())
    })
}
