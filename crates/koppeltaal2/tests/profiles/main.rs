//! The profiles as types: nothing is lost, and rules are checked.

mod fixtures;
mod law;
mod rules;
mod valuesets;
