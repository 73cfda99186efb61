//! Bounds on how often the gate is wrong, from how often it was wrong.

/// Returns the upper bound of the share of false alarms, with 95 % confidence (Clopper and Pearson). Without any alarm this is the rule of
/// three.
pub(super) fn bound(alarms: u32, pairs: u32) -> f64 {
    if pairs == 0 || alarms >= pairs {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(alarms, pairs, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Returns the probability of at most this number of alarms.
fn at_most(alarms: u32, pairs: u32, share: f64) -> f64 {
    if share <= 0.0 {
        return 1.0;
    }
    let mut term = f64::from(pairs) * (-share).ln_1p();
    let mut sum = term.exp();
    for count in 0..alarms {
        let odds = (share / (1.0 - share)).ln();
        term += (f64::from(pairs - count) / f64::from(count + 1)).ln() + odds;
        sum += term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_known_counts() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 5e-4, "{found}");
        near(bound(0, 300), 0.00994);
        near(bound(0, 10), 0.2589);
        near(bound(1, 20), 0.2161);
        near(bound(3, 3), 1.0);
        near(bound(0, 0), 1.0);
    }
}
