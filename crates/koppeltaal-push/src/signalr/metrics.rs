//! Metrics of hub connections, for the `metrics` facade. Without that feature, nothing is reported.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `koppeltaal_hub_connections` | gauge: how many connections are in this state | `state`: `connecting`, `connected`, `reconnecting` or `disconnected` |

/// The state of one connection, as it is reported.
#[derive(Debug, Default)]
pub(crate) struct StateGauge {
    reported: Option<&'static str>,
}

impl StateGauge {
    /// Reports the state, or that the connection is gone.
    pub(crate) fn set(&mut self, state: Option<&'static str>) {
        if state == self.reported {
            return;
        }
        if let Some(before) = self.reported {
            add(before, -1.0);
        }
        if let Some(now) = state {
            add(now, 1.0);
        }
        self.reported = state;
    }
}

impl Drop for StateGauge {
    fn drop(&mut self) {
        self.set(None);
    }
}

#[cfg(feature = "metrics")]
fn add(state: &'static str, count: f64) {
    ::metrics::gauge!("koppeltaal_hub_connections", "state" => state).increment(count);
}

/// Does nothing.
#[cfg(not(feature = "metrics"))]
fn add(_: &'static str, _: f64) {}
