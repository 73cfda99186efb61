//! Every kind of statement does the same at every moment in the life of a connection.

use selfsame::backend::Statement;
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("transactions.moments.work", work)
        .since(27)
        .promise("Whatever happened on a connection before, and wherever in a transaction it is, each kind of statement finds, writes, counts and refuses the same.")
        .hint("Look for state that outlives its statement, transaction or user: the message names the moment.")
        .covers(&[Contract(49), Contract(53), Contract(56), Contract(58), Contract(66), Contract(77), Rule(32)]),
    Case::core("transactions.moments.repeated", repeated)
        .since(27)
        .promise("The hundredth run of a statement finds, writes, counts and refuses the same as its first.")
        .hint("A driver or a server may change how it runs a statement once it ran often.")
        .covers(&[Contract(49), Contract(53), Contract(76)]),
    Case::core("connections.many.independent", independent)
        .since(27)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("Each of a dozen connections has its own transaction, which no other one sees.")
        .hint("Do not share a driver's handle between connections.")
        .covers(&[Contract(80), Contract(63)]),
];

/// What happened on the connection before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// It was reset so often, after raw SQL or not, or with an open transaction.
    Reset {
        raw: bool,
        times: usize,
        open: bool,
    },
    /// A reader stopped after the first row.
    Stopped,
    /// So many rows were refused.
    Refused(usize),
    Commits(usize),
    Rollback,
    Definition,
    /// A transaction of nothing but a definition was committed, and another one rolled back.
    DefinedInTransaction,
    ReadOnly,
    Level(Isolation),
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

const LEVELS: [Isolation; 4] = [
    Isolation::ReadUncommitted,
    Isolation::ReadCommitted,
    Isolation::RepeatableRead,
    Isolation::Serializable,
];

fn begin_with(level: Option<Isolation>, read_only: bool, writes_first: bool) -> Begin {
    let mut begin = Begin::default();
    begin.isolation = level;
    begin.read_only = read_only;
    begin.writes_first = writes_first;
    begin
}

/// What a backend with these claims can have done.
fn befores(claimed: impl Fn(Capability) -> bool) -> Vec<Before> {
    let mut all = vec![Before::Nothing];
    for (raw, times) in [(false, 1), (true, 1), (true, 3)] {
        all.push(Before::Reset {
            raw,
            times,
            open: false,
        });
    }
    all.extend([
        Before::Stopped,
        Before::Refused(1),
        Before::Refused(12),
        Before::Definition,
    ]);
    if claimed(Capability::Transactions) {
        for raw in [false, true] {
            all.push(Before::Reset {
                raw,
                times: 2,
                open: true,
            });
        }
        all.extend([
            Before::Commits(6),
            Before::Rollback,
            Before::DefinedInTransaction,
        ]);
        let levels = LEVELS.into_iter();
        let levels = levels.filter(|level| claimed(Capability::Isolation(*level)));
        all.extend(levels.map(Before::Level));
    }
    if claimed(Capability::ReadOnlyTransactions) {
        all.push(Before::ReadOnly);
    }
    all
}

