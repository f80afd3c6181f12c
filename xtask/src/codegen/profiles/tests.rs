//! What a line of the schema becomes, and what a wrong one is told.

use std::collections::BTreeMap;

use super::{Schema, emit, lists, parse, resolve};
use crate::codegen::model::Model;

/// A resource, a component and a data type of a small standard.
const DSTU1: &str = "\
abstract Element
    @id  0..1  id

primitive string : xs:string

primitive boolean : xs:boolean

primitive id : xs:string

resource Plan : Element
    extension  0..*  Extension
    title      0..1  string
    step       0..*  Plan.Step

component Plan.Step : Element
    extension  0..*  Extension
    done       1..1  boolean

type Extension : Element
    @url  1..1  string
";

fn generate(profiles: &str) -> anyhow::Result<String> {
    let dstu1 = crate::schema::parse(DSTU1, "test.schema")?;
    let (datatypes, plan) = dstu1.into_iter().partition(|one| !one.name().starts_with("Plan"));
    let model =
        Model::new(&BTreeMap::from([("datatypes".to_owned(), datatypes), ("plan".to_owned(), plan)]))?;
    let mut schema = Schema::default();
    parse::parse(profiles, "test.schema", &mut schema)?;
    let modules = resolve::modules(&schema, &model)?;
    let mut text = String::new();
    // Where lines break is prettyplease's business: the tests look at text without blanks.
    let files = modules
        .iter()
        .map(emit::module)
        .chain([lists::valuesets(&schema)?, lists::vocabulary(&schema, &modules)?]);
    for tokens in files {
        text.push_str(&squeezed(&prettyplease::unparse(&syn::parse2(tokens)?)));
    }
    Ok(text)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The error of a wrong schema, with its causes.
fn error(profiles: &str) -> String {
    format!("{:#}", generate(profiles).expect_err("the schema is wrong"))
}

#[test]
fn one_line_adds_an_optional_extension() {
    let before = generate("profile Plan : Plan\n    title  0..1  string\n").expect("right");
    let line = "    colour  0..1  string  https://portal.example/fhir/Plan#Colour  # of the tile\n";
    let after = generate(&format!("profile Plan : Plan\n    title  0..1  string\n{line}")).expect("right");
    for text in [
        "`colour`, 0..1 `string`: of the tile.",
        "pub colour: Option<String>",
        "colour: extensions.take(plan::COLOUR, Plain)",
        "extensions.put(plan::COLOUR, Plain, value.colour)",
        "checker.count(\"colour\", self.colour.iter().len())",
        "pub const COLOUR: &str = \"https://portal.example/fhir/Plan#Colour\"",
        "ElementRule::optional(\"Plan.colour\", ElementType::Value(\"string\")).at(plan::COLOUR)",
    ] {
        let text = &squeezed(text);
        assert!(after.contains(text) && !before.contains(text), "{text}\n{after}");
    }
}

#[test]
fn codes_become_enums_with_their_system() {
    let text = generate("codes Colour : PlanColours\n    red  Rood\n    x-blue  as Blue\n").expect("right");
    for part in [
        "pub enum Colour { /// `red`: Rood\n Red, /// `x-blue`\n Blue,",
        "Colour: system::PLAN_COLOURS, []; Red \"red\" \"Rood\", Blue \"x-blue\" \"x-blue\",",
        "PLAN_COLOURS: &str = \"http://ggz.koppeltaal.nl/fhir/Koppeltaal/PlanColours\"",
    ] {
        assert!(text.contains(&squeezed(part)), "{part}\n{text}");
    }
}

#[test]
fn a_wrong_line_is_named_with_its_reason() {
    let plan = |line: &str| error(&format!("profile Plan : Plan\n    {line}\n"));
    assert!(plan("title 0..1").contains("test.schema, line 2: expected a type"));
    assert!(plan("title 0..7 string").contains("expected 0..1, 1..1, 0..* or 1..*"));
    assert!(plan("name 0..1 string").contains("Plan has no element `name`"));
    assert!(plan("title 0..1 boolean").contains("DSTU1 has `string` here"));
    assert!(plan("title 0..* string").contains("DSTU1 has at most one `title`"));
    assert!(plan("colour 0..1 colour Plan#Colour").contains("no type `colour`"));
    assert!(plan("colour 0..1 Coding(Paint) Plan#Colour").contains("no list `Paint`"));
    assert!(plan("owner 0..1 Resource Plan#Owner").contains("a reference says to what"));
    assert!(plan("step 0..* Plan.Step").contains("Plan.Step"));
    assert!(error("    title 0..1 string\n").contains("expected the start of a definition"));
    assert!(
        error("profile Plan : Plan\n    a 0..1 string P#A\n    a 0..1 string P#B\n")
            .contains("stands there twice")
    );
    assert!(
        error("component Plan.Step : Extension\n    a 0..1 string P#A\nprofile Plan : Plan\n")
            .contains("no field has")
    );
}
