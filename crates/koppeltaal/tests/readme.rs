//! What the README shows is what the examples do.

#[test]
fn the_readme_shows_the_first_program() {
    let readme = include_str!("../../../README.md");
    let example = include_str!("../examples/first.rs");
    let program = example.lines().skip_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    let program = program.trim();
    assert!(
        readme.contains(program),
        "the README of the repository does not show examples/first.rs as it is"
    );
    let lines = program.lines().filter(|line| !line.is_empty()).count();
    assert!(lines < 30, "{lines} lines");
}

#[test]
fn the_readme_of_the_sandbox_shows_how_a_handler_is_tested() {
    let readme = include_str!("../../koppeltaal-sandbox/README.md");
    let (_, guide) = include_str!("testing_guide.rs").split_once("\n\n").expect("a text about the file");
    assert!(readme.contains(guide.trim()), "the README does not show tests/testing_guide.rs as it is");
}

#[test]
fn the_readme_of_the_sandbox_says_what_an_application_sees_of_each_fault() {
    let readme = include_str!("../../koppeltaal-sandbox/README.md");
    let settings = include_str!("../../koppeltaal-sandbox/sandbox.toml");
    let (_, kinds) = settings.split_once("# kind = \"status\" # ").expect("the kinds of faults");
    let kinds: Vec<&str> = kinds.lines().next().unwrap_or_default().split(", ").collect();
    assert!(kinds.len() >= 10, "{kinds:?}");
    for kind in kinds {
        assert!(readme.contains(&format!("| `{kind}` | ")), "the README lacks {kind}");
    }
}

#[test]
fn the_readme_shows_how_the_application_with_sqlx_hands_a_message_over() {
    let readme = include_str!("../README.md");
    let application = include_str!("../../../xtask/interop/stacks/sqlx-sqlite/src/lib.rs");
    let start = application.find("async fn put").expect("the function");
    let function = &application[start..];
    assert!(readme.contains(function), "the README does not show the function of the application as it is");
}
