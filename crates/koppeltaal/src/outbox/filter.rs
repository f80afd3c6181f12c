//! [`OutboxFilter`]: which entries of an outbox are listed, retried or given up.

use super::entry::{OPEN, OutboxEntry, OutboxState};

/// Which entries of an outbox. Without any condition: all. States alone can be given as an array:
///
/// ```
/// # use koppeltaal::{Outbox, OutboxError, OutboxFilter, OutboxState};
/// # async fn example(outbox: Outbox) -> Result<(), OutboxError> {
/// let refused = outbox.entries([OutboxState::Refused], 100).await?;
///
/// // All entries of a domain, a hundred at a time.
/// let mut filter = OutboxFilter::new().domain("Zonnedauw");
/// loop {
///     let page = outbox.entries(&filter, 100).await?;
///     let Some(last) = page.last() else { break };
///     filter = filter.after(last);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxFilter {
    identifier: Option<String>,
    states: Option<Vec<OutboxState>>,
    domain: Option<String>,
    event: Option<String>,
    has_problem: bool,
    after: Option<i64>,
}

impl OutboxFilter {
    /// All entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only the entry of this message.
    pub(super) fn identifier(identifier: &str) -> Self {
        Self { identifier: Some(identifier.to_owned()), ..Self::default() }
    }

    /// Only entries in one of these states.
    #[must_use]
    pub fn states(self, states: impl IntoIterator<Item = OutboxState>) -> Self {
        Self { states: Some(states.into_iter().collect()), ..self }
    }

    /// Only entries of this domain.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Only entries of messages about this event, by its [code](koppeltaal_messaging::Event::code).
    #[must_use]
    pub fn event(self, code: impl Into<String>) -> Self {
        Self { event: Some(code.into()), ..self }
    }

    /// Only entries of messages that failed and are neither sent nor given up.
    #[must_use]
    pub fn problems(self) -> Self {
        Self { has_problem: true, ..self }
    }

    /// Only entries that were handed over after this one: the next page of a list. Entries that come or go
    /// meanwhile shift no page.
    #[must_use]
    pub fn after(self, entry: &OutboxEntry) -> Self {
        Self { after: Some(entry.place), ..self }
    }

    /// The condition in SQL, and the values of its placeholders, which have this sign and are numbered from
    /// `first`.
    pub(super) fn condition(&self, sign: char, first: usize) -> (String, Vec<String>) {
        let place = self.after.map(|place| place.to_string());
        let columns = [
            ("identifier = ", &self.identifier, ""),
            ("domain = ", &self.domain, ""),
            ("event = ", &self.event, ""),
            ("place > CAST(CAST(", &place, " AS text) AS bigint)"),
        ];
        let (mut conditions, mut values) = (vec!["true".to_owned()], Vec::new());
        for (before, value, after) in columns {
            if let Some(value) = value {
                conditions.push(format!("{before}{sign}{}{after}", first + values.len()));
                values.push(value.clone());
            }
        }
        match self.states.as_deref() {
            None => {}
            Some([]) => conditions.push("false".to_owned()),
            // The names are constants of this crate, so they need no placeholders.
            Some(states) => {
                let names: Vec<_> = states.iter().map(|state| format!("'{}'", state.name())).collect();
                conditions.push(format!("state IN ({})", names.join(", ")));
            }
        }
        if self.has_problem {
            conditions.push(format!("state IN {OPEN} AND fault_kind IS NOT NULL"));
        }
        (conditions.join(" AND "), values)
    }
}

impl<const N: usize> From<[OutboxState; N]> for OutboxFilter {
    fn from(states: [OutboxState; N]) -> Self {
        Self::new().states(states)
    }
}

impl<const N: usize> From<&[OutboxState; N]> for OutboxFilter {
    fn from(states: &[OutboxState; N]) -> Self {
        Self::new().states(*states)
    }
}

impl From<&[OutboxState]> for OutboxFilter {
    fn from(states: &[OutboxState]) -> Self {
        Self::new().states(states.iter().copied())
    }
}

impl From<&Self> for OutboxFilter {
    fn from(filter: &Self) -> Self {
        filter.clone()
    }
}
