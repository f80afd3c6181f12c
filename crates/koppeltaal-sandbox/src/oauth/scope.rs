//! The launches that a scope names, and the numbers that launches have.

use std::ops::Range;

/// Launches have nine digits and activation codes six, so that neither is taken for the other.
pub(super) const LAUNCH_RANGE: Range<u64> = 100_000_000..1_000_000_000;
pub(super) const ACTIVATION_RANGE: Range<u64> = 100_000..1_000_000;
/// The part of a scope that names a launch.
const LAUNCH_SCOPE: &str = "launch:";

/// Whether a request with this scope comes from an app into which its user typed an activation code. There is
/// no browser to redirect, so every answer is for the app itself.
pub(crate) fn is_mobile(scope: &str) -> bool {
    let is_activation = |launch: &str| launch.parse().is_ok_and(|number| ACTIVATION_RANGE.contains(&number));
    launches(scope).any(is_activation)
}

/// The launches that a scope names.
pub(super) fn launches(scope: &str) -> impl Iterator<Item = &str> {
    scope.split_whitespace().filter_map(|part| part.strip_prefix(LAUNCH_SCOPE))
}

/// The scope without the launches that it names.
pub(super) fn without_launches(scope: &str) -> String {
    let others = scope.split_whitespace().filter(|part| !part.starts_with(LAUNCH_SCOPE));
    others.collect::<Vec<_>>().join(" ")
}
