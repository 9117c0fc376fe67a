//! Tells the binary which commit it was built from.

use std::env;
use std::process::Command;

fn main() {
    // Asked of git, because a worktree keeps them elsewhere: a path that does not exist would mean a new build each time.
    for path in ["HEAD", "refs/heads"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // Where there is no git (a source archive), no file of it changes either.
    println!("cargo::rerun-if-changed=build.rs");
    // Where the sources are built without their history (an image), whoever builds them says what they are.
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    #[expect(clippy::disallowed_methods, reason = "this is no setting of the service")]
    let said = env::var("BUILD_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = said.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=BUILD_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
}

/// What git says, if it can.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
