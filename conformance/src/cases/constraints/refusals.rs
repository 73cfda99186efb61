//! After a refused statement: the connection, the text of the error, deferred constraints.

use selfsame::ErrorKind;
use selfsame::schema::ColumnType;
use selfsame::value::ValueType;

use super::{INSERT, coded, refused, with_people};
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, null, text, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("constraints.connection.usable", usable)
        .promise("A connection keeps working after an error outside a transaction; otherwise one bad row would end a session.")
        .hint("Reset the failed statement before the next one.")
        .covers(&[Contract(58)]),
    Case::core("constraints.connection.in_transaction", in_transaction)
        .needs(&[Capability::Transactions])
        .promise("After an error inside a transaction, a rollback makes the connection usable again.")
        .hint("ROLLBACK must be sent even if the database has already rolled back.")
        .covers(&[Contract(58), Rule(18)]),
    Case::core("constraints.error.no_values", no_values)
        .promise("An error never contains a parameter's value, not even in its source: values may be secrets of the program's users.")
        .hint("Drop the database's detail, and the driver's error if it holds one.")
        .covers(&[Contract(57)]),
    Case::core("constraints.error.statement", invalid_statement)
        .promise("Syntax errors and missing tables are reported as different kinds from refused rows.")
        .hint("Classify the database's codes.")
        .covers(&[Contract(57), Contract(58)]),
    Case::full("constraints.error.causes", causes)
        .since(21)
        .promise("A statement that can never run is an invalid statement, and one of a missing table says so, whatever the database's own code for the cause.")
        .hint("Some databases have one code for many causes, and others many codes for one: classify by the cause.")
        .covers(&[Contract(58)]),
    Case::full("constraints.error.nul", nul)
        .since(21)
        .promise("A statement whose text contains a NUL character is refused: it never ends there, which would leave out its condition.")
        .hint("C interfaces read a text up to its first NUL: look for one before sending it.")
        .covers(&[Contract(11)]),
    Case::core("constraints.error.unicode", unicode)
        .promise("Errors about names with quotes or non-Latin characters are complete and readable.")
        .hint("Decode the database's message as UTF-8, and replace invalid bytes.")
        .covers(&[Contract(57)]),
];

fn usable(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    for _ in 0..3 {
        let result = database.execute(INSERT, &[int(1), text("x"), null(ValueType::Text)]);
        refused(result, ErrorKind::UniqueViolation, "an existing key")?;
        let counted = database.count("people");
        check!(
            matches!(counted, Ok(1)),
            "the connection must answer after an error, returned {counted:?}"
        );
    }
    let result = database.execute(INSERT, &[int(2), text("bob"), null(ValueType::Text)]);
    check!(
        result.is_ok(),
        "the same statement must work with good values, returned {result:?}"
    );
    check!(
        database.connection.is_open(),
        "the connection must report that it is open"
    );
    Ok(())
}

fn in_transaction(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    database.begin_write()?;
    database.execute(INSERT, &[int(2), text("bob"), null(ValueType::Text)])?;
    let result = database.execute(INSERT, &[int(1), text("x"), null(ValueType::Text)]);
    refused(result, ErrorKind::UniqueViolation, "an existing key")?;
    let result = database.rollback();
    check!(
        result.is_ok(),
        "ROLLBACK must work after an error, returned {result:?}"
    );
    let counted = database.count("people");
    check!(
        matches!(counted, Ok(1)),
        "after the rollback the connection must answer, without the rows of the transaction; gave {counted:?}"
    );
    Ok(())
}

fn no_values(context: &mut Context) -> CaseResult {
    const SECRET: &str = "hunter2-4711";
    let mut database = with_people(context)?;
    database.execute(INSERT, &[int(2), text("bob"), text(SECRET)])?;
    let unique = database.execute(INSERT, &[int(3), text(SECRET), text(SECRET)]);
    let missing = database.execute(INSERT, &[int(3), null(ValueType::Text), text(SECRET)]);
    for (result, kind) in [
        (unique, ErrorKind::UniqueViolation),
        (missing, ErrorKind::NotNullViolation),
    ] {
        let error = refused(result, kind, "a bad row")?;
        let mut shown = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.push_str(&format!(" {inner} {inner:?}"));
            cause = inner.source();
        }
        check!(
            !shown.contains(SECRET),
            "an error of kind {kind:?} shows a parameter's value"
        );
    }
    Ok(())
}

