//! `countersign completions` and `countersign man`: what a shell and a manual reader know of the commands.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Arg, Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, settings};

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "countersign", &mut text);
    super::answer(&text)
}

pub(super) fn man() -> anyhow::Result<ExitCode> {
    let mut program = Cli::command();
    program.build();
    let mut chapters = String::new();
    write_chapters(&program, &mut chapters);
    let page = Man::new(program);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    page.render_extra_section(&mut text)?;
    text.extend_from_slice(b".SH COMMANDS\n");
    text.extend_from_slice(chapters.as_bytes());
    super::answer(&text)
}

/// Every command that does something, as its help has it: there is one page, and it leads to no other.
fn write_chapters(command: &Command, page: &mut String) {
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        if command.has_subcommands() {
            write_chapters(command, page);
        }
        if !command.is_subcommand_required_set() {
            let name = command.get_bin_name().unwrap_or_default();
            let _infallible = write!(page, ".SS {}\n.nf\n{}\n.fi\n", literal(name), literal(&help(command)));
        }
    }
}

/// The help, without what is the same everywhere.
fn help(command: &Command) -> String {
    let is_same =
        |argument: &Arg| argument.get_help_heading() == Some(settings::HEADING) || argument.get_id() == "help";
    let command = command.clone().mut_args(|argument| if is_same(&argument) { argument.hide(true) } else { argument });
    command.term_width(76).render_long_help().to_string()
}

/// Text in which nothing is a request or an escape of troff.
fn literal(text: &str) -> String {
    let text = text.trim_end().replace('\\', "\\e").replace('-', "\\-");
    let lines =
        text.lines().map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}
