//! [`Faults`]: the faults that are set at the moment, and which of them something that happens now meets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::{Fault, FaultKind};

/// The faults, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, faults: Vec<Fault>) {
        *self.lock() = faults;
    }

    pub(crate) fn get(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The faults of the kinds that are asked about, that something at this path meets. Each is one time less to come.
    pub(crate) fn meet(&self, path: &str, asked: impl Fn(FaultKind) -> bool) -> Vec<FaultKind> {
        let mut faults = self.lock();
        let mut met = Vec::new();
        for fault in faults.iter_mut() {
            let is_here = fault.path.as_ref().is_none_or(|part| path.contains(part.as_str()));
            if !is_here || !asked(fault.kind) || fault.times == Some(0) {
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            met.push(fault.kind);
        }
        faults.retain(|fault| fault.times != Some(0));
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_met_at_its_path_and_so_many_times() {
        let faults = Faults::new(vec![
            Fault::new(FaultKind::Cut).path("Mailbox").times(2),
            Fault::new(FaultKind::LostPush),
        ]);
        let meet = |path: &str| faults.meet(path, |kind| kind == FaultKind::Cut).len();
        assert_eq!([meet("/x"), meet("/Mailbox"), meet("/Mailbox"), meet("/Mailbox")], [0, 1, 1, 0]);
        assert_eq!(faults.get(), [Fault::new(FaultKind::LostPush)]);
    }
}
