//! Two plots as SVG, drawn by hand: a library would bring more than the forty lines they take.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 4] = ["#0b6e4f", "#c8553d", "#3d5a80", "#8a6d00"];

/// Named points.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Points over seconds, with milliseconds on a logarithmic axis from 0.1 ms to 100 s.
pub(crate) fn latency(title: &str, series: &[Series]) -> String {
    let seconds = series.iter().flat_map(|one| &one.points).map(|point| point.0).fold(1.0, f64::max);
    let x = |value: f64| LEFT + value / seconds * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - (value.max(0.1).log10() + 1.0) / 6.0 * (HEIGHT - TOP - BOTTOM);
    let mut svg = frame(title, "seconds", series);
    for (value, label) in [
        (0.1, "0.1 ms"),
        (1.0, "1 ms"),
        (10.0, "10 ms"),
        (100.0, "100 ms"),
        (1e3, "1 s"),
        (1e4, "10 s"),
        (1e5, "100 s"),
    ] {
        grid(&mut svg, y(value), label);
    }
    for step in 0..=5 {
        let value = seconds * f64::from(step) / 5.0;
        text(&mut svg, (x(value), HEIGHT - BOTTOM + 18.0), "middle", &format!("{value:.0}"));
    }
    for (one, colour) in series.iter().zip(COLOURS) {
        for (at, value) in &one.points {
            let _ = writeln!(svg, r#"<circle cx="{:.1}" cy="{:.1}" r="1.6" fill="{colour}"/>"#, x(*at), y(*value));
        }
    }
    svg + "</svg>\n"
}

/// Bars in groups: one group for each label, one bar of it for each series, whose points are numbered from 0.
pub(crate) fn bars(title: &str, labels: &[&str], series: &[Series]) -> String {
    let most = series.iter().flat_map(|one| &one.points).map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let y = |value: f64| HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM);
    let mut svg = frame(title, "clients that sign in without pause", series);
    for step in 0..=4 {
        let value = most * f64::from(step) / 4.0;
        grid(&mut svg, y(value), &format!("{value:.0}/s"));
    }
    let group = (WIDTH - LEFT - RIGHT) / count(labels.len());
    let bar = group * 0.8 / count(series.len());
    for (number, label) in labels.iter().enumerate() {
        text(&mut svg, (LEFT + (count(number) + 0.5) * group, HEIGHT - BOTTOM + 18.0), "middle", label);
    }
    for (number, (one, colour)) in series.iter().zip(COLOURS).enumerate() {
        for (place, value) in &one.points {
            let x = LEFT + (place + 0.1) * group + count(number) * bar;
            let (top, height) = (y(*value), y(0.0) - y(*value));
            let _ = writeln!(
                svg,
                r#"<rect x="{x:.1}" y="{top:.1}" width="{:.1}" height="{height:.1}" fill="{colour}"/>"#,
                bar * 0.9
            );
            text(&mut svg, (x + bar * 0.45, top - 4.0), "middle", &format!("{value:.1}"));
        }
    }
    svg + "</svg>\n"
}

fn frame(title: &str, below: &str, series: &[Series]) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>
"#
    );
    let _ = writeln!(svg, r#"<text x="{LEFT}" y="16" font-size="13" font-weight="bold">{title}</text>"#);
    text(&mut svg, (f64::midpoint(LEFT, WIDTH), HEIGHT - 12.0), "middle", below);
    for (number, (one, colour)) in series.iter().zip(COLOURS).enumerate() {
        let x = LEFT + count(number) * 160.0;
        let _ = writeln!(svg, r#"<rect x="{x}" y="22" width="10" height="10" fill="{colour}"/>"#);
        text(&mut svg, (x + 14.0, 31.0), "start", &one.name);
    }
    svg
}

fn grid(svg: &mut String, y: f64, label: &str) {
    let right = WIDTH - RIGHT;
    let _ = writeln!(svg, r##"<line x1="{LEFT}" y1="{y:.1}" x2="{right}" y2="{y:.1}" stroke="#ddd"/>"##);
    text(svg, (LEFT - 6.0, y + 4.0), "end", label);
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#);
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
