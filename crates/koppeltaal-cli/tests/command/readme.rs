//! The README shows what the commands print.

use crate::support::{koppeltaal, same_every_time, stderr, stdout};

/// The commands in the console blocks of the README, each with the output that is shown there.
fn examples() -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    let blocks = include_str!("../../README.md").split("```console\n").skip(1);
    for block in blocks.map(|block| block.split("```").next().unwrap_or_default()) {
        for line in block.lines() {
            match (line.strip_prefix("$ koppeltaal "), examples.last_mut()) {
                (Some(arguments), _) => examples.push((arguments.to_owned(), String::new())),
                (None, Some((_, shown))) => *shown += &format!("{line}\n"),
                (None, None) => panic!("output before the first command: {line}"),
            }
        }
    }
    examples
}

#[test]
fn the_readme_shows_what_the_commands_print() {
    let examples = examples();
    assert!(examples.len() >= 3, "{examples:?}");
    // The sandbox runs until it is stopped; its ready line has a test of its own.
    for (arguments, expected) in examples.into_iter().filter(|(arguments, _)| arguments != "sandbox") {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let output = koppeltaal(&words);
        let printed = stdout(&output) + &stderr(&output);
        assert_eq!(same_every_time(&printed), same_every_time(&expected), "koppeltaal {arguments}");
    }
}
