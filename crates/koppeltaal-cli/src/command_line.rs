//! [`command`]: the command line as clap parses it. All commands share the arguments about the connection,
//! but those that speak to no server hide and refuse them.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use crate::Arguments;
use crate::connection::HEADING;

/// Commands that speak to no server, and whether they have output for programs.
const LOCAL: [(&str, bool); 9] = [
    ("completions", false),
    ("convert", true),
    ("demo", false),
    ("man", false),
    ("new", false),
    ("outbox", true),
    ("sandbox", false),
    // Its commands have arguments of their own about the domain.
    ("v2", true),
    ("validate", true),
];

/// How wide the short list of arguments is, in characters.
const WIDTH: usize = 90;

/// The command line.
pub(crate) fn command() -> Command {
    let command = Arguments::command();
    let shared: Vec<Arg> =
        command.get_arguments().filter(|argument| argument.is_global_set()).cloned().collect();
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let list = short_list(&shared);
    names.into_iter().fold(command.after_long_help(list.clone()), |command, name| {
        let local = LOCAL.iter().find(|(local, _)| *local == name);
        command.mut_subcommand(name, |command| match local {
            Some((_, has_output)) => without_connection(command, &shared, *has_output),
            None => with_list(command, &list),
        })
    })
}

/// Ends the program if a command was given shared arguments that mean nothing to it: those about the
/// connection, if it speaks to no server, or --output, if it has no output for programs.
pub(crate) fn check(matches: &ArgMatches) {
    let Some((name, matches)) = matches.subcommand() else { return };
    let mut command = command();
    let hidden: Vec<_> = command
        .find_subcommand(name)
        .into_iter()
        .flat_map(|command| {
            command.get_arguments().filter(|argument| argument.is_hide_set() && !is_below(command, argument))
        })
        .cloned()
        .collect();
    for argument in hidden {
        let id = argument.get_id().as_str();
        if matches.value_source(id) == Some(ValueSource::CommandLine) {
            let reason = match argument.get_help_heading() {
                Some(HEADING) => "which speaks to no server",
                _ => "which has no output for programs",
            };
            let problem = format!("--{} means nothing to {name}, {reason}", id.replace('_', "-"));
            command.error(clap::error::ErrorKind::ArgumentConflict, problem).exit();
        }
    }
}

/// Whether a subcommand has an argument of this name, and shows it.
fn is_below(command: &Command, argument: &Arg) -> bool {
    let is_shown = |own: &Arg| own.get_id() == argument.get_id() && !own.is_hide_set();
    command.get_subcommands().any(|below| below.get_arguments().any(is_shown))
}

/// clap adds a shared argument to a command unless the command has an argument of that name. So the command
/// gets hidden ones of its own.
fn without_connection(command: Command, shared: &[Arg], has_output: bool) -> Command {
    let is_own = |argument: &Arg| command.get_arguments().any(|own| own.get_id() == argument.get_id());
    let is_useful = |argument: &Arg| has_output && argument.get_help_heading() != Some(HEADING);
    let hidden: Vec<_> = shared
        .iter()
        .filter(|argument| !is_own(argument) && !is_useful(argument))
        .map(|argument| argument.clone().hide(true).hide_env(true))
        .collect();
    command.args(hidden)
}

/// Puts the list under the help of a command and of its subcommands.
fn with_list(command: Command, list: &str) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |command| with_list(command, list)))
        .after_long_help(list.to_owned())
}

/// The arguments about the connection in a few lines.
fn short_list(shared: &[Arg]) -> String {
    let mut list = format!("{HEADING} (-h explains these):");
    let mut width = WIDTH;
    for argument in shared.iter().filter(|argument| argument.get_help_heading() == Some(HEADING)) {
        let mut text = argument.get_short().map_or_else(String::new, |short| format!("-{short}/"));
        text += &format!("--{}", argument.get_long().unwrap_or_default());
        if argument.get_action().takes_values() {
            let name = argument.get_value_names().and_then(|names| names.first());
            text += &format!(" {}", name.map_or("VALUE", |name| name.as_str()));
        }
        if width + 2 + text.len() > WIDTH {
            list += "\n  ";
            width = 2;
        } else {
            list += "  ";
            width += 2;
        }
        width += text.len();
        list += &text;
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_valid_and_has_every_local_command() {
        command().debug_assert();
        let command = command();
        for (name, _) in LOCAL {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
    }
}
