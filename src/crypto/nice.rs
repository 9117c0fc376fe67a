//! How a hashing thread steps back.

/// Gives way to whatever else wants this core: requests that need no hash then do not wait for those that do
/// (measured: p99 of 500 requests a second with both cores hashing 4 to 93 ms at nice 0, 0.4 to 0.9 ms at 19).
pub(super) fn be_nice() {
    // On Linux "this process" means the calling thread; elsewhere it would slow all of us down.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!(%error, "hashing threads could not be given the lowest priority");
    }
}
