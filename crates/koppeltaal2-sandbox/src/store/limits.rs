//! [`StoreLimits`]: how much a store holds.

/// How much a store holds at most. What the domain itself writes is not refused: its AuditEvents push out
/// the oldest ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreLimits {
    /// Resources, deleted ones included, AuditEvents not.
    pub(crate) resources: usize,
    /// AuditEvents. The oldest make room for new ones.
    pub(crate) audit_events: usize,
    /// Versions of all resources together.
    pub(crate) versions: usize,
    /// Memory of the AuditEvents, about.
    pub(crate) audit_bytes: usize,
    /// Memory of all other versions together, about.
    pub(crate) bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            resources: 200_000,
            audit_events: 20_000,
            versions: 400_000,
            audit_bytes: 128 << 20,
            bytes: 1 << 30,
        }
    }
}
