# The three things one does here; `just --list` shows them.

# Serve on loopback, with everything kept in ./countersign-data.
run *arguments:
    cargo run -- {{arguments}}

# Every check, or only the steps that are named.
test *steps:
    scripts/test {{steps}}

# Write again whatever is made from the sources: settings, documents, diagrams.
generate:
    scripts/generate
    scripts/diagrams
