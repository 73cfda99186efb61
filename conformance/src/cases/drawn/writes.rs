//! Generated writes: whatever statements change the table, it equals a map in Rust.

use std::collections::BTreeMap;

use proptest::prelude::*;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{delete_from, excluded, insert_into, select, update};

use super::predicates::{Number, Sample, Test, numbers, tests, with_rows};
use super::without_one;
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[
    Case::core("writes.drawn.statements", statements)
        .since(20)
        .needs(&[Capability::Transactions])
        .promise("After any sequence of UPDATE with expressions, DELETE, and INSERT from a query, the table equals a model in Rust, and each statement reports how many rows it wrote.")
        .hint("Expressions of an UPDATE use the row's old values; an UPDATE changes only the columns that it sets.")
        .covers(&[Contract(49), Contract(51), Contract(53), Rule(10)]),
    Case::core("writes.drawn.upserts", upserts)
        .since(20)
        .needs(&[Capability::Upsert])
        .promise("After any sequence of upserts the table equals a map: new keys are inserted, and for existing keys only the named columns change.")
        .hint("`excluded` is the row that could not be inserted; a condition decides whether the existing row changes.")
        .covers(&[Contract(52)]),
];

#[derive(Clone, Debug)]
enum Step {
    /// Sets a column to an expression, and another to a number.
    Set(Number, Test),
    /// Sets a column to another.
    Mark(Test),
    Delete(Test),
    /// Copies the rows, with shifted keys.
    Copy(Test),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (numbers(), tests()).prop_map(|(number, test)| Step::Set(number, test)),
        2 => tests().prop_map(Step::Mark),
        1 => tests().prop_map(Step::Delete),
        1 => tests().prop_map(Step::Copy),
    ];
    proptest::collection::vec(step, 1..5)
}

/// The limit of written values: repeated products would otherwise exceed the range of small numbers.
const MOST: i64 = 1_000_000;

fn statements(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    session.commit()?;
    let inputs = Inputs {
        strategy: steps(),
        count: context.cases(),
        show: |steps| format!("{steps:?}"),
        smaller: |steps| {
            without_one(steps)
                .filter(|fewer| !fewer.is_empty())
                .collect()
        },
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, steps| {
        // The check of an earlier input may have failed.
        session.rollback()?;
        let mut wanted = rows.clone();
        for (round, step) in (1..).zip(&steps) {
            let is_small =
                |row: &Sample| [row.a, row.b].into_iter().flatten().all(|n| n.abs() < MOST);
            if !wanted.iter().all(is_small) {
                break;
            }
            stepped(&mut session, &mut wanted, round, step)?;
            let found = select((
                Sample::ID,
                Sample::A,
                Sample::B,
                Sample::S,
                Sample::T,
                Sample::MARK,
            ))
            .from(Sample::table())
            .order_by(Sample::ID.asc())
            .all(&mut session)?;
            wanted.sort_by_key(|row| row.id);
            let all: Vec<_> = wanted
                .iter()
                .map(|row| (row.id, row.a, row.b, row.s.clone(), row.t.clone(), row.mark))
                .collect();
            check_eq!(found, all, "the table after step {round}");
        }
        session.rollback()?;
        Ok(())
    })
}

