//! Tables for people: columns as wide as their widest entry, two spaces between them.

/// Writes rows under a heading, or in a line that there are `none`: silence could also be a fault.
pub(super) fn written<const N: usize>(heading: [&str; N], rows: &[[String; N]], none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let heading = heading.map(str::to_owned);
    let lines: Vec<&[String; N]> = std::iter::once(&heading).chain(rows).collect();
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|entry| entry.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    lines.into_iter().map(|line| aligned(line, &widths)).collect()
}

fn aligned<const N: usize>(line: &[String; N], widths: &[usize; N]) -> String {
    let entries: Vec<String> = line.iter().zip(widths).map(|(entry, width)| format!("{entry:width$}")).collect();
    format!("{}\n", entries.join("  ").trim_end())
}
