//! Generated windows: partitions, orders with ties, and frames of every kind, compared with results computed in Rust.

use proptest::prelude::*;
use selfsame::prelude::*;
use selfsame::sql::{
    Expr, FrameBound, Window, count, dense_rank, first_value, lag, last_value, lead, max, min,
    rank, row_number, select, sum,
};

use super::predicates::{Sample, with_rows};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[Case::core("queries.drawn.windows", windows)
    .since(20)
    .needs(&[Capability::Windows])
    .promise("Any window function uses the rows of its partition, in its order, from the first to the last bound of its frame.")
    .hint("A ROWS frame counts single rows, a RANGE frame includes all peers; a frame may be empty.")
    .covers(&[Contract(37)])];

#[derive(Clone, Copy, Debug)]
enum Function {
    RowNumber,
    Rank,
    DenseRank,
    Lag,
    Lead,
    First,
    Last,
    Sum,
    Count,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug)]
enum Frame {
    /// Up to the last peer.
    Default,
    /// From this number of rows before the row, if bounded, to this number of rows after it. A negative number counts in the other
    /// direction.
    Rows(Option<i32>, Option<i32>),
    /// From the row's peers, or the first row, to its peers, or the last row.
    Range(bool, bool),
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    function: Function,
    partitioned: bool,
    descending: bool,
    /// Whether the key breaks ties.
    total: bool,
    frame: Frame,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    use Function as F;
    let function = proptest::sample::select(vec![
        F::RowNumber,
        F::Rank,
        F::DenseRank,
        F::Lag,
        F::Lead,
        F::First,
        F::Last,
        F::Sum,
        F::Count,
        F::Min,
        F::Max,
    ]);
    let bound = || proptest::option::weighted(0.8, -2_i32..4);
    let frame = prop_oneof![
        1 => Just(Frame::Default),
        3 => (bound(), bound()).prop_filter("it begins before it ends", |(from, to)| {
            from.zip(*to).is_none_or(|(from, to)| -from <= to)
        }).prop_map(|(from, to)| Frame::Rows(from, to)),
        2 => any::<(bool, bool)>().prop_map(|(from, to)| Frame::Range(from, to)),
    ];
    (function, any::<bool>(), any::<bool>(), any::<bool>(), frame).prop_map(
        |(function, partitioned, descending, total, frame)| Drawn {
            function,
            partitioned,
            descending,
            // Functions of single rows are deterministic only if there are no peers.
            total: total
                || matches!(function, F::RowNumber | F::Lag | F::Lead)
                || matches!(frame, Frame::Rows(..))
                || matches!(function, F::First | F::Last),
            // These functions have no frame.
            frame: match function {
                F::RowNumber | F::Rank | F::DenseRank | F::Lag | F::Lead => Frame::Default,
                _ => frame,
            },
        },
    )
}

fn smaller(drawn: &Drawn) -> Vec<Drawn> {
    let mut all = Vec::new();
    if drawn.partitioned {
        all.push(Drawn {
            partitioned: false,
            ..*drawn
        });
    }
    if drawn.descending {
        all.push(Drawn {
            descending: false,
            ..*drawn
        });
    }
    if !matches!(drawn.frame, Frame::Default) {
        all.push(Drawn {
            frame: Frame::Default,
            ..*drawn
        });
    }
    all
}

impl Drawn {
    fn window(self) -> Window {
        let mut window = Window::new();
        if self.partitioned {
            window = window.partition_by(Sample::A);
        }
        // This column is not NULL in any row of the query.
        window = match self.descending {
            true => window.order_by(Sample::B.desc()),
            false => window.order_by(Sample::B.asc()),
        };
        if self.total {
            window = window.order_by(Sample::ID.asc());
        }
        let bound = |rows: Option<i32>, end: FrameBound, before: bool| match rows {
            None => end,
            Some(0) => FrameBound::CurrentRow,
            Some(rows) if (rows > 0) == before => FrameBound::Preceding(rows.unsigned_abs()),
            Some(rows) => FrameBound::Following(rows.unsigned_abs()),
        };
        match self.frame {
            Frame::Default => window,
            Frame::Rows(from, to) => window.rows(
                bound(from, FrameBound::UnboundedPreceding, true),
                bound(to, FrameBound::UnboundedFollowing, false),
            ),
            Frame::Range(from, to) => window.range(
                if from {
                    FrameBound::CurrentRow
                } else {
                    FrameBound::UnboundedPreceding
                },
                if to {
                    FrameBound::CurrentRow
                } else {
                    FrameBound::UnboundedFollowing
                },
            ),
        }
    }

