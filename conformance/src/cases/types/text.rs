//! Text, bytes and documents: empty values, length, unusual characters.

use selfsame::ErrorKind;
use selfsame::backend::Statement;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};

use super::{keeps, refuses};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text, value_table};
use crate::domain::came_back;

pub(super) const CASES: &[Case] = &[
    Case::core("types.text.empty", empty)
        .promise("An empty text is not NULL, when read and in IS NULL; otherwise a required field would appear absent.")
        .hint("Engines like Oracle must declare this limit.")
        .covers(&[Contract(6)]),
    Case::core("types.text.trailing_spaces", |c| keeps_text(c, "two spaces  "))
        .promise("Trailing spaces of a text are preserved; otherwise a value would change by being saved.")
        .hint("Do not map text to a fixed-length CHAR type.")
        .covers(&[Contract(10)]),
    Case::core("types.text.unicode", unicode)
    .promise("Text is read back byte for byte: no normalization, no lost characters outside the Basic Multilingual Plane.")
    .hint("The connection's encoding must be UTF-8 with four bytes.")
    .covers(&[Contract(7)]),
    Case::core("types.text.quotes", |c| {
        keeps_text(c, "'; DROP TABLE t; -- \" \\ \\' %_ ` \r\n\t $1 ? :a \\n \\t \\0 \\x41 \\u0041 %s %% {} &amp; \\")
    })
    .promise("Quotes, backslashes, wildcards and line endings are ordinary text, because parameters are never pasted into SQL.")
    .hint("Send parameters as parameters.")
    .covers(&[Contract(8)]),
    Case::core("types.text.long", long)
        .promise("A text of more than a megabyte is read back complete.")
        .hint("Map text without a declared length to the database's unlimited type.")
        .covers(&[Contract(9)]),
    Case::full("types.text.length_in_characters", length)
        .promise("A text of exactly the declared number of characters fits, however many bytes it has.")
        .hint("Declare lengths in characters.")
        .covers(&[Contract(7), Contract(9)]),
    Case::extra("types.text.nul", |c| keeps_text(c, "before\0after"))
        .needs(&[Capability::NulInText])
        .refusal(|c| {
            let value = Value::Text("before\0after".to_owned());
            refuses(c, Capability::NulInText, ValueType::Text, value)
        })
        .promise("NUL in a text is stored where claimed and refused where not; the text is never cut off there.")
        .hint("Bind text with its length, not as a C string.")
        .covers(&[Contract(11), Contract(22)]),
    Case::core("types.bytes.large", |c| {
        keeps(c, ValueType::Bytes, Value::Bytes((0..=255).cycle().take((1 << 20) + 257).collect()))
    })
    .promise("More than a megabyte of bytes is read back complete.")
    .hint("Look for a limit of the driver at 64 KiB.")
    .covers(&[Contract(12)]),
    Case::core("types.json.null", json_null)
        .promise("The JSON document `null` is a value; SQL's NULL is its absence, and the two stay distinct.")
        .hint("Bind the text of the document, and NULL only for an absent value.")
        .covers(&[Contract(18)]),
    Case::core("types.json.deep", |c| {
        let nested = |levels: usize| {
            let text = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            Value::Json(text)
        };
        let most = c.backend().dialect().max_json_depth();
        keeps(c, ValueType::Json, nested(most.unwrap_or(60).min(60)))?;
        match most {
            Some(most) => refuses_depth(c, nested(most + 1)),
            None => Ok(()),
        }
    })
    .promise("A deeply nested document is read back complete.")
    .hint("Do not decode documents in between.")
    .covers(&[Contract(19)]),
    Case::core("types.text.side_by_side", side_by_side)
        .since(20)
        .promise("Long texts and byte strings of equal length in one row each keep their own content when written, rewritten, and read together.")
        .hint("Do not share a buffer between long values.")
        .covers(&[Contract(9), Contract(12)]),
];

/// Two texts and two byte strings in a row, of the same length; the next row has them in the opposite order.
fn side_by_side(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let types = [
        ValueType::Text,
        ValueType::Text,
        ValueType::Bytes,
        ValueType::Bytes,
    ];
    let names = ["a", "b", "c", "d"];
    let mut table = Table::build("t").column(Column::new("id", ColumnType::I64));
    for (name, ty) in names.into_iter().zip(types) {
        table = table.column(Column::new(name, ColumnType::of(ty)).nullable());
    }
    database.create(&table.primary_key(["id"]))?;
    let row = |length: usize, first: u8| -> Vec<Typed> {
        let of = |(ty, place)| {
            let content = vec![first + place; length];
            let value = match ty {
                ValueType::Text => Value::Text(String::from_utf8_lossy(&content).into_owned()),
                _ => Value::Bytes(content),
            };
            Typed::new(ty, value)
        };
        types.into_iter().zip(0_u8..).map(of).collect()
    };
    for length in [1, 255, 5_000, 70_000] {
        database.execute("DELETE FROM [t]", &[])?;
        let insert =
            "INSERT INTO [t] ([id], [a], [b], [c], [d]) VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)";
        let (one, other) = (row(length, b'a'), row(length, b'k'));
        let both = [vec![int(1)], one.clone(), vec![int(2)], other.clone()].concat();
        database.execute(insert, &both)?;
        let again = row(length, b'A');
        let update = "UPDATE [t] SET [a] = ?, [b] = ?, [c] = ?, [d] = ? WHERE [id] = ?";
        for written in [one, again] {
            let select = "SELECT [a], [b], [c], [d] FROM [t] ORDER BY [id]";
            let found = database.rows(select, &[], &types)?;
            let values = |row: &[Typed]| row.iter().map(|typed| typed.value.clone()).collect();
            let wanted: Vec<Vec<Value>> = vec![values(&written), values(&other)];
            check!(
                found == wanted,
                "values of {length} bytes side by side must each keep their content"
            );
            let changed = [row(length, b'A'), vec![int(1)]].concat();
            database.execute(update, &changed)?;
        }
    }
    Ok(())
}

