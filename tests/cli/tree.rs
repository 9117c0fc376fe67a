//! The tree of commands: each says what it is for, with examples that can be typed, in its help, in the book and here.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory};
use countersign::cli::Cli;

/// Every command that does something, with the words that lead to it.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut program = Cli::command();
    program.build();
    let mut found = Vec::new();
    collect(&program, &[], &mut found);
    found
}

fn collect(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Command)>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let path = [path, &[child.get_name().to_owned()]].concat();
        collect(child, &path, found);
        if !child.is_subcommand_required_set() {
            found.push((path, child.clone()));
        }
    }
}

/// The lines below `Example:` or `Examples:` in the help, before a terminal breaks them.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    let mut lines = help.lines().skip_while(|line| !["Example:", "Examples:"].contains(line));
    lines.next();
    lines.take_while(|line| line.starts_with("  ")).map(str::to_owned).collect()
}

/// A terminal that is as wide as they always were.
const NARROW: usize = 80;

/// The invocations of this command in lines of a shell, as words: what stands between the signs that part one command
/// from another. A variable that stands for an option is that option.
fn invocations(command: &Command, lines: &str) -> Vec<Vec<String>> {
    let lines = lines.replace("\\\n", " ").replace("$(date +%F)", "2026-11-22");
    let parts = lines.split(['\n', '|', '&', ';', '>', '(', ')', '#']);
    let words = |part: &str| -> Option<Vec<String>> {
        let words: Vec<&str> =
            part.split_whitespace().map(|word| word.trim_matches(['[', ']', ',', '"', '\''])).collect();
        let (before, typed) = words.split_at(words.iter().position(|word| *word == "countersign")?);
        let variables = before.iter().filter_map(|word| option(command, word));
        Some(typed.iter().map(|word| (*word).to_owned()).chain(variables).collect())
    };
    parts.filter_map(words).collect()
}

/// The option that an assignment to a variable stands for.
fn option(command: &Command, assignment: &str) -> Option<String> {
    let (variable, value) = assignment.split_once('=')?;
    let argument = command.get_arguments().find(|argument| argument.get_env().is_some_and(|name| name == variable))?;
    Some(format!("--{}={value}", argument.get_long()?))
}

/// The commands that were found in a line.
fn path_of(matches: &ArgMatches) -> Vec<String> {
    let mut path = Vec::new();
    let mut next = matches.subcommand();
    while let Some((name, matches)) = next {
        path.push(name.to_owned());
        next = matches.subcommand();
    }
    path
}

#[test]
fn every_command_says_what_it_does() {
    for (path, command) in commands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();

        assert!(about.starts_with(char::is_uppercase) && !about.ends_with('.'), "{path:?}: {about:?}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path:?}: nothing is said of {}", argument.get_id());
        }
    }
}

#[test]
fn every_help_ends_with_examples_of_its_command_that_can_be_typed() {
    for (path, command) in commands() {
        let examples = examples(&command);

        for line in &examples {
            assert!(line.chars().count() <= NARROW, "{path:?}: a terminal breaks this line: {line}");
        }
        let mut leads_here = false;
        for words in invocations(&command, &examples.join("\n")) {
            let parsed = Cli::command().try_get_matches_from(&words).map(|matches| path_of(&matches));
            assert!(parsed.is_ok(), "{path:?}: {}", parsed.unwrap_err());
            leads_here |= parsed.unwrap() == path;
        }
        assert!(leads_here, "the help of {path:?} has no example of it: {examples:?}");
    }
}

#[test]
fn every_command_is_in_the_book_and_has_a_test() {
    let book = read_all("docs", "md");
    let tests = read_all("tests/cli", "rs");

    for (path, _) in commands() {
        let words = path.join(" ");
        let is_told = ["countersign ", "`"].iter().any(|before| book.contains(&format!("{before}{words}")));
        assert!(is_told, "no page of docs/ tells of `countersign {words}`");
        let is_typed = ["\"", "countersign "].iter().any(|before| tests.contains(&format!("{before}{words}")));
        assert!(is_typed, "nothing in tests/cli types `{words}`");
    }
}

/// The files of a directory and of those in it, one after another. This one knows no command by name.
fn read_all(directory: &str, ending: &str) -> String {
    let mut text = String::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let (inner, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
        directories.extend(inner);
        for file in files.iter().filter(|file| file.extension().is_some_and(|its_own| its_own == ending)) {
            text.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    text
}
