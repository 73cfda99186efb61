//! Every kind of statement has the same effect at every moment in the life of a connection.

use selfsame::backend::Statement;
use selfsame::dialect::{Begin, Capabilities, Isolation, Transaction};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("transactions.statements.anywhere", anywhere)
        .since(27)
        .promise("Whatever happened on a connection before, and wherever in a transaction it is, each kind of statement finds, writes, counts and refuses the same.")
        .hint("Look for state that outlives its statement, transaction or user: the message names the moment.")
        .covers(&[Contract(49), Contract(53), Contract(56), Contract(58), Contract(66), Contract(77), Rule(32)]),
    Case::core("transactions.statements.repeated", repeated)
        .since(27)
        .promise("The hundredth run of a statement finds, writes, counts and refuses the same as its first.")
        .hint("A driver or a server may change how it runs a statement once it ran often.")
        .covers(&[Contract(49), Contract(53)]),
];

/// What happened on the connection earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// It was reset this many times, with or without raw SQL before it or an open transaction.
    Reset {
        raw: bool,
        times: usize,
        open: bool,
    },
    /// A reader stopped after the first row.
    Stopped,
    /// This many rows were refused.
    Refused(usize),
    Commits(usize),
    Rollback,
    Definition,
    /// A transaction with nothing but DDL was committed, and another one rolled back.
    DefinedInTransaction,
    /// A transaction that began this way.
    Begun(Begin),
}

/// Where the statements run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Alone,
    Begun(Begin),
    Savepoints(usize),
    Released(usize),
    RolledBackTo(usize),
    RefusedInSavepoint,
    Definition,
    AfterStopped,
}

fn begin_with(level: Option<Isolation>, read_only: bool, writes_first: bool) -> Begin {
    let mut begin = Begin::default();
    begin.isolation = level;
    begin.read_only = read_only;
    begin.writes_first = writes_first;
    begin
}

/// Returns the histories that are possible for a backend with these claims.
fn befores(claims: &Capabilities) -> Vec<Before> {
    let reset = |raw, times, open| Before::Reset { raw, times, open };
    let mut all = vec![
        Before::Nothing,
        reset(false, 1, false),
        reset(true, 1, false),
        reset(true, 3, false),
        Before::Stopped,
        Before::Refused(1),
        Before::Refused(12),
        Before::Definition,
    ];
    if !claims.transactions {
        return all;
    }
    all.extend([
        reset(false, 2, true),
        reset(true, 2, true),
        Before::Commits(6),
        Before::Rollback,
        Before::DefinedInTransaction,
    ]);
    let levels = claims.isolation_levels.iter();
    all.extend(levels.map(|level| Before::Begun(begin_with(Some(*level), false, false))));
    if claims.read_only_transactions {
        all.push(Before::Begun(begin_with(None, true, false)));
    }
    all
}

/// Returns where a backend with these claims can run statements.
fn withins(claims: &Capabilities) -> Vec<Within> {
    let mut all = vec![Within::Alone];
    if !claims.transactions {
        return all;
    }
    let levels = claims.isolation_levels.iter().copied().map(Some);
    for level in std::iter::once(None).chain(levels) {
        all.push(Within::Begun(begin_with(level, false, false)));
        all.push(Within::Begun(begin_with(level, false, true)));
        if claims.read_only_transactions {
            all.push(Within::Begun(begin_with(level, true, false)));
        }
    }
    all.extend([Within::Definition, Within::AfterStopped]);
    if claims.savepoints {
        all.extend([1, 2, 5].map(Within::Savepoints));
        all.extend([1, 2, 5].map(Within::Released));
        all.extend([1, 3].map(Within::RolledBackTo));
        all.push(Within::RefusedInSavepoint);
    }
    all
}

const INSERT: &str = "INSERT INTO [t] ([id], [v], [w]) VALUES (?, ?, ?)";
const TYPES: [ValueType; 3] = [ValueType::I64, ValueType::I64, ValueType::Text];

