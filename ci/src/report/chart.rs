//! A chart of ratios: lines over runs, with their intervals, as coordinates of an SVG image.

use serde::Serialize;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 180.0;
/// The margins for labels.
const LEFT: f64 = 44.0;
const MARGIN: f64 = 12.0;

/// One line.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) spots: Vec<Spot>,
}

/// A value with its interval, at a run.
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The coordinates that the template draws.
#[derive(Serialize)]
pub(super) struct Chart {
    width: f64,
    height: f64,
    left: f64,
    ticks: Vec<Tick>,
    lines: Vec<Drawn>,
}

#[derive(Serialize)]
struct Tick {
    y: f64,
    label: String,
}

#[derive(Serialize)]
struct Drawn {
    name: &'static str,
    points: String,
    spots: Vec<DrawnSpot>,
}

#[derive(Serialize)]
struct DrawnSpot {
    x: f64,
    y: f64,
    low: f64,
    high: f64,
    label: String,
}

impl Chart {
    /// Creates a chart over this many runs. The axis starts at zero, so that heights are proportional.
    pub(super) fn new(runs: usize, lines: &[Line]) -> Self {
        let spots = lines.iter().flat_map(|line| &line.spots);
        let top = spots
            .map(|spot| spot.high.max(spot.value))
            .filter(|top| top.is_finite())
            .fold(1.0_f64, f64::max);
        let step = step(top);
        let top = (top / step).ceil() * step;
        let y = |value: f64| {
            round(HEIGHT - MARGIN - value.clamp(0.0, top) / top * (HEIGHT - 2.0 * MARGIN))
        };
        let last = as_float(runs.saturating_sub(1).max(1));
        let x = |at: usize| round(LEFT + as_float(at) / last * (WIDTH - LEFT - MARGIN));
        let mut ticks = Vec::new();
        let mut value = 0.0;
        while value <= top + step / 2.0 {
            ticks.push(Tick {
                y: y(value),
                label: format!("{value:.1}"),
            });
            value += step;
        }
        let drawn = |line: &Line| {
            let spots: Vec<DrawnSpot> = line
                .spots
                .iter()
                .filter(|spot| spot.value.is_finite())
                .map(|spot| DrawnSpot {
                    x: x(spot.at),
                    y: y(spot.value),
                    low: y(spot.low),
                    high: y(spot.high),
                    label: format!(
                        "run {}, {}: {:.3}, {:.3} to {:.3}",
                        spot.at + 1,
                        line.name,
                        spot.value,
                        spot.low,
                        spot.high
                    ),
                })
                .collect();
            let points: Vec<String> = spots
                .iter()
                .map(|spot| format!("{},{}", spot.x, spot.y))
                .collect();
            Drawn {
                name: line.name,
                points: points.join(" "),
                spots,
            }
        };
        Self {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            ticks,
            lines: lines.iter().map(drawn).collect(),
        }
    }
}

/// Returns a round step for about four ticks.
fn step(top: f64) -> f64 {
    let rough = top / 4.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    let lead = rough / power;
    let round = match lead {
        lead if lead <= 1.0 => 1.0,
        lead if lead <= 2.0 => 2.0,
        lead if lead <= 5.0 => 5.0,
        _ => 10.0,
    };
    round * power
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[expect(clippy::cast_precision_loss, reason = "runs are few")]
fn as_float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (top, expected) in [(1.0, 0.5), (1.2, 0.5), (2.4, 1.0), (10.0, 5.0), (0.3, 0.1)] {
            assert!((step(top) - expected).abs() < 1e-9, "{top} {}", step(top));
        }
    }

    #[test]
    fn spots_lie_inside_and_odd_values_are_left_out() {
        let spot = |at, value: f64| Spot {
            at,
            value,
            low: value - 0.1,
            high: value + 0.1,
        };
        let line = Line {
            name: "tracked",
            spots: vec![spot(0, 0.5), spot(1, f64::NAN), spot(2, 3.0)],
        };
        let chart = Chart::new(3, &[line]);
        assert_eq!(chart.lines[0].spots.len(), 2);
        for spot in &chart.lines[0].spots {
            assert!((LEFT..=WIDTH).contains(&spot.x) && (0.0..=HEIGHT).contains(&spot.y));
            assert!(spot.high <= spot.y && spot.y <= spot.low);
        }
        assert_eq!(Chart::new(1, &[]).lines.len(), 0);
    }
}