fn stepped(session: &mut Session, wanted: &mut Vec<Sample>, round: i64, step: &Step) -> CaseResult {
    let (Step::Set(_, test) | Step::Mark(test) | Step::Delete(test) | Step::Copy(test)) = step;
    let chosen = |row: &Sample| test.of(row) == Some(true);
    let count = wanted.iter().filter(|row| chosen(row)).count();
    let written = match step {
        Step::Set(number, test) => {
            let statement = update(Sample::table())
                .set(Sample::A, number.to_sql())
                .set(Sample::MARK, round)
                .filter(test.to_sql());
            for row in wanted.iter_mut().filter(|row| chosen(row)) {
                let value = number.of(row);
                (row.a, row.mark) = (value, Some(round));
            }
            session.execute(&statement)?
        }
        Step::Mark(test) => {
            let statement = update(Sample::table())
                .set(Sample::MARK, Sample::B)
                .filter(test.to_sql());
            for row in wanted.iter_mut().filter(|row| chosen(row)) {
                row.mark = row.b;
            }
            session.execute(&statement)?
        }
        Step::Delete(test) => {
            wanted.retain(|row| !chosen(row));
            session.execute(&delete_from(Sample::table()).filter(test.to_sql()))?
        }
        Step::Copy(test) => {
            // Powers of two, so that no key is repeated.
            let by = 50 << round;
            let copies = select((Sample::ID + by, Sample::B, Sample::A, Sample::T))
                .from(Sample::table())
                .filter(test.to_sql());
            let statement = insert_into(Sample::table())
                .columns((Sample::ID, Sample::A, Sample::B, Sample::S))
                .from_query(copies);
            let new: Vec<Sample> = wanted
                .iter()
                .filter(|row| chosen(row))
                .map(|row| Sample {
                    a: row.b,
                    b: row.a,
                    s: row.t.clone(),
                    ..Sample::new(row.id + by)
                })
                .collect();
            wanted.extend(new);
            session.execute(&statement)?
        }
    };
    check_eq!(
        written,
        u64::try_from(count).unwrap_or_default(),
        "how many rows step {round} wrote"
    );
    Ok(())
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "tallies")]
struct Tally {
    #[orm(primary_key)]
    id: i64,
    a: Option<i64>,
    b: Option<i64>,
    note: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Conflict {
    Nothing,
    SetA,
    AddA,
    SetBoth,
    /// Sets one column if the other is above this.
    SetAIf(i64),
}

#[derive(Clone, Debug)]
struct Upsert {
    rows: Vec<(i64, Option<i64>, Option<i64>)>,
    conflict: Conflict,
}

fn upsert() -> impl Strategy<Value = Vec<Upsert>> {
    let value = || proptest::option::weighted(0.8, 0_i64..9);
    let row = (0_i64..6, value(), value());
    let conflict = prop_oneof![
        Just(Conflict::Nothing),
        Just(Conflict::SetA),
        Just(Conflict::AddA),
        Just(Conflict::SetBoth),
        (0_i64..9).prop_map(Conflict::SetAIf),
    ];
    let upsert =
        (proptest::collection::vec(row, 1..4), conflict).prop_map(|(mut rows, conflict)| {
            // A statement may affect a row only once.
            rows.sort_by_key(|row| row.0);
            rows.dedup_by_key(|row| row.0);
            Upsert { rows, conflict }
        });
    proptest::collection::vec(upsert, 1..8)
}

fn upserts(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Tally].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let inputs = Inputs {
        strategy: upsert(),
        count: context.cases(),
        show: |upserts| format!("{upserts:?}"),
        smaller: |upserts| {
            without_one(upserts)
                .filter(|fewer| !fewer.is_empty())
                .collect()
        },
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, upserts| {
        session.execute(&delete_from(Tally::table()))?;
        let mut wanted = BTreeMap::new();
        for (round, upsert) in (1_i64..).zip(&upserts) {
            session.execute(&upsert.to_sql(round))?;
            upsert.on(round, &mut wanted);
            let found = select((Tally::ID, Tally::A, Tally::B, Tally::NOTE))
                .from(Tally::table())
                .order_by(Tally::ID.asc())
                .all(&mut session)?;
            let all: Vec<_> = wanted
                .iter()
                .map(|(id, (a, b, note)): (&i64, &Row)| (*id, *a, *b, note.clone()))
                .collect();
            check_eq!(found, all, "the table after upsert {round}");
        }
        session.commit()?;
        Ok(())
    })
}

type Row = (Option<i64>, Option<i64>, Option<String>);

impl Upsert {
    fn to_sql(&self, round: i64) -> impl selfsame::sql::Write + use<> {
        let rows = self.rows.iter();
        let rows: Vec<_> = rows
            .map(|&(id, a, b)| (id, a, b, Some(format!("{round}"))))
            .collect();
        let insert = insert_into(Tally::table())
            .columns((Tally::ID, Tally::A, Tally::B, Tally::NOTE))
            .rows(rows)
            .on_conflict((Tally::ID,));
        match self.conflict {
            Conflict::Nothing => insert.do_nothing(),
            Conflict::SetA => insert.do_update(|row| row.set(Tally::A, excluded(Tally::A))),
            Conflict::AddA => {
                insert.do_update(|row| row.set(Tally::A, Tally::A + excluded(Tally::A)))
            }
            Conflict::SetBoth => insert.do_update(|row| {
                row.set(Tally::A, excluded(Tally::A))
                    .set(Tally::B, excluded(Tally::B))
            }),
            Conflict::SetAIf(least) => insert.do_update(|row| {
                row.set(Tally::A, excluded(Tally::A))
                    .filter(Tally::B.gt(least))
            }),
        }
    }

    fn on(&self, round: i64, table: &mut BTreeMap<i64, Row>) {
        for &(id, a, b) in &self.rows {
            let Some(row) = table.get_mut(&id) else {
                table.insert(id, (a, b, Some(format!("{round}"))));
                continue;
            };
            match self.conflict {
                Conflict::Nothing => {}
                Conflict::SetA => row.0 = a,
                Conflict::AddA => row.0 = row.0.zip(a).map(|(before, a)| before + a),
                Conflict::SetBoth => (row.0, row.1) = (a, b),
                Conflict::SetAIf(least) if row.1.is_some_and(|b| b > least) => row.0 = a,
                Conflict::SetAIf(_) => {}
            }
        }
    }
}
