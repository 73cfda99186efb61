//! The error of a refused row, whichever statement writes the row.

use selfsame::dialect::Upsert;
use selfsame::schema::{Column, ColumnType, ForeignKey, ReferentialAction, Table};
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind, Result};

use super::{coded, refused};
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text, value_table};

pub(super) const CASES: &[Case] = &[
    Case::full("constraints.error.everywhere", everywhere)
        .since(28)
        .promise("A refused row is the same kind of error, with the same name, whichever statement writes it (alone, as any row of a batch, with RETURNING, from a query, in an upsert, in raw SQL), on every connection, and after other errors.")
        .hint("Classify errors in one function that every path calls.")
        .covers(&[Contract(56), Contract(58), Contract(62)]),
];

const UNIQUE: &str = "members_email_is_unique";
const CHECK: &str = "members_age_is_not_negative";
const BOSS: &str = "members_boss_is_known";

const TYPES: [ValueType; 5] = [
    ValueType::I64,
    ValueType::Text,
    ValueType::Text,
    ValueType::I64,
    ValueType::I64,
];
const INSERT: &str =
    "INSERT INTO [members] ([id], [email], [name], [age], [boss]) VALUES (?, ?, ?, ?, ?)";

/// Reads a name from an error.
type NameOf = fn(&Error) -> Option<&str>;

/// A value that a constraint refuses.
struct Violation {
    column: &'static str,
    value: Typed,
    kind: ErrorKind,
    /// What the error names, and how it is read.
    name: Option<(NameOf, &'static str)>,
    must_name: bool,
}

/// Each way to write a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Alone,
    /// As this row of a batch of three.
    Batch(usize),
    Returning,
    FromQuery,
    Upsert,
    Raw,
    Update,
    /// As the last row of a batch.
    UpdateBatch,
    UpdateReturning,
}

fn everywhere(context: &mut Context) -> CaseResult {
    let claims = context.capabilities();
    create(context)?;
    let violations = violations(context);
    let mut ways = vec![
        Way::Alone,
        Way::Batch(0),
        Way::Batch(1),
        Way::Batch(2),
        Way::FromQuery,
        Way::Raw,
        Way::Update,
        Way::UpdateBatch,
    ];
    if claims.returning {
        ways.push(Way::Returning);
    }
    if claims.update_returning {
        ways.push(Way::UpdateReturning);
    }
    if claims.upsert {
        ways.push(Way::Upsert);
    }
    for place in 1..=3 {
        let mut database = Database::open(context)?;
        // The last connection is in a transaction.
        let in_transaction = place == 3;
        if in_transaction && !claims.savepoints {
            break;
        }
        if in_transaction {
            database.begin_write()?;
        }
        for (way, violation) in ways
            .iter()
            .flat_map(|way| violations.iter().map(move |violation| (*way, violation)))
            .filter(|(way, violation)| applies(&database, *way, violation))
            .collect::<Vec<_>>()
        {
            if in_transaction {
                database.savepoint("row")?;
            }
            let result = write(&mut database, way, violation);
            let what = format!("{way:?} of [{}] on connection {place}", violation.column);
            let error = refused(result, violation.kind, &what)?;
            if let Some((name, wanted)) = violation.name {
                let found = name(&error);
                check!(
                    found == Some(wanted) || found.is_none() && !violation.must_name,
                    "the error of {what} must name {wanted}, which was violated; it names {found:?}"
                );
            }
            coded(&claims, &error, &what)?;
            if in_transaction {
                database.rollback_to("row")?;
                database.release("row")?;
            } else {
                database.execute("DELETE FROM [members] WHERE [id] > ?", &[int(2)])?;
            }
            check_eq!(
                database.count("members")?,
                2,
                "the rows that are left after {what}"
            );
        }
        if in_transaction {
            database.rollback()?;
        }
    }
    Ok(())
}

fn create(context: &Context) -> CaseResult {
    let claims = context.capabilities();
    let columns = |table: &str| {
        Table::build(table)
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("email", ColumnType::Text { length: Some(40) }).nullable())
            .column(Column::new("name", ColumnType::Text { length: Some(40) }))
            .column(Column::new("age", ColumnType::I64).nullable())
            .column(Column::new("boss", ColumnType::I64).nullable())
            .primary_key(["id"])
    };
    let mut members = columns("members").unique(["email"]);
    members.uniques[0].name = Some(UNIQUE.to_owned());
    if claims.checks {
        members = members.check("age >= 0");
        members.checks[0].name = Some(CHECK.to_owned());
    }
    if claims.foreign_keys {
        members = members.constraint(ForeignKey {
            name: Some(BOSS.to_owned()),
            columns: vec!["boss".to_owned()],
            table: "bosses".to_owned(),
            schema: None,
            references: vec!["id".to_owned()],
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
        });
    }
    let mut staged = columns("staged");
    staged.columns[2].nullable = true;
    let mut database = Database::open(context)?;
    database.create(&value_table("bosses", ColumnType::I64))?;
    database.create(&members)?;
    database.create(&staged)?;
    database.execute("INSERT INTO [bosses] ([id]) VALUES (?)", &[int(1)])?;
    for id in [1, 2] {
        database.execute(INSERT, &good(id))?;
    }
    Ok(())
}

