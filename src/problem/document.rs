//! The registry as a document: `docs/problems.md`.

use super::Code;

/// Writes every code, what it means and what to do, as Markdown.
#[must_use]
pub fn document() -> String {
    let chapters = Code::ALL.iter().map(|code| {
        let entry = code.entry();
        format!("\n## {}\n\n`{}` · {}\n\n{} {}\n", entry.code, entry.status, entry.title, entry.detail, entry.remedy)
    });
    let chapters: Vec<String> = chapters.collect();
    format!("{HEAD}{}", chapters.concat())
}

const HEAD: &str =
    "<!-- Made by `countersign print problems` from src/problem/registry.rs; change that and run scripts/generate. -->

# Problems

Every error has the form of RFC 9457 and a stable `code`. Programs branch on the code, people read the detail, and
whoever runs the service finds the cause in the log under the request id. The status is the usual one; a refused
access token is always 401. The `type` of a problem is the address of a page that says what stands here.
";
