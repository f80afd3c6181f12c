//! Launches, codes and tokens in the data file.

use serde::de::DeserializeOwned;

use super::Grants;
use super::expiring::{Expiring, Grant};
use crate::mailbox::Moment;
use crate::store::{Journal, Kind, Persistent, Unusable};

impl Persistent for Grants {
    const KINDS: &'static [Kind] =
        &[Kind::Launch, Kind::Activation, Kind::Code, Kind::Session, Kind::Refresh];

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

    fn restore(&mut self, kind: Kind, key: &str, state: &str) -> Result<(), Unusable> {
        match kind {
            Kind::Launch => restore(&mut self.launches, key, state),
            Kind::Activation => restore(&mut self.activations, key, state),
            Kind::Code => restore(&mut self.codes, key, state),
            Kind::Session => restore(&mut self.sessions, key, state),
            Kind::Refresh => restore(&mut self.refreshes, key, state),
            _ => Ok(()),
        }
    }
}

fn restore<T: Grant + DeserializeOwned>(
    entries: &mut Expiring<T>,
    key: &str,
    state: &str,
) -> Result<(), Unusable> {
    let (until, value): (Moment, T) = serde_json::from_str(state)?;
    entries.restore(key, until, value);
    Ok(())
}
