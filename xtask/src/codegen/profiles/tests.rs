//! Tests of the code that lines of the schema become, and of the errors of wrong lines.

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
    let (datatypes, plan) = dstu1.into_iter().partition(|definition| !definition.name().starts_with("Plan"));
    let dstu1 = BTreeMap::from([("datatypes".to_owned(), datatypes), ("plan".to_owned(), plan)]);
    let model = Model::new(&dstu1, [])?;
    let mut schema = Schema::default();
    parse::parse(profiles, "test.schema", &mut schema)?;
    let modules = resolve::modules(&schema, &model)?;
    let mut text = String::new();
    // The tests look at text without blanks, because prettyplease decides where lines break.
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
    // Prettyplease ends a list with a comma if it spans several lines.
    text.split_whitespace().collect::<String>().replace(",)", ")")
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
        "checker.count(element!(\"colour\"), self.colour.iter().len())",
        "pub const COLOUR: &str = \"https://portal.example/fhir/Plan#Colour\"",
        "ElementDefinition::optional(\"Plan.colour\", ElementType::Value(\"string\")).in_extension(plan::COLOUR)",
    ] {
        let text = &squeezed(text);
        assert!(after.contains(text) && !before.contains(text), "{text}\n{after}");
    }
}

/// The example of `schemas/koppeltaal/README.md`: its line, in its component of the real schema, gives the
/// code that it shows, and changes no file but those that it names.
#[test]
fn the_worked_example_of_the_schema_is_what_happens() {
    let root = crate::workspace_root().expect("the workspace");
    let readme = std::fs::read_to_string(root.join("schemas/koppeltaal/README.md")).expect("readable");
    let block = |kind: &str| {
        let start = readme.find(&format!("```{kind}\n")).expect("a block") + kind.len() + 4;
        readme[start..].split("```").next().expect("its end").to_owned()
    };
    let (line, shown) = (block("text"), block("rust"));
    let url = line.split_whitespace().find(|word| word.contains("://")).expect("a URL");
    let mut schemas = crate::codegen::read_schemas(&root.join(crate::codegen::SCHEMAS)).expect("schemas");
    crate::codegen::fixups::apply(&mut schemas).expect("fix-ups");
    let koppeltaal = super::read(&root.join(super::SCHEMAS)).expect("right");
    let dstu1 = Model::new(&schemas, koppeltaal.resource_types()).expect("the model");
    let generate = |line: &str| {
        let mut schema = Schema::default();
        for file in ["profiles", "valuesets", "kinds", "events"] {
            let path = root.join(format!("schemas/koppeltaal/{file}.schema"));
            let text = std::fs::read_to_string(path).expect("readable");
            let component = "component CarePlan.Activity : CarePlan.Activity\n";
            // Whoever tries the example has the line in the schema already.
            let text: String = text.split_inclusive('\n').filter(|known| !known.contains(url)).collect();
            let text = text.replace(component, &format!("{component}{line}"));
            parse::parse(&text, "test.schema", &mut schema).expect("right");
        }
        let files = super::files(&schema, &dstu1).expect("right");
        let text = |tokens| squeezed(&prettyplease::unparse(&syn::parse2(tokens).expect("code")));
        files.into_iter().map(|(name, tokens)| (name, text(tokens))).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (generate(""), generate(&format!("    {}\n", line.trim())));
    let changed: Vec<_> =
        after.iter().filter(|(name, text)| before[*name] != **text).map(|(name, _)| name.as_str()).collect();
    assert_eq!(changed, ["care_plan.rs", "vocabulary.rs"]);
    let all: String = changed.iter().map(|name| after[*name].as_str()).collect();
    // A comment after code belongs to the example, one before it is generated.
    let code = shown.lines().map(|line| line.split("   // ").next().unwrap_or(line).trim());
    let code = code.filter(|line| !line.is_empty() && !line.starts_with("// "));
    let mut checked = 0;
    for line in code.filter(|line| line.contains(char::is_alphabetic)) {
        assert!(all.contains(&squeezed(line)), "{line}");
        checked += 1;
    }
    assert!(checked > 10, "{shown}");
}

#[test]
fn an_event_is_a_line_and_a_wrong_one_is_named() {
    let schema = |line: &str| {
        let mut schema = Schema::default();
        let text = format!(
            "codes Event : Events closed\n    Sent  # something was sent\nprofile Plan : Plan\n\
             kind Plan : Plan\nkind Step : Step\n{line}\n"
        );
        parse::parse(&text, "test.schema", &mut schema).and_then(|()| super::events::module(&schema))
    };
    let text = squeezed(
        &schema("event Sent : Plan patient(referenced) with(Step|Plan)").expect("right").to_string(),
    );
    let row = "EventDefinition { focal : & [ResourceKind :: Plan] , patient : PatientPresence :: Referenced , \
               related : & [ResourceKind :: Step , ResourceKind :: Plan] }";
    assert!(text.contains(&squeezed(row)), "{text}");
    let error = |line: &str| format!("{:#}", schema(line).expect_err("wrong"));
    assert!(error("").contains("nothing is said about the event Sent"));
    assert!(error("event Sent : Plan patient(maybe)").contains("found `patient(maybe)`"));
    assert!(error("event Sent : Step").contains("no profile `Step`"));
    assert!(error("event Sent : Plan with(Goal)").contains("no kind `Goal`"));
    assert!(error("event Sent : Plan\nevent Lost : Plan").contains("Lost is not listed"));
}

#[test]
fn a_profile_without_a_kind_is_named_unless_it_says_so() {
    let kinds = |text: &str| {
        let mut schema = Schema::default();
        let list = "codes OtherResourceUsage : Usages\n    Team\n";
        parse::parse(&format!("{list}{text}"), "test.schema", &mut schema)?;
        super::kinds::module(&schema, &[])
    };
    let text = kinds("kind Plan : Plan\nkind Team : Other at(Other)  # people\nprofile Plan : Plan\n");
    let text = squeezed(&text.expect("right").to_string());
    for part in
        ["KindDefinition :: type_of_its_own (\"Plan\")", "KindDefinition :: other (\"Team\" , \"Other\")"]
    {
        assert!(text.contains(&squeezed(part)), "{part}\n{text}");
    }
    assert!(kinds("profile Plan : Plan without kind\n").is_ok());
    let error = |text: &str| format!("{:#}", kinds(text).expect_err("wrong"));
    assert!(error("profile Plan : Plan\n").contains("expected the line `kind Plan : Plan`"));
    assert!(error("kind Plan : Plan\nprofile Plan : Plan without kind\n").contains("not both"));
    assert!(error("kind Goal : Other\n").contains("OtherResourceUsage has no such code"));
    assert!(error("kind Scheme : Plan\n").contains("is called Plan"));
    assert!(error("kind Plan : Plan at(Other)\n").contains("another type segment"));
    assert!(error("kind Plan : Plan near(Other)\n").contains("expected at(...)"));
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
fn what_only_dstu1_requires_is_said_in_the_docs_and_in_the_table() {
    let schema = |cardinality: &str| {
        let step = format!("component Plan.Step : Plan.Step\n    done  {cardinality}  boolean\n");
        generate(&format!("profile Plan : Plan\n    step  0..*  Plan.Step\n{step}")).expect("right")
    };
    let (lax, strict) = (schema("0..1"), schema("1..1"));
    for part in ["0..1 in Koppeltaal, 1..1 in DSTU1: required.", ".required_by_dstu1()"] {
        let part = &squeezed(part);
        assert!(lax.contains(part) && !strict.contains(part), "{part}\n{lax}");
    }
}

#[test]
fn a_list_cannot_have_the_name_of_a_profile() {
    let text = "profile Plan : Plan\n    title  0..1  string\ncodes Plan : Plans\n    red\n";
    assert!(error(text).contains("the list `Plan` is called like the profile `Plan`"));
    let text = "profile Plan : Plan\n    step  0..*  Plan.Step\ncomponent Plan.Step : Plan.Step\n\
                codes PlanStep : Steps\n    red\n";
    assert!(error(text).contains("the list `PlanStep` is called like"));
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
            .contains("is defined twice")
    );
    assert!(
        error("component Plan.Step : Extension\n    a 0..1 string P#A\nprofile Plan : Plan\n")
            .contains("no field has")
    );
}
