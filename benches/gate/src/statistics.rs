//! The median of paired log-ratios, with a confidence interval.

/// The number of bootstrap samples.
const RESAMPLES: usize = 500;

/// A small generator (`SplitMix64`): the same seed gives the same order of arms and the same interval.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// A median with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median of the samples.
    pub median: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Random {
    /// Creates a generator; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % bound).unwrap_or(0)
    }

    /// Shuffles items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// The median of some samples; NaN of none.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The median with its bootstrap interval.
pub fn estimate(samples: &[f64], random: &mut Random) -> Estimate {
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| median(&redraw(samples, random)))
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    Estimate {
        median: median(samples),
        low: medians[RESAMPLES / 40],
        high: medians[RESAMPLES - 1 - RESAMPLES / 40],
    }
}

/// The median of the launches' medians, with a two-level bootstrap interval: it resamples launches, and the rounds in each.
pub(crate) fn estimate_launches(launches: &[Vec<f64>], random: &mut Random) -> Estimate {
    let medians: Vec<f64> = launches.iter().map(|rounds| median(rounds)).collect();
    let mut redrawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = launches
                .iter()
                .map(|_| {
                    let rounds = &launches[random.below(launches.len())];
                    median(&redraw(rounds, random))
                })
                .collect();
            median(&drawn)
        })
        .collect();
    redrawn.sort_unstable_by(f64::total_cmp);
    Estimate {
        median: median(&medians),
        low: redrawn[RESAMPLES / 40],
        high: redrawn[RESAMPLES - 1 - RESAMPLES / 40],
    }
}

fn redraw(samples: &[f64], random: &mut Random) -> Vec<f64> {
    samples
        .iter()
        .map(|_| samples[random.below(samples.len())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn an_interval_narrows_with_the_rounds() {
        let mut random = Random::new(7);
        let mut width = |count: u16| {
            let samples: Vec<f64> = (0..count).map(|n| f64::from(n * 37 % 101)).collect();
            let found = estimate(&samples, &mut random);
            assert!(found.low <= found.median && found.median <= found.high);
            found.high - found.low
        };
        assert!(width(1_010) < width(10));
    }

    #[test]
    fn launches_that_differ_widen_the_interval() {
        let mut random = Random::new(3);
        let rounds = |center: f64| -> Vec<f64> {
            (0..60)
                .map(|n| center + f64::from(n * 37 % 61) / 6_000.0)
                .collect()
        };
        let alike: Vec<_> = (0..7).map(|_| rounds(0.1)).collect();
        let apart: Vec<_> = (0..7).map(|n| rounds(f64::from(n) / 10.0)).collect();
        let mut width = |launches: &[Vec<f64>]| {
            let found = estimate_launches(launches, &mut random);
            assert!(found.low <= found.median && found.median <= found.high);
            found.high - found.low
        };
        assert!(width(&alike) < 0.005);
        assert!(width(&apart) > 0.1);
    }

    #[test]
    fn shuffling_keeps_all_and_reaches_every_order() {
        let mut random = Random::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut items = [1, 2, 3];
            random.shuffle(&mut items);
            seen.insert(items);
        }
        assert_eq!(seen.len(), 6);
    }
}
