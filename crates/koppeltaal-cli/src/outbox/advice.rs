//! What operators are told to do next: about an entry, about the whole outbox, and about an identifier that
//! is not in it.

use koppeltaal::{OutboxEntry, OutboxState, OutboxSummary};

use super::time::format_time;

/// What to do about a refused message, by the kind of its last error. The last row is for all others.
const REFUSED: [(&[&str], &str); 4] = [
    (
        &["conflict"],
        "The server has a newer version of a resource than this message is based on. When the application has received \
         that change, or `koppeltaal versions relearn` has learned the version, `retry` sends this message over it. \
         `give-up` drops this message.",
    ),
    (
        &["rejected", "stored-message"],
        "The server does not accept the content, and a retry sends the same content again. Mend the cause in the \
         application, let it hand over a new message, and `give-up` this one. `retry` only if the server was at fault.",
    ),
    (
        &["authentication", "forbidden"],
        "The server does not accept the account. Mend the account or its rights, then `retry`.",
    ),
    (&[], "Mend the cause first, then `retry`. `give-up` drops this message."),
];

/// What to do about an entry.
pub(super) fn advice(entry: &OutboxEntry) -> String {
    let id = &entry.identifier;
    match entry.state {
        OutboxState::Waiting if entry.last_error.is_some() => {
            let next = entry.next_attempt.map(|next| format!("at {}", format_time(next)));
            let next = next.unwrap_or_else(|| "later".to_owned());
            format!(
                "Next: nothing, as long as a dispatcher runs: it tries again {next}.\n\
                 `koppeltaal outbox retry {id}` tries at once."
            )
        }
        OutboxState::Waiting => "Next: nothing, as long as a dispatcher runs: it is sent when earlier messages about the \
                                 same resource are.\nIf it waits for minutes, see whether the application runs."
            .to_owned(),
        OutboxState::Sending => "Next: nothing. A dispatcher is sending it; if that was killed, another one takes over \
                                 within minutes."
            .to_owned(),
        OutboxState::Refused => {
            let kind = entry.last_error.as_ref().map_or("", |error| error.kind.as_str());
            let row = REFUSED.iter().find(|(kinds, _)| kinds.is_empty() || kinds.contains(&kind));
            let text = row.map_or("", |(_, text)| text);
            let behind = match entry.behind {
                0 => String::new(),
                1 => "\nA later message about the same resource waits for this decision.".to_owned(),
                behind => format!("\n{behind} later messages about the same resource wait for this decision."),
            };
            format!(
                "Next: {text}{behind}\n  koppeltaal outbox retry {id}\n  koppeltaal outbox give-up {id}"
            )
        }
        _ => "Next: nothing. It is settled.".to_owned(),
    }
}

/// How many messages are open, and what to do about them.
pub(super) fn overview(summary: &OutboxSummary) -> String {
    let mut text = format!(
        "{} waiting, {} sending, {} refused, {} sent, {} given up",
        summary.waiting, summary.sending, summary.refused, summary.sent, summary.given_up
    );
    if let Some(oldest) = summary.oldest_open {
        text += &format!("; the oldest that is open is from {}", format_time(oldest));
    }
    if summary.refused > 0 {
        text += "\nThe refused ones wait for a decision: `koppeltaal outbox show ID` says why and what to do";
    }
    text
}

/// What to do when the outbox has no entry with this identifier.
pub(super) fn unknown(id: &str) -> String {
    format!(
        "no message {id} is in the outbox: `koppeltaal outbox list` shows those that are open. Entries of messages that \
         were sent are deleted after a while"
    )
}
