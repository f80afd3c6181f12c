//! Events in configurations, by their codes.

use koppeltaal_messaging::Event;

/// The event with this code, or a text that says which ones there are.
fn read(code: &str) -> Result<Event, String> {
    Event::from_code(code).ok_or_else(|| {
        let events = Event::ALL.map(|event| event.to_string()).join(", ");
        format!("{code:?} is not an event of Koppeltaal; these are: {events}")
    })
}

/// A list of events.
pub(super) mod list {
    use std::collections::BTreeSet;

    use koppeltaal_messaging::Event;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeSet<Event>, D::Error> {
        let codes = Vec::<String>::deserialize(from)?;
        codes.iter().map(|code| super::read(code).map_err(D::Error::custom)).collect()
    }
}

/// One event, or none.
pub(super) mod option {
    use koppeltaal_messaging::Event;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        event: &Option<Event>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match event {
            Some(event) => to.collect_str(event),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Event>, D::Error> {
        let code = Option::<String>::deserialize(from)?;
        code.map(|code| super::read(&code).map_err(D::Error::custom)).transpose()
    }
}