/// Checks that a document that is nested too deeply is refused, and never stored.
fn refuses_depth(context: &Context, document: Value) -> CaseResult {
    let kept = Database::open(context)?.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(2), Typed::new(ValueType::Json, document)],
    );
    check!(
        matches!(&kept, Err(error) if error.kind() == ErrorKind::OutOfRange),
        "a document deeper than claimed must be out of range, returned {kept:?}"
    );
    Ok(())
}

fn keeps_text(context: &Context, value: &str) -> CaseResult {
    keeps(context, ValueType::Text, Value::Text(value.to_owned()))
}

/// Every character of Unicode except NUL, in texts of thousands.
fn unicode(context: &mut Context) -> CaseResult {
    keeps_text(context, "é e\u{301} ß ﬃ \u{200d} \u{feff} 😀 🏳️‍🌈 \u{10ffff}")?;
    let characters: Vec<char> = ('\u{1}'..=char::MAX).collect();
    let texts: Vec<String> = characters.chunks(16_384).map(String::from_iter).collect();
    let mut database = Database::open(context)?;
    database.create(&value_table("every", ColumnType::Text { length: None }))?;
    let insert = "INSERT INTO [every] ([id], [v]) VALUES (?, ?)";
    let rows = texts.iter().zip(1..);
    let rows: Vec<Vec<Typed>> = rows.map(|(chunk, id)| vec![int(id), text(chunk)]).collect();
    database.execute_each(insert, &[ValueType::I64, ValueType::Text], &rows)?;
    let select = "SELECT [v] FROM [every] ORDER BY [id]";
    let found = database.column(select, &[], ValueType::Text)?;
    check_eq!(found.len(), texts.len(), "every row must be there");
    for (found, stored) in found.iter().zip(&texts) {
        let found = match found {
            Value::Text(found) => found.as_str(),
            _ => "",
        };
        let mut pairs = found.chars().zip(stored.chars());
        let differs = pairs.find(|(found, stored)| found != stored);
        check!(
            found == stored,
            "each character must be read back, the first that differs and what it was: {differs:?}"
        );
    }
    Ok(())
}

/// A long text, read as a value and by `Row::text`.
fn long(context: &mut Context) -> CaseResult {
    let long = "ab é😀".repeat(200_000);
    keeps_text(context, &long)?;
    let mut database = Database::open(context)?;
    let sql = database.sql("SELECT [v] FROM [t]", &[], &[ValueType::Text]);
    let mut lengths = Vec::new();
    database
        .connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            let found = row.text(0)?.unwrap_or_default();
            lengths.push((found.len(), found == long));
            Ok(())
        })?;
    check_eq!(
        lengths,
        [(long.len(), true)],
        "the bytes of a long text that is asked for as a text, and whether they are the same"
    );
    Ok(())
}

fn empty(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    for (id, value) in [(1, text("")), (2, null(ValueType::Text))] {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), value],
        )?;
    }
    let found = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ValueType::Text)?;
    check_eq!(
        found,
        [Value::Text(String::new()), Value::Null],
        "an empty text and NULL must stay distinct"
    );
    let found = database.integers("SELECT [id] FROM [t] WHERE [v] IS NULL", &[])?;
    check_eq!(found, [2], "IS NULL must not find an empty text");
    Ok(())
}

fn length(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: Some(5) }))?;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), text("ééé😀😀")],
    )?;
    let found = database.column("SELECT [v] FROM [t]", &[], ValueType::Text)?;
    check_eq!(
        found,
        [Value::Text("ééé😀😀".to_owned())],
        "five characters must fit"
    );
    Ok(())
}

fn json_null(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Json))?;
    let document = Value::Json("null".to_owned());
    let written = Typed::new(ValueType::Json, document.clone());
    for (id, value) in [(1, written), (2, null(ValueType::Json))] {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), value],
        )?;
    }
    let found = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ValueType::Json)?;
    let are_distinct = match &found[..] {
        [null, Value::Null] => came_back(null, &document, &capabilities),
        _ => false,
    };
    check!(
        are_distinct,
        "the document null and NULL must stay distinct, were read back as {found:?}"
    );
    Ok(())
}