fn tables(context: &Context) -> CaseResult {
    let mut table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("v", ColumnType::I64))
        .column(Column::new("w", ColumnType::Text { length: Some(40) }))
        .primary_key(["id"]);
    if context.capabilities().checks {
        table = table.check("v >= 0");
    }
    let mut database = Database::open(context)?;
    database.create(&table)?;
    database.create(&value_table("copies", ColumnType::I64))?;
    Ok(())
}

fn anywhere(context: &mut Context) -> CaseResult {
    tables(context)?;
    let claims = context.capabilities();
    if claims.returning && claims.transactions {
        only_returning(context)?;
    }
    let violations = violations(claims.checks);
    // Every place in a transaction is tried with both endings; after each history, only the most common places are tried.
    let common = [
        Within::Alone,
        Within::Savepoints(1),
        Within::Begun(begin_with(None, false, true)),
    ];
    let withins = withins(&claims);
    for (number, before) in befores(&claims).into_iter().enumerate() {
        let is_first = before == Before::Nothing;
        let is_common = |within: &&Within| is_first || common.contains(within);
        let pair = 2 * number % violations.len();
        for within in withins.iter().filter(is_common) {
            let moment = format!("{before:?}, then {within:?}");
            let mut at = Moment::new(context, moment, &violations[pair..pair + 2])?;
            at.apply(before)?;
            for commits in [true, false] {
                // After other histories, the ending alternates.
                if !is_first && commits != (number % 2 == 0) {
                    continue;
                }
                at.violations = match is_first && commits {
                    true => &violations,
                    false => &violations[pair..pair + 2],
                };
                at.start()?;
                if !at.enter(*within)? {
                    break;
                }
                let rows = match within {
                    Within::Begun(begin) if begin.read_only => {
                        at.check_rows(&start_rows())?;
                        at.end(commits)?;
                        start_rows()
                    }
                    Within::Alone => {
                        at.run_all(false)?;
                        end_rows()
                    }
                    _ => {
                        at.run_all(true)?;
                        at.end_transaction(commits)?
                    }
                };
                if commits || *within == Within::Alone {
                    // Dropping the connection loses what is not committed.
                    at = at.reopen(context)?;
                    at.check_rows(&rows)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes only by queries in a transaction: each inserts a row and returns its key.
fn only_returning(context: &Context) -> CaseResult {
    let moment = "a transaction of INSERT … RETURNING alone".to_owned();
    let mut at = Moment::new(context, moment, &[])?;
    at.start()?;
    let insert = format!("{INSERT} RETURNING [id]");
    for (id, commits) in [(100, false), (101, true)] {
        at.database.begin_write()?;
        let row = row(&(id, 1, "returned"));
        let told = at.database.rows(&insert, &row, &[ValueType::I64])?;
        check_eq!(told, [vec![Value::I64(id)]], "the key of a returned row");
        at.end(commits)?;
    }
    let mut at = at.reopen(context)?;
    let kept = "SELECT [id] FROM [t] WHERE [id] >= ? ORDER BY [id]";
    check_eq!(
        at.database.integers(kept, &[int(100)])?,
        [101],
        "{}: the first was rolled back, the second was committed",
        at.moment
    );
    Ok(())
}

fn repeated(context: &mut Context) -> CaseResult {
    tables(context)?;
    let claims = context.capabilities();
    let violations = violations(claims.checks);
    let mut at = Moment::new(context, String::new(), &[])?;
    let mut rows = Vec::new();
    for run in 1..=110 {
        at.moment = format!("run {run}");
        // Of each three runs, one is outside a transaction, one is committed and one is rolled back.
        let violation = run / 3 % violations.len();
        at.violations = &violations[violation..=violation];
        at.start()?;
        if claims.transactions && run % 3 != 0 {
            at.database.begin_write()?;
            at.run_all(true)?;
            rows = at.end_transaction(run % 3 == 2)?;
        } else {
            at.run_all(false)?;
            rows = end_rows();
        }
    }
    at.reopen(context)?.check_rows(&rows)
}

/// One connection at one moment.
struct Moment<'a> {
    database: Database,
    moment: String,
    /// The violations that are tried at this moment.
    violations: &'a [Violation],
    claims_savepoints: bool,
}

type Row = (i64, i64, &'static str);

fn start_rows() -> Vec<Row> {
    vec![(1, 10, "one"), (2, 20, "two "), (3, 30, ""), (4, 40, "é")]
}

/// Returns the rows after [`Moment::run_all`].
fn end_rows() -> Vec<Row> {
    vec![
        (1, 11, "new"),
        (2, 21, "two "),
        (3, 31, ""),
        (4, 40, " newer"),
        (5, 50, "five "),
        (6, 60, "x6"),
    ]
}

fn row(row: &Row) -> Vec<Typed> {
    vec![int(row.0), int(row.1), text(row.2)]
}

impl<'a> Moment<'a> {
    fn new(context: &Context, moment: String, violations: &'a [Violation]) -> CaseResult<Self> {
        Ok(Self {
            claims_savepoints: context.capabilities().savepoints,
            database: Database::open(context)?,
            moment,
            violations,
        })
    }

    /// Closes the connection, then opens another one: the backend may allow only one at a time.
    fn reopen(self, context: &Context) -> CaseResult<Self> {
        drop(self.database);
        Self::new(context, self.moment, self.violations)
    }

    /// Brings the connection into this history, and checks the rows that it leaves.
    fn apply(&mut self, before: Before) -> CaseResult {
        match before {
            Before::Nothing => {}
            Before::Reset { raw, times, open } => {
                for _ in 0..times {
                    if open {
                        self.start()?;
                        self.begin_zeros()?;
                    }
                    let connection = &mut self.database.connection;
                    let reset = connection.reset(raw);
                    check!(
                        reset.is_ok() && connection.is_open(),
                        "{}: a reset must work and leave the connection open, returned {reset:?}",
                        self.moment
                    );
                    if open {
                        self.check_zeros(0)?;
                    }
                }
            }
            Before::Stopped => {
                self.start()?;
                self.stop_early()?;
            }
            Before::Refused(times) => {
                self.start()?;
                for violation in self.violations.iter().cycle().take(times) {
                    self.refuse(violation)?;
                }
            }
            Before::Commits(times) => {
                self.start()?;
                for _ in 0..times {
                    self.begin_zeros()?;
                    self.end(true)?;
                }
                self.check_zeros(4)?;
            }
            Before::Rollback => {
                self.start()?;
                self.begin_zeros()?;
                self.end(false)?;
                self.check_zeros(0)?;
            }
            Before::Definition => {
                self.database
                    .create(&value_table("defined", ColumnType::I64))?;
                self.database.execute("DROP TABLE [defined]", &[])?;
            }
            Before::DefinedInTransaction => self.define_in_transactions()?,
            Before::Begun(begin) => {
                self.database.transaction(Transaction::Begin(begin))?;
                self.database.count("t")?;
                self.end(true)?;
            }
        }
        Ok(())
    }

    /// Begins a transaction that sets `v` to zero in every row.
    fn begin_zeros(&mut self) -> CaseResult {
        self.database.begin_write()?;
        self.database.execute("UPDATE [t] SET [v] = ?", &[int(0)])?;
        Ok(())
    }

    /// Checks in how many rows `v` is zero.
    fn check_zeros(&mut self, wanted: i64) -> CaseResult {
        let kept = "SELECT count(*) FROM [t] WHERE [v] = ?";
        check_eq!(
            self.database.integers(kept, &[int(0)])?,
            [wanted],
            "{}: the rows that were kept of what happened before",
            self.moment
        );
        Ok(())
    }

    /// Creates tables in separate transactions, unless the backend refuses this.
    fn define_in_transactions(&mut self) -> CaseResult {
        let table = value_table("defined", ColumnType::I64);
        let database = &mut self.database;
        for commits in [false, true] {
            database.begin_write()?;
            let is_created = database.create(&table).is_ok();
            match commits && is_created {
                true => database.commit()?,
                false => database.rollback()?,
            }
            let is_there = database.count("defined").is_ok();
            check_eq!(
                is_there,
                commits && is_created,
                "{}: whether a table is there after its transaction (committed: {commits})",
                self.moment
            );
            if is_there {
                database.execute("DROP TABLE [defined]", &[])?;
            }
        }
        Ok(())
    }

    /// Writes the rows with which every moment starts.
    fn start(&mut self) -> CaseResult {
        for table in ["t", "copies"] {
            self.database
                .execute(&format!("DELETE FROM [{table}]"), &[])?;
        }
        let rows: Vec<Vec<Typed>> = start_rows().iter().map(row).collect();
        self.run_each(INSERT, &TYPES, &rows, &[1; 4])
    }

    /// Enters a transaction or savepoints; returns false if the backend refuses.
    fn enter(&mut self, within: Within) -> CaseResult<bool> {
        let database = &mut self.database;
        match within {
            Within::Alone => return Ok(true),
            Within::Begun(begin) => {
                let begun = database.transaction(Transaction::Begin(begin));
                check!(
                    begun.is_ok(),
                    "{}: a transaction must begin, returned {begun:?}",
                    self.moment
                );
                return Ok(true);
            }
            _ => database.begin_write()?,
        }
        let savepoints = |count: usize| (1..=count).map(|at| format!("s{at}"));
        match within {
            Within::Savepoints(count) => {
                for name in savepoints(count) {
                    database.savepoint(&name)?;
                }
            }
            Within::Released(count) => {
                for name in savepoints(count) {
                    database.savepoint(&name)?;
                    database.execute("UPDATE [t] SET [v] = [v] WHERE [id] = ?", &[int(1)])?;
                    database.release(&name)?;
                }
            }
            Within::RolledBackTo(count) => {
                for name in savepoints(count) {
                    database.savepoint(&name)?;
                    database.execute("UPDATE [t] SET [v] = ?", &[int(0)])?;
                    database.rollback_to(&name)?;
                }
            }
            Within::RefusedInSavepoint => self.refuse_each_in_savepoint()?,
            Within::Definition => {
                let inside = value_table("inside", ColumnType::I64);
                if database.create(&inside).is_err() {
                    database.rollback()?;
                    return Ok(false);
                }
                database.execute("DROP TABLE [inside]", &[])?;
            }
            Within::AfterStopped => self.stop_early()?,
            Within::Alone | Within::Begun(_) => {}
        }
        Ok(true)
    }

    /// Runs every kind of statement.
    fn run_all(&mut self, in_transaction: bool) -> CaseResult {
        self.check_rows(&start_rows())?;
        self.run(INSERT, &row(&(5, 50, "five ")), 1)?;
        let added = [(6, 60, "x6"), (7, 70, "x7"), (8, 80, "x8")];
        let added: Vec<Vec<Typed>> = added.iter().map(row).collect();
        self.run_each(INSERT, &TYPES, &added, &[1, 1, 1])?;
        let update = "UPDATE [t] SET [v] = [v] + ? WHERE [id] <= ?";
        self.run(update, &[int(1), int(3)], 3)?;
        self.run(update, &[int(1), int(0)], 0)?;
        let name = "UPDATE [t] SET [w] = ? WHERE [id] = ?";
        let names = [("new", 1), ("none", 99), (" newer", 4)];
        let names = names.map(|(name, id)| vec![text(name), int(id)]);
        self.run_each(name, &[ValueType::Text, ValueType::I64], &names, &[1, 0, 1])?;
        let copy = "INSERT INTO [copies] ([id], [v]) SELECT [id], [v] FROM [t] WHERE [id] > ?";
        self.run(copy, &[int(2)], 6)?;
        self.run(copy, &[int(99)], 0)?;
        let delete = "DELETE FROM [t] WHERE [id] = ?";
        self.run(delete, &[int(8)], 1)?;
        self.run(delete, &[int(8)], 0)?;
        let gone = [vec![int(7)], vec![int(99)]];
        self.run_each(delete, &[ValueType::I64], &gone, &[1, 0])?;
        // A batch of no rows does nothing.
        self.run_each(INSERT, &TYPES, &[], &[])?;
        self.run_each(name, &[ValueType::Text, ValueType::I64], &[], &[])?;
        self.run_each(delete, &[ValueType::I64], &[], &[])?;
        self.stop_early()?;
        match (in_transaction, self.claims_savepoints) {
            (false, _) => self.refuse_each()?,
            (true, true) => {
                self.refuse_each_in_savepoint()?;
                self.undo_one()?;
            }
            (true, false) => {}
        }
        self.check_rows(&end_rows())?;
        let copies = "SELECT [id], [v] FROM [copies] ORDER BY [id]";
        let found = self.database.rows(copies, &[], &[ValueType::I64; 2]);
        let wanted: Vec<Vec<Value>> = [(3, 31), (4, 40), (5, 50), (6, 60), (7, 70), (8, 80)]
            .iter()
            .map(|(id, v)| vec![Value::I64(*id), Value::I64(*v)])
            .collect();
        check!(
            matches!(&found, Ok(rows) if *rows == wanted),
            "{}: the copied rows, found {found:?}",
            self.moment
        );
        Ok(())
    }

    fn end(&mut self, commits: bool) -> CaseResult {
        let ended = match commits {
            true => self.database.commit(),
            false => self.database.rollback(),
        };
        check!(
            ended.is_ok(),
            "{}: the transaction must end (committed: {commits}), returned {ended:?}",
            self.moment
        );
        Ok(())
    }

    /// Ends the transaction of [`Moment::run_all`], and returns the rows that must remain.
    fn end_transaction(&mut self, commits: bool) -> CaseResult<Vec<Row>> {
        self.end(commits)?;
        let rows = match commits {
            true => end_rows(),
            false => start_rows(),
        };
        self.check_rows(&rows)?;
        Ok(rows)
    }

    fn check_rows(&mut self, wanted: &[Row]) -> CaseResult {
        let all = "SELECT [id], [v], [w] FROM [t] ORDER BY [id]";
        let found = self.database.rows(all, &[], &TYPES);
        let wanted: Vec<Vec<Value>> = wanted
            .iter()
            .map(|(id, v, w)| vec![Value::I64(*id), Value::I64(*v), Value::Text((*w).into())])
            .collect();
        check!(
            matches!(&found, Ok(rows) if *rows == wanted),
            "{}: the rows must be {wanted:?}, found {found:?}",
            self.moment
        );
        let named = "SELECT [id] FROM [t] WHERE [w] = ? AND [v] < ?";
        let found = self.database.integers(named, &[text("two "), int(30)]);
        check!(
            matches!(found.as_deref(), Ok([2])),
            "{}: the row with a name, found {found:?}",
            self.moment
        );
        Ok(())
    }

    fn run(&mut self, template: &str, params: &[Typed], wanted: u64) -> CaseResult {
        let told = self.database.execute(template, params);
        check!(
            matches!(&told, Ok(outcome) if outcome.matched == wanted),
            "{}: {template} must count {wanted}, returned {told:?}",
            self.moment
        );
        Ok(())
    }

    fn run_each(
        &mut self,
        template: &str,
        types: &[ValueType],
        rows: &[Vec<Typed>],
        wanted: &[u64],
    ) -> CaseResult {
        let told = self.database.execute_each(template, types, rows);
        let counts = told
            .as_ref()
            .map(|all| all.iter().map(|outcome| outcome.matched).collect());
        check!(
            matches!(counts, Ok(counts) if Vec::<u64>::as_slice(&counts) == wanted),
            "{}: a batch of {template} must count {wanted:?}, returned {told:?}",
            self.moment
        );
        Ok(())
    }

    /// Stops a query at its first row.
    fn stop_early(&mut self) -> CaseResult {
        let columns = [ValueType::I64];
        let sql = self
            .database
            .sql("SELECT [id] FROM [t] ORDER BY [id]", &[], &columns);
        let mut seen = 0;
        let connection = &mut self.database.connection;
        let result = connection.query(&Statement::new(&sql, &[]), &mut |_| {
            seen += 1;
            Err(Error::new(ErrorKind::Validation, "enough"))
        });
        check!(
            seen == 1 && matches!(&result, Err(error) if error.kind() == ErrorKind::Validation),
            "{}: a reader that stops must get its error after one row, got {seen} and {result:?}",
            self.moment
        );
        Ok(())
    }

    /// Writes the rows that constraints refuse.
    fn refuse_each(&mut self) -> CaseResult {
        for violation in self.violations {
            self.refuse(violation)?;
        }
        Ok(())
    }

    /// Writes the same rows, each in a savepoint, so that the transaction continues.
    fn refuse_each_in_savepoint(&mut self) -> CaseResult {
        for violation in self.violations {
            self.database.savepoint("refused")?;
            self.refuse(violation)?;
            let undone = self.database.rollback_to("refused");
            check!(
                undone.is_ok(),
                "{}: a refused row must be rolled back to its savepoint, returned {undone:?}",
                self.moment
            );
            self.database.release("refused")?;
        }
        Ok(())
    }

    fn refuse(&mut self, violation: &Violation) -> CaseResult {
        let Violation {
            template,
            types,
            row,
            kind,
            in_batch,
        } = violation;
        let refused = match in_batch {
            false => self.database.execute(template, row).map(drop),
            true => self
                .database
                .execute_each(template, types, std::slice::from_ref(row))
                .map(drop),
        };
        let refused = refused.map_err(|error| error.kind());
        check_eq!(
            refused,
            Err(*kind),
            "{}: {template}, in a batch: {in_batch}",
            self.moment
        );
        Ok(())
    }

    /// Undoes one change with a savepoint and keeps another.
    fn undo_one(&mut self) -> CaseResult {
        let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
        self.database.savepoint("undone")?;
        self.run(set, &[int(0), int(5)], 1)?;
        self.database.rollback_to("undone")?;
        self.run("DELETE FROM [t] WHERE [v] = ?", &[int(0)], 0)?;
        self.run(set, &[int(51), int(5)], 1)?;
        self.database.release("undone")?;
        self.run(
            "UPDATE [t] SET [v] = [v] - ? WHERE [v] = ?",
            &[int(1), int(51)],
            1,
        )
    }
}

/// A row that a constraint refuses.
struct Violation {
    template: &'static str,
    types: Vec<ValueType>,
    row: Vec<Typed>,
    kind: ErrorKind,
    in_batch: bool,
}

/// Returns every kind of violation, alone and then in a batch.
fn violations(claims_checks: bool) -> Vec<Violation> {
    use ErrorKind::{CheckViolation, NotNullViolation, UniqueViolation};
    let no_text = || null(ValueType::Text);
    let update_w = "UPDATE [t] SET [w] = ? WHERE [id] = ?";
    let update_id = "UPDATE [t] SET [id] = ? WHERE [id] = ?";
    let update_v = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
    let mut all = vec![
        (INSERT, row(&(1, 0, "again")), UniqueViolation),
        (INSERT, vec![int(100), int(0), no_text()], NotNullViolation),
        (update_w, vec![no_text(), int(1)], NotNullViolation),
        (update_id, vec![int(2), int(1)], UniqueViolation),
    ];
    if claims_checks {
        all.push((INSERT, row(&(100, -1, "low")), CheckViolation));
        all.push((update_v, vec![int(-1), int(1)], CheckViolation));
    }
    let in_both = all.into_iter().flat_map(|(template, row, kind)| {
        [false, true].map(|in_batch| Violation {
            template,
            types: row.iter().map(|typed| typed.ty).collect(),
            row: row.clone(),
            kind,
            in_batch,
        })
    });
    in_both.collect()
}
