//! Errors in the schema say where they are and what is wrong.

use std::path::Path;

use super::{Schema, files, parse};
use crate::codegen::model::Model;
use crate::codegen::{R4_SCHEMAS, read_schemas};

fn error(text: &str) -> String {
    let root = crate::workspace_root().expect("the workspace");
    let r4 = Model::r4(&read_schemas(&root.join(Path::new(R4_SCHEMAS))).expect("readable")).expect("a model");
    let mut schema = Schema::default();
    let result = parse::parse(text, "test.schema", &mut schema).and_then(|()| files(&schema, &r4).map(drop));
    format!("{:#}", result.expect_err("the text is wrong"))
}

#[test]
fn an_error_names_the_line_and_the_reason() {
    assert_eq!(
        error("profile Task : http://example.org/T\n    status  1..1  required"),
        "test.schema, line 2: expected extension, first, to(...), codes(...) or is(...), found `required`"
    );
    assert_eq!(
        error("    status  1..1"),
        "test.schema, line 1: expected the start of a definition at the margin"
    );
}

#[test]
fn every_element_of_r4_has_a_place_in_the_profile() {
    assert_eq!(
        error("profile Endpoint : http://example.org/E\n    status  1..1"),
        "profile Endpoint: `identifier` must be either a field or forbidden"
    );
    assert_eq!(
        error("profile Endpoint : http://example.org/E\n    state  1..1"),
        "profile Endpoint: `Endpoint` has no element `state` in R4"
    );
}

#[test]
fn a_code_is_of_a_system_that_the_schema_has() {
    assert_eq!(
        error("codes X : http://example.org/X\n    a  A"),
        "test.schema, line 2: expected `in System` before the first code"
    );
    assert_eq!(error("codes X : http://example.org/X\n    in Y\n    a  A"), "list X: no system `Y`");
    assert_eq!(
        error("profile Task : http://example.org/T\n    code  0..1  codes(X)"),
        "profile Task: no codes `X`"
    );
}
