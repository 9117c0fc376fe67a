//! Tells the binary which commit it was built from.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/refs/heads");
    println!("cargo::rustc-env=BUILD_COMMIT={}", head().unwrap_or_else(|| "unknown".to_owned()));
}

/// The commit of the checkout, where there is one (a source archive has none).
fn head() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