fn violations(context: &Context) -> Vec<Violation> {
    let claims = context.capabilities();
    let keys = claims.key_constraint_names;
    let violation = |column, value, kind, name, must_name| Violation {
        column,
        value,
        kind,
        name,
        must_name,
    };
    let constraint: NameOf = Error::constraint_name;
    let column: NameOf = Error::column_name;
    let mut all = vec![
        violation("id", int(1), ErrorKind::UniqueViolation, None, false),
        violation(
            "email",
            text("m1@example.org"),
            ErrorKind::UniqueViolation,
            Some((constraint, UNIQUE)),
            keys,
        ),
        violation(
            "name",
            null(ValueType::Text),
            ErrorKind::NotNullViolation,
            Some((column, "name")),
            claims.column_names,
        ),
    ];
    if claims.checks {
        let name = Some((constraint, CHECK));
        let kind = ErrorKind::CheckViolation;
        all.push(violation(
            "age",
            int(-1),
            kind,
            name,
            claims.constraint_names,
        ));
    }
    if claims.foreign_keys {
        let name = Some((constraint, BOSS));
        let kind = ErrorKind::ForeignKeyViolation;
        all.push(violation("boss", int(99), kind, name, keys));
    }
    all
}

/// An upsert takes a row whose key exists.
/// ON DUPLICATE KEY UPDATE names no key, so it accepts a row that violates any unique constraint.
fn applies(database: &Database, way: Way, violation: &Violation) -> bool {
    way != Way::Upsert
        || violation.kind != ErrorKind::UniqueViolation
        || violation.column == "email" && database.dialect().upsert() == Upsert::OnConflict
}

fn good(id: i64) -> Vec<Typed> {
    let name = format!("m{id}");
    let email = format!("{name}@example.org");
    vec![int(id), text(&email), text(&name), int(id), int(1)]
}

fn write(database: &mut Database, way: Way, violation: &Violation) -> Result<()> {
    let Violation { column, value, .. } = violation;
    let columns = ["id", "email", "name", "age", "boss"];
    let at = columns.iter().position(|name| name == column);
    let mut bad = good(100);
    bad[at.unwrap_or_default()] = value.clone();
    let update = format!("UPDATE [members] SET [{column}] = ? WHERE [id] = ?");
    let to_update = [value.clone(), int(2)];
    match way {
        Way::Alone => database.execute(INSERT, &bad).map(drop),
        Way::Batch(place) => {
            let mut rows = vec![good(101), good(102)];
            rows.insert(place, bad);
            database.execute_each(INSERT, &TYPES, &rows).map(drop)
        }
        Way::Returning => {
            let returning = format!("{INSERT} RETURNING [id]");
            database.integers(&returning, &bad).map(drop)
        }
        Way::FromQuery => {
            database.execute("DELETE FROM [staged]", &[])?;
            let staged = INSERT.replace("[members]", "[staged]");
            database.execute(&staged, &good(101))?;
            database.execute(&staged, &bad)?;
            let copy = "INSERT INTO [members] ([id], [email], [name], [age], [boss]) \
                SELECT [id], [email], [name], [age], [boss] FROM [staged]";
            database.execute(copy, &[]).map(drop)
        }
        Way::Upsert => {
            let upsert = match database.dialect().upsert() {
                Upsert::OnConflict => "ON CONFLICT ([id]) DO UPDATE SET [age] = excluded.[age]",
                _ => "ON DUPLICATE KEY UPDATE [age] = VALUES([age])",
            };
            database
                .execute(&format!("{INSERT} {upsert}"), &bad)
                .map(drop)
        }
        // In lower case the template is raw SQL.
        Way::Raw => {
            let raw = INSERT.replacen("INSERT", "insert", 1);
            database.execute(&raw, &bad).map(drop)
        }
        Way::Update => database.execute(&update, &to_update).map(drop),
        Way::UpdateBatch => {
            let types = [value.ty, ValueType::I64];
            let fine = vec![good(2)[at.unwrap_or_default()].clone(), int(2)];
            let rows = [fine, to_update.to_vec()];
            database.execute_each(&update, &types, &rows).map(drop)
        }
        Way::UpdateReturning => {
            let returning = format!("{update} RETURNING [id]");
            database.integers(&returning, &to_update).map(drop)
        }
    }
}