fn invalid_statement(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    let result = database.execute("UPDATE SET nonsense", &[]);
    refused(
        result,
        ErrorKind::InvalidStatement,
        "a statement that is not SQL",
    )?;
    let result = database.rows("SELECT [nothing] FROM [people]", &[], &[ValueType::I64]);
    refused(
        result,
        ErrorKind::InvalidStatement,
        "a column that does not exist",
    )?;
    let result = database.rows("SELECT [id] FROM [no_such_table]", &[], &[ValueType::I64]);
    refused(
        result,
        ErrorKind::NoSuchTable,
        "a table that does not exist",
    )?;
    check_eq!(
        database.count("people")?,
        1,
        "the connection must stay usable"
    );
    Ok(())
}

fn causes(context: &mut Context) -> CaseResult {
    let claims = context.capabilities();
    let mut database = with_people(context)?;
    for (what, text) in [
        (
            "more values than columns",
            "INSERT INTO [people] ([id]) VALUES (1, 2)",
        ),
        (
            "an unknown column in an INSERT",
            "INSERT INTO [people] ([nothing]) VALUES (1)",
        ),
        (
            "an unknown column in an UPDATE",
            "UPDATE [people] SET [nothing] = 1",
        ),
        (
            "an ambiguous column",
            "SELECT [id] FROM [people] [a], [people] [b]",
        ),
        ("an unknown function", "SELECT no_such_function(1)"),
        (
            "an aggregate in a WHERE clause",
            "SELECT [id] FROM [people] WHERE count(*) > 1",
        ),
        (
            "a UNION of one column and of two",
            "SELECT [id] FROM [people] UNION SELECT [id], [id] FROM [people]",
        ),
    ] {
        let result = database.rows(text, &[], &[ValueType::I64]);
        let error = refused(result, ErrorKind::InvalidStatement, what)?;
        coded(&claims, &error, what)?;
    }
    for (what, text) in [
        (
            "an INSERT into a missing table",
            "INSERT INTO [no_such_table] ([id]) VALUES (1)",
        ),
        (
            "an UPDATE of a missing table",
            "UPDATE [no_such_table] SET [id] = 1",
        ),
        (
            "a DELETE from a missing table",
            "DELETE FROM [no_such_table]",
        ),
        (
            "a join with a missing table",
            "SELECT [a].[id] FROM [people] [a] JOIN [no_such_table] [b] ON [a].[id] = [b].[id]",
        ),
    ] {
        let result = database.rows(text, &[], &[ValueType::I64]);
        let error = refused(result, ErrorKind::NoSuchTable, what)?;
        coded(&claims, &error, what)?;
    }
    for statement in [
        "INSERT INTO [no_such_table] ([id]) VALUES (?)",
        "UPDATE [no_such_table] SET [id] = ?",
        "DELETE FROM [no_such_table] WHERE [id] = ?",
    ] {
        let rows = [vec![int(1)], vec![int(2)]];
        let result = database.execute_each(statement, &[ValueType::I64], &rows);
        let error = refused(result, ErrorKind::NoSuchTable, statement)?;
        coded(&claims, &error, statement)?;
    }
    if claims.savepoints {
        database.begin_write()?;
        let result = database.rollback_to("no_such_savepoint");
        refused(result, ErrorKind::InvalidStatement, "a missing savepoint")?;
        database.rollback()?;
    }
    Ok(())
}

fn nul(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    for text in [
        "DELETE FROM [people]\0 WHERE [id] = 99",
        "UPDATE [people] SET [id] = 5\0 WHERE [id] = 99",
        "SELECT [id] FROM [people]\0 WHERE [id] = 99",
        "DROP TABLE [people]\0_archive",
    ] {
        let result = database.rows(text, &[], &[ValueType::I64]);
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::InvalidStatement),
            "a statement with a NUL must be refused, returned {result:?}"
        );
        let result = database.execute(text, &[]);
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::InvalidStatement),
            "a statement with a NUL must also be refused if no rows are read, returned {result:?}"
        );
    }
    let left = database.integers("SELECT [id] FROM [people]", &[])?;
    check_eq!(left, [1], "nothing may be done of it");
    Ok(())
}

fn unicode(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let mut table = value_table("größe 日本 \"x\"", ColumnType::I64);
    table.columns[1].nullable = false;
    database.create(&table)?;
    let result = database.execute(
        "INSERT INTO [größe 日本 \"x\"] ([id], [v]) VALUES (?, ?)",
        &[int(1), null(ValueType::I64)],
    );
    let error = refused(
        result,
        ErrorKind::NotNullViolation,
        "NULL in a NOT NULL column",
    )?;
    let shown = error.to_string();
    check!(
        !shown.contains('\u{fffd}'),
        "the error's text must be complete: {shown}"
    );
    Ok(())
}