fn withins(claimed: impl Fn(Capability) -> bool) -> Vec<Within> {
    let mut all = vec![Within::Alone];
    if !claimed(Capability::Transactions) {
        return all;
    }
    let levels = LEVELS.into_iter();
    let levels = levels.filter(|level| claimed(Capability::Isolation(*level)));
    let levels: Vec<Option<Isolation>> = std::iter::once(None).chain(levels.map(Some)).collect();
    for level in levels {
        all.push(Within::Begun(begin_with(level, false, false)));
        all.push(Within::Begun(begin_with(level, false, true)));
        if claimed(Capability::ReadOnlyTransactions) {
            all.push(Within::Begun(begin_with(level, true, false)));
        }
    }
    all.extend([Within::Definition, Within::AfterStopped]);
    if claimed(Capability::Savepoints) {
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
    if Capability::Checks.is_claimed(context.dialect()) {
        table = table.check("v >= 0");
    }
    let mut database = Database::open(context)?;
    database.create(&table)?;
    database.create(&value_table("copies", ColumnType::I64))?;
    Ok(())
}

fn work(context: &mut Context) -> CaseResult {
    tables(context)?;
    let (befores, withins) = {
        let claimed = |capability: Capability| capability.is_claimed(context.dialect());
        (befores(claimed), withins(claimed))
    };
    if Capability::Returning.is_claimed(context.dialect())
        && Capability::Transactions.is_claimed(context.dialect())
    {
        returned(context)?;
    }
    let mut commits = false;
    // Every place in a transaction once, the most common ones after each thing that may have happened.
    let common = [
        Within::Alone,
        Within::Savepoints(1),
        Within::Begun(begin_with(None, false, true)),
    ];
    for before in befores {
        let is_common = |within: &&Within| before == Before::Nothing || common.contains(within);
        for within in withins.iter().filter(is_common) {
            let moment = format!("{before:?}, then {within:?}");
            let mut at = Moment::new(context, moment)?;
            at.happened(before)?;
            at.start()?;
            if !at.enter(*within)? {
                continue;
            }
            commits = !commits;
            match within {
                Within::Begun(begin) if begin.read_only => {
                    at.reads(&start_rows())?;
                    at.database.rollback()?;
                }
                Within::Alone => {
                    at.works(false)?;
                    // What is not committed goes with its connection.
                    let moment = at.moment;
                    drop(at.database);
                    Moment::new(context, moment)?.reads(&end_rows())?;
                }
                _ => {
                    at.works(true)?;
                    at.ends(commits)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes only by queries in a transaction: a row, and what it returns.
fn returned(context: &Context) -> CaseResult {
    let moment = "a transaction of INSERT … RETURNING alone".to_owned();
    let mut at = Moment::new(context, moment)?;
    at.start()?;
    let insert = format!("{INSERT} RETURNING [id]");
    for (id, commits) in [(100, false), (101, true)] {
        at.database.begin_write()?;
        let row = row(&(id, 1, "returned"));
        let told = at.database.rows(&insert, &row, &[ValueType::I64])?;
        check_eq!(told, [vec![Value::I64(id)]], "the key of a returned row");
        match commits {
            true => at.database.commit()?,
            false => at.database.rollback()?,
        }
        let kept = "SELECT [id] FROM [t] WHERE [id] = ?";
        let kept = at.database.integers(kept, &[int(id)])?.len();
        check_eq!(
            kept,
            usize::from(commits),
            "the rows of {} (committed: {commits})",
            at.moment
        );
    }
    Ok(())
}

fn repeated(context: &mut Context) -> CaseResult {
    tables(context)?;
    let transactions = Capability::Transactions.is_claimed(context.dialect());
    let mut at = Moment::new(context, String::new())?;
    for run in 1..=110 {
        at.moment = format!("run {run}");
        at.start()?;
        if transactions && run % 3 != 0 {
            at.database.begin_write()?;
            at.works(true)?;
            at.ends(run % 3 == 1)?;
        } else {
            at.works(false)?;
            at.reads(&end_rows())?;
        }
    }
    Ok(())
}

/// How many connections are opened where the backend allows as many.
const MANY: usize = 12;

fn independent(context: &mut Context) -> CaseResult {
    let many = context.capabilities().max_connections.unwrap_or(MANY);
    let mut all = Vec::new();
    for _ in 0..many.min(MANY) {
        all.push(Database::open(context)?);
    }
    all[0].create(&value_table("t", ColumnType::I64))?;
    for writer in 0..all.len() {
        let begun = all[writer].begin_write();
        check!(
            begun.is_ok(),
            "connection {writer} must begin its own transaction, returned {begun:?}"
        );
        let insert = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
        all[writer].execute(insert, &[int(1), int(1)])?;
        for (reader, database) in all.iter_mut().enumerate() {
            let wanted = i64::from(reader == writer);
            check_eq!(
                database.count("t")?,
                wanted,
                "what connection {reader} sees of the open transaction of {writer}"
            );
        }
        all[writer].rollback()?;
    }
    Ok(())
}

/// One connection at one moment.
struct Moment {
    database: Database,
    moment: String,
    claims_checks: bool,
    claims_savepoints: bool,
}

type Row = (i64, i64, &'static str);

fn start_rows() -> Vec<Row> {
    vec![(1, 10, "one"), (2, 20, "two "), (3, 30, ""), (4, 40, "é")]
}

/// What [`Moment::works`] makes of the rows.
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

impl Moment {
    fn new(context: &Context, moment: String) -> CaseResult<Self> {
        let claimed = |capability: Capability| capability.is_claimed(context.dialect());
        Ok(Self {
            claims_checks: claimed(Capability::Checks),
            claims_savepoints: claimed(Capability::Savepoints),
            database: Database::open(context)?,
            moment,
        })
    }

    fn happened(&mut self, before: Before) -> CaseResult {
        let database = &mut self.database;
        match before {
            Before::Nothing => {}
            Before::Reset { raw, times, open } => {
                for _ in 0..times {
                    if open {
                        database.begin_write()?;
                        database.execute("UPDATE [t] SET [v] = ?", &[int(0)])?;
                    }
                    let reset = database.connection.reset(raw);
                    check!(
                        reset.is_ok(),
                        "{}: a reset must work, returned {reset:?}",
                        self.moment
                    );
                    check!(
                        database.connection.is_open(),
                        "{}: a reset connection must be open",
                        self.moment
                    );
                }
            }
            Before::Stopped => {
                self.start()?;
                self.stops()?;
            }
            Before::Refused(times) => {
                self.start()?;
                for _ in 0..times {
                    self.refuses()?;
                }
            }
            Before::Commits(times) => {
                for _ in 0..times {
                    database.begin_write()?;
                    database.execute("UPDATE [t] SET [v] = ?", &[int(0)])?;
                    database.commit()?;
                }
            }
            Before::Rollback => {
                database.begin_write()?;
                database.execute("UPDATE [t] SET [v] = ?", &[int(0)])?;
                database.rollback()?;
            }
            Before::Definition => {
                database.create(&value_table("defined", ColumnType::I64))?;
                database.execute("DROP TABLE [defined]", &[])?;
            }
            Before::DefinedInTransaction => self.defines()?,
            Before::ReadOnly => {
                let begin = begin_with(None, true, false);
                database.transaction(Transaction::Begin(begin))?;
                database.count("t")?;
                database.commit()?;
            }
            Before::Level(level) => {
                let begin = begin_with(Some(level), false, false);
                database.transaction(Transaction::Begin(begin))?;
                database.count("t")?;
                database.commit()?;
            }
        }
        Ok(())
    }

    /// Creates a table in a transaction of its own, if the backend does not refuse that.
    fn defines(&mut self) -> CaseResult {
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

    /// Writes the rows that every moment begins with.
    fn start(&mut self) -> CaseResult {
        for table in ["t", "copies"] {
            self.database
                .execute(&format!("DELETE FROM [{table}]"), &[])?;
        }
        for start in start_rows() {
            self.counts(INSERT, &row(&start), 1)?;
        }
        Ok(())
    }

    /// Returns false if the backend refuses to go there.
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
            Within::RefusedInSavepoint => self.refuses_inside()?,
            Within::Definition => {
                let inside = value_table("inside", ColumnType::I64);
                if database.create(&inside).is_err() {
                    database.rollback()?;
                    return Ok(false);
                }
                database.execute("DROP TABLE [inside]", &[])?;
            }
            Within::AfterStopped => self.stops()?,
            Within::Alone | Within::Begun(_) => {}
        }
        Ok(true)
    }

    /// Runs every kind of statement.
    fn works(&mut self, in_transaction: bool) -> CaseResult {
        self.reads(&start_rows())?;
        self.counts(INSERT, &row(&(5, 50, "five ")), 1)?;
        let added = [(6, 60, "x6"), (7, 70, "x7"), (8, 80, "x8")];
        let added: Vec<Vec<Typed>> = added.iter().map(row).collect();
        self.counts_each(INSERT, &TYPES, &added, &[1, 1, 1])?;
        let update = "UPDATE [t] SET [v] = [v] + ? WHERE [id] <= ?";
        self.counts(update, &[int(1), int(3)], 3)?;
        self.counts(update, &[int(1), int(0)], 0)?;
        let name = "UPDATE [t] SET [w] = ? WHERE [id] = ?";
        let names = [("new", 1), ("none", 99), (" newer", 4)];
        let names = names.map(|(name, id)| vec![text(name), int(id)]);
        self.counts_each(name, &[ValueType::Text, ValueType::I64], &names, &[1, 0, 1])?;
        let copy = "INSERT INTO [copies] ([id], [v]) SELECT [id], [v] FROM [t] WHERE [id] > ?";
        self.counts(copy, &[int(2)], 6)?;
        self.counts(copy, &[int(99)], 0)?;
        let delete = "DELETE FROM [t] WHERE [id] = ?";
        self.counts(delete, &[int(8)], 1)?;
        self.counts(delete, &[int(8)], 0)?;
        let gone = [vec![int(7)], vec![int(99)]];
        self.counts_each(delete, &[ValueType::I64], &gone, &[1, 0])?;
        self.stops()?;
        match (in_transaction, self.claims_savepoints) {
            (false, _) => self.refuses()?,
            (true, true) => {
                self.refuses_inside()?;
                self.undoes()?;
            }
            (true, false) => {}
        }
        self.reads(&end_rows())?;
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

    fn ends(&mut self, commits: bool) -> CaseResult {
        let (ended, rows) = match commits {
            true => (self.database.commit(), end_rows()),
            false => (self.database.rollback(), start_rows()),
        };
        check!(
            ended.is_ok(),
            "{}: the transaction must end, returned {ended:?}",
            self.moment
        );
        self.reads(&rows)
    }

    fn reads(&mut self, wanted: &[Row]) -> CaseResult {
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

    fn counts(&mut self, template: &str, params: &[Typed], wanted: u64) -> CaseResult {
        let told = self.database.execute(template, params);
        check!(
            matches!(&told, Ok(outcome) if outcome.matched == wanted),
            "{}: {template} must count {wanted}, returned {told:?}",
            self.moment
        );
        Ok(())
    }

    fn counts_each(
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
    fn stops(&mut self) -> CaseResult {
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

    /// Writes rows that constraints refuse, one by one and in a batch.
    fn refuses(&mut self) -> CaseResult {
        for violation in self.violations() {
            for in_batch in [false, true] {
                self.refuses_one(&violation, in_batch)?;
            }
        }
        Ok(())
    }

    /// The same in a savepoint each, so that the transaction goes on.
    fn refuses_inside(&mut self) -> CaseResult {
        for violation in self.violations() {
            for in_batch in [false, true] {
                self.database.savepoint("refused")?;
                self.refuses_one(&violation, in_batch)?;
                let undone = self.database.rollback_to("refused");
                check!(
                    undone.is_ok(),
                    "{}: a refused row must be rolled back to its savepoint, returned {undone:?}",
                    self.moment
                );
                self.database.release("refused")?;
            }
        }
        Ok(())
    }

    fn violations(&self) -> Vec<Violation> {
        let insert = |row: Vec<Typed>, kind| Violation {
            template: INSERT,
            types: TYPES.to_vec(),
            row,
            kind,
        };
        let of_text = vec![ValueType::Text, ValueType::I64];
        let mut all = vec![
            insert(row(&(1, 0, "again")), ErrorKind::UniqueViolation),
            insert(
                vec![int(100), int(0), null(ValueType::Text)],
                ErrorKind::NotNullViolation,
            ),
            Violation {
                template: "UPDATE [t] SET [w] = ? WHERE [id] = ?",
                types: of_text,
                row: vec![null(ValueType::Text), int(1)],
                kind: ErrorKind::NotNullViolation,
            },
            Violation {
                template: "UPDATE [t] SET [id] = ? WHERE [id] = ?",
                types: vec![ValueType::I64; 2],
                row: vec![int(2), int(1)],
                kind: ErrorKind::UniqueViolation,
            },
        ];
        if self.claims_checks {
            all.push(insert(row(&(100, -1, "low")), ErrorKind::CheckViolation));
            all.push(Violation {
                template: "UPDATE [t] SET [v] = ? WHERE [id] = ?",
                types: vec![ValueType::I64; 2],
                row: vec![int(-1), int(1)],
                kind: ErrorKind::CheckViolation,
            });
        }
        all
    }

    fn refuses_one(&mut self, violation: &Violation, in_batch: bool) -> CaseResult {
        let Violation {
            template,
            types,
            row,
            kind,
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

    /// Undoes one change by a savepoint and keeps another.
    fn undoes(&mut self) -> CaseResult {
        let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
        self.database.savepoint("undone")?;
        self.counts(set, &[int(0), int(5)], 1)?;
        self.database.rollback_to("undone")?;
        self.counts("DELETE FROM [t] WHERE [v] = ?", &[int(0)], 0)?;
        self.counts(set, &[int(51), int(5)], 1)?;
        self.database.release("undone")?;
        self.counts(
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
}
