//! What a Countersign access token says, and how any service checks it.
