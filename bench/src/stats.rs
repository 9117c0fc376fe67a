//! Medians and quantiles, of what is at hand.

/// The value below which this part of the sorted values lies.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (f64::from(u32::try_from(last).unwrap_or(u32::MAX)) * part).round();
    // The place is between 0 and the last index.
    sorted.iter().enumerate().find(|(index, _)| whole(*index) >= place).map_or(f64::NAN, |(_, value)| *value)
}

/// The middle of some values, and the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let mut downward = values.clone();
        downward.reverse();
        // Of an even number, half way between the two in the middle.
        let median = f64::midpoint(quantile(&values, 0.5), quantile(&downward, 0.5));
        Self { median, least: quantile(&values, 0.0), greatest: quantile(&values, 1.0) }
    }
}

fn whole(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=101).map(f64::from).collect();

        for (part, value) in [(0.0, 1.0), (0.5, 51.0), (0.99, 100.0), (1.0, 101.0)] {
            assert_eq!(quantile(&values, part).total_cmp(&value), Ordering::Equal, "{part}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_spread_does_not_mind_the_order() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, greatest: 3.0 });
        assert_eq!(Spread::of([3.0, 1.0]), Spread { median: 2.0, least: 1.0, greatest: 3.0 });
    }
}
