//! Launches, codes and tokens in the data file.

use serde::de::DeserializeOwned;

use super::Grants;
use super::expiring::{ExpiringTable, Grant};
use crate::clock::Timestamp;
use crate::persistence::{Journal, Persistent, RecordError, RecordKind};

impl Persistent for Grants {
    const KINDS: &'static [RecordKind] = &[
        RecordKind::Launch,
        RecordKind::Activation,
        RecordKind::Code,
        RecordKind::Session,
        RecordKind::Refresh,
    ];

    fn journals(&mut self, visit: &mut dyn FnMut(&mut dyn Journal)) {
        let Self {
            applications: _,
            lifetimes: _,
            share: _,
            launches,
            activations,
            codes,
            sessions,
            refreshes,
        } = self;
        visit(launches.journal());
        visit(activations.journal());
        visit(codes.journal());
        visit(sessions.journal());
        visit(refreshes.journal());
    }

    fn restore(&mut self, kind: RecordKind, key: &str, state: &str) -> Result<(), RecordError> {
        match kind {
            RecordKind::Launch => restore(&mut self.launches, key, state),
            RecordKind::Activation => restore(&mut self.activations, key, state),
            RecordKind::Code => restore(&mut self.codes, key, state),
            RecordKind::Session => restore(&mut self.sessions, key, state),
            RecordKind::Refresh => restore(&mut self.refreshes, key, state),
            _ => Ok(()),
        }
    }
}

fn restore<T: Grant + DeserializeOwned>(
    entries: &mut ExpiringTable<T>,
    key: &str,
    state: &str,
) -> Result<(), RecordError> {
    let (until, value): (Timestamp, T) = serde_json::from_str(state)?;
    entries.restore(key, until, value);
    Ok(())
}
