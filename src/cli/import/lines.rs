//! Lines of a file, counted, none of which may fill the memory.

use std::io::{BufRead, Read};

/// A file, line by line.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    place: u64,
}

/// One line.
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) place: u64,
    /// What it says, without its end; `None` if that is too long.
    pub(super) text: Option<&'a [u8]>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, line: Vec::new(), place: 0 }
    }

    /// The next line, if there is one.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Line<'_>>> {
        self.line.clear();
        // One byte more than is allowed tells a long line from one that fits.
        if (&mut self.reader).take(LONGEST + 1).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.place += 1;
        let is_too_long = u64::try_from(self.line.len()).unwrap_or(u64::MAX) > LONGEST;
        if is_too_long && !self.line.ends_with(b"\n") {
            self.reader.skip_until(b'\n')?;
        }
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Ok(Some(Line { place: self.place, text: (!is_too_long).then_some(text) }))
    }
}

/// What is said of a line that is longer than [`LONGEST`].
pub(super) const TOO_LONG: &str = "the line is longer than a megabyte";

/// No user of any program has this much; a line without an end would fill the memory.
const LONGEST: u64 = 1 << 20;
