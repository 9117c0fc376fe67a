//! The flags that set settings, the same for every command.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Environment, FileChoice, Flag, Sources};

/// Flags that count over the file and the environment.
#[derive(Args, Debug)]
#[command(next_help_heading = HEADING)]
pub(super) struct SettingsArguments {
    /// Read settings from this file instead of ./countersign.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// Listen on this address [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    listen: Option<String>,

    /// The address that clients use [default: http://<listen>]
    #[arg(long, value_name = "URL", global = true)]
    public_url: Option<String>,

    /// Keep files here [default: ./countersign-data]
    #[arg(long, value_name = "DIRECTORY", global = true)]
    data_dir: Option<String>,

    /// Use this database [default: countersign.db in the data directory]
    #[arg(long, value_name = "URL", global = true)]
    database_url: Option<String>,

    /// Set any other setting; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE", global = true, value_parser = assignment)]
    set: Vec<(String, String)>,

    /// Serve a public address without TLS: passwords travel in the clear
    #[arg(long, global = true)]
    insecure_http: bool,
}

/// What they stand under in every help.
pub(super) const HEADING: &str = "Settings";

impl SettingsArguments {
    /// Returns everything that settings are read from.
    pub(super) fn sources(&self) -> Sources {
        let file = match &self.config {
            Some(path) => FileChoice::Required(path.clone()),
            None => FileChoice::IfPresent(PathBuf::from("countersign.toml")),
        };
        Sources {
            file,
            environment: Environment::of_process(),
            flags: self.flags(),
            insecure_http: self.insecure_http,
            ..Sources::default()
        }
    }

    fn flags(&self) -> Vec<Flag> {
        let named = [
            ("--listen", "listen", &self.listen),
            ("--public-url", "public_url", &self.public_url),
            ("--data-dir", "data_dir", &self.data_dir),
            ("--database-url", "database.url", &self.database_url),
        ];
        let named = named.into_iter().filter_map(|(flag, setting, value)| {
            value.as_ref().map(|value| (flag.to_owned(), setting.to_owned(), value.clone()))
        });
        let set = self.set.iter().map(|(setting, value)| ("--set".to_owned(), setting.clone(), value.clone()));
        set.chain(named).map(|(flag, setting, value)| Flag { flag, setting, value }).collect()
    }
}

fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let (setting, value) = text.split_once('=').ok_or("there is no `=` in it")?;
    Ok((setting.to_owned(), value.to_owned()))
}
