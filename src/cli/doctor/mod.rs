//! `countersign doctor`: looks at everything that keeps a service from working well, and says what to do about it.
//!
//! It changes nothing, waits for nobody longer than seconds, and goes on after what it finds.

mod finding;
mod machine;
mod network;
mod storage;

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use self::finding::{Finding, Verdict};
use super::settings::SettingsArguments;
use crate::config::{self, Config, Exposure, Loaded, PublicUrl};

#[derive(Args, Debug)]
#[command(after_help = "\
Looks at the settings, the speed of hashing, files and their rights, the disk, the database with its schema, keys and \
clock, the mail server and the certificate; with --url also at the way that clients come. Run it as the user, and with \
the settings, that the server runs with. docs/doctor.md tells what each finding means.

Exit code 0 if nothing is bad, 1 otherwise.

Examples:
  countersign doctor
  countersign doctor --url https://auth.example.com
  countersign doctor --json | jq '.[] | select(.verdict != \"good\")'")]
pub(super) struct Arguments {
    /// Ask a running server through this address, the one that clients use
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let url = match &arguments.url {
        None => None,
        Some(url) => match PublicUrl::parse(url) {
            Some(url) => Some(url),
            None => bail!("--url must be an address such as https://auth.example.com"),
        },
    };
    super::block_on(async {
        let findings = match config::load_to_serve(&settings.sources()) {
            Ok((loaded, exposure)) => examine(&loaded, exposure, url.as_ref()).await?,
            // Every other check would follow settings that are not meant.
            Err(faults) => {
                let bad = |fault: &str| Finding::bad("settings", fault, "correct it; nothing else was looked at");
                faults.to_string().lines().map(bad).collect()
            }
        };
        tell(&findings, arguments.json)
    })
}

async fn examine(loaded: &Loaded, exposure: Exposure, url: Option<&PublicUrl>) -> anyhow::Result<Vec<Finding>> {
    let config = &loaded.config;
    let mut findings = vec![reach(config, exposure), machine::hashing(config).await?];
    findings.extend(machine::files(config));
    findings.extend(machine::root_secret(loaded));
    findings.extend(machine::disk(config));
    findings.extend(storage::way(config));
    findings.extend(storage::examine(config).await);
    findings.push(network::mail(config).await);
    findings.extend(network::certificate(config));
    if let Some(url) = url {
        findings.extend(network::public(config, url).await);
    }
    Ok(findings)
}

fn reach(config: &Config, exposure: Exposure) -> Finding {
    let listen = config.service.listen;
    match exposure {
        Exposure::Loopback => Finding::good("settings", format!("in order; {listen} is for this machine only")),
        Exposure::Tls => Finding::good("settings", format!("in order; {listen} speaks TLS itself")),
        Exposure::BehindProxy => Finding::good("settings", format!("in order; {listen} is behind a proxy")),
        Exposure::InsecureHttp => Finding::bad(
            "settings",
            format!("{listen} is served WITHOUT TLS: passwords travel in the clear"),
            "give it a certificate or a proxy, and leave out --insecure-http",
        ),
    }
}

fn tell(findings: &[Finding], as_json: bool) -> anyhow::Result<ExitCode> {
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    let text = if as_json {
        serde_json::to_string_pretty(findings)? + "\n"
    } else {
        let said: String = findings.iter().map(Finding::in_words).collect();
        let end = if bad == 0 { "Nothing is bad.".to_owned() } else { format!("{bad} bad.") };
        format!("{said}\n{end}\n")
    };
    super::answer(text.as_bytes())?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
