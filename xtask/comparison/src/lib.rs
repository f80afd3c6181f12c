//! JSON and XML as trees, and the differences between two of them. What `conformance` and `interop` compare
//! documents with; it shares no code with the models that they compare.

pub mod difference;
pub mod files;
pub mod json_tree;
pub mod xml_tree;