    fn to_sql(self) -> Expr<Sample, Option<i64>> {
        use Function as F;
        let window = self.window();
        macro_rules! over {
            ($function:expr) => {
                Expr::from_node($function.over(window).into_node())
            };
        }
        use selfsame::sql::Expression;
        match self.function {
            F::RowNumber => over!(row_number()),
            F::Rank => over!(rank()),
            F::DenseRank => over!(dense_rank()),
            F::Lag => over!(lag(Sample::MARK)),
            F::Lead => over!(lead(Sample::MARK)),
            F::First => over!(first_value(Sample::MARK)),
            F::Last => over!(last_value(Sample::MARK)),
            F::Sum => over!(sum(Sample::MARK)),
            F::Count => over!(count(Sample::MARK)),
            F::Min => over!(min(Sample::MARK)),
            F::Max => over!(max(Sample::MARK)),
        }
    }

    /// Returns the expected result of the function for each row, by key.
    fn wanted(self, rows: &[&Sample]) -> Vec<(i64, Option<i64>)> {
        let mut wanted = Vec::new();
        for row in rows {
            let mut part: Vec<&Sample> = rows
                .iter()
                .copied()
                .filter(|other| !self.partitioned || other.a == row.a)
                .collect();
            part.sort_by(|one, other| {
                let by = one.b.cmp(&other.b);
                let by = if self.descending { by.reverse() } else { by };
                by.then(one.id.cmp(&other.id))
            });
            wanted.push((row.id, self.of(&part, row)));
        }
        wanted
    }

    fn of(self, part: &[&Sample], row: &Sample) -> Option<i64> {
        use Function as F;
        let size = |count: usize| i64::try_from(count).unwrap_or_default();
        let at = part.iter().position(|other| other.id == row.id)?;
        let is_peer = |other: &&&Sample| match self.total {
            true => other.id == row.id,
            false => other.b == row.b,
        };
        let first_peer = part.iter().position(|other| is_peer(&other))?;
        let last_peer = part.iter().rposition(|other| is_peer(&other))?;
        match self.function {
            F::RowNumber => return Some(size(at) + 1),
            F::Rank => return Some(size(first_peer) + 1),
            F::DenseRank => {
                let before = &part[..first_peer];
                let mut different: Vec<_> = match self.total {
                    true => before.iter().map(|other| other.id).collect(),
                    false => before.iter().filter_map(|other| other.b).collect(),
                };
                different.dedup();
                return Some(size(different.len()) + 1);
            }
            F::Lag => return at.checked_sub(1).and_then(|before| part[before].mark),
            F::Lead => return part.get(at + 1).and_then(|next| next.mark),
            _ => {}
        }
        let (from, end) = match self.frame {
            Frame::Default => (0, last_peer + 1),
            Frame::Rows(from, to) => {
                let place = |by: i64| usize::try_from(size(at) + by).unwrap_or(0).min(part.len());
                (
                    from.map_or(0, |from| place(-i64::from(from))),
                    to.map_or(part.len(), |to| place(i64::from(to) + 1)),
                )
            }
            Frame::Range(from, to) => (
                if from { first_peer } else { 0 },
                if to { last_peer + 1 } else { part.len() },
            ),
        };
        let frame = if from < end { &part[from..end] } else { &[] };
        let mut values = frame.iter().filter_map(|row| row.mark);
        match self.function {
            F::First => frame.first().and_then(|row| row.mark),
            F::Last => frame.last().and_then(|row| row.mark),
            F::Count => Some(size(values.count())),
            F::Min => values.min(),
            F::Max => values.max(),
            _ => values.next().map(|first| first + values.sum::<i64>()),
        }
    }
}

fn windows(context: &mut Context) -> CaseResult {
    let (mut session, mut rows) = with_rows(context)?;
    // One value per row, sometimes NULL.
    for row in &mut rows {
        row.mark = (row.id % 5 != 0).then_some(row.id * 7 % 23 - 9);
    }
    session.execute(&selfsame::sql::delete_from(Sample::table()))?;
    session.insert_all(rows.clone())?;
    let rows: Vec<&Sample> = rows.iter().filter(|row| row.b.is_some()).collect();
    let inputs = Inputs {
        strategy: drawn(),
        count: context.cases() * 2,
        show: |drawn| format!("{drawn:?}"),
        smaller,
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, drawn| {
        let found = select((Sample::ID, drawn.to_sql()))
            .from(Sample::table())
            .filter(Sample::B.is_not_null())
            .order_by(Sample::ID.asc())
            .all(&mut session)?;
        check_eq!(
            found,
            drawn.wanted(&rows),
            "the function's value for each row"
        );
        Ok(())
    })
}
