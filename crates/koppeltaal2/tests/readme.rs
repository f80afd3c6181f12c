//! What the READMEs show is what the example does.

#[test]
fn both_readmes_show_the_modules_first_program() {
    let example = include_str!("../examples/module.rs");
    let program = example.lines().skip_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    let program = program.trim();
    for (name, readme) in [
        ("README of the crate", include_str!("../README.md")),
        ("README of the repository", include_str!("../../../README.md")),
    ] {
        assert!(readme.contains(program), "the {name} does not show examples/module.rs as it is");
    }
    let lines = program.lines().filter(|line| !line.is_empty()).count();
    assert!(lines < 35, "{lines} lines");
}
