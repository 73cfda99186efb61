//! Values in several forms: texts that look like numbers, times written by statements, decimals with zeros at the end.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::query::Query;
use selfsame::schema::ColumnType;
use selfsame::sql::{coalesce, count_all, count_distinct, nullif};
use selfsame::value::{Decimal, Timestamp, Value, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("types.text.like_numbers", like_numbers)
        .since(21)
        .promise("A text that looks like a number stays the text it was: `007`, `1e3` and ` 5` are written, changed, compared and read as text.")
        .hint("A database that converts by declared type needs a text type for text columns.")
        .covers(&[Contract(7), Contract(22)]),
    Case::core("types.text.chosen", chosen)
        .since(21)
        .promise("COALESCE and CASE in an UPDATE store the text that they choose, also one that looks like a number.")
        .hint("Declare parameters as text where the column is text.")
        .covers(&[Contract(7), Rule(10)]),
    Case::core("types.decimal.zeros", zeros)
        .since(21)
        .needs(&[Capability::ExactDecimals])
        .promise("A decimal with zeros at the end fits its column if its value does, equals the value without them, and is not a change.")
        .hint("Compare decimals as numbers.")
        .covers(&[Contract(4), Rule(7)]),
    Case::core("types.time.forms", forms)
        .since(21)
        .promise("Equal times that statements wrote with and without fractional zeros are equal when filtered, grouped, paged and compared, or refused when they are written or read.")
        .hint("A database that stores times as text needs `Dialect::equal_forms` and `Dialect::canonical_form`.")
        .covers(&[Contract(15), Contract(30)]),
];

const TEXTS: [&str; 20] = [
    "007",
    "7",
    "-7",
    "+7",
    "1e3",
    "1E3",
    "1.50",
    "1.0",
    ".5",
    "5.",
    " 5",
    "5 ",
    "-0",
    "0x10",
    "1_000",
    "1,5",
    "NaN",
    "Infinity",
    "12345678901234567890",
    "2024-02-29",
];

fn texts() -> Vec<Typed> {
    let typed = |text: &&str| Typed::new(ValueType::Text, Value::Text((*text).to_owned()));
    TEXTS.iter().map(typed).collect()
}

fn like_numbers(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    let wanted: Vec<Value> = texts().into_iter().map(|typed| typed.value).collect();
    let rows: Vec<Vec<Typed>> = texts()
        .into_iter()
        .zip(1..)
        .map(|(text, id)| vec![int(id), text])
        .collect();
    let insert = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    let all = "SELECT [v] FROM [t] ORDER BY [id]";
    database.execute_each(insert, &[ValueType::I64, ValueType::Text], &rows)?;
    let found = database.column(all, &[], ValueType::Text)?;
    check_eq!(found, wanted, "texts that were inserted in a batch");
    for (text, id) in texts().into_iter().zip(1..) {
        database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(id)])?;
        database.execute(insert, &[int(id), text])?;
    }
    let found = database.column(all, &[], ValueType::Text)?;
    check_eq!(found, wanted, "texts that were inserted one by one");
    for (text, id) in texts().into_iter().zip(1..) {
        let key = database.integers(
            "SELECT [id] FROM [t] WHERE [v] = ?",
            std::slice::from_ref(&text),
        )?;
        check_eq!(
            key,
            [id],
            "`=` must find {} alone",
            crate::check::shown(&text.value)
        );
        let swapped = Typed::new(ValueType::Text, Value::Text("x".into()));
        database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[swapped, int(id)])?;
        database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[text, int(id)])?;
    }
    let found = database.column(all, &[], ValueType::Text)?;
    check_eq!(found, wanted, "texts that were set by UPDATE");
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
struct Label {
    #[orm(primary_key)]
    id: i64,
    text: Option<String>,
}

fn chosen(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Label])?;
    let mut session = world.session();
    session.add(Label::new(1));
    session.commit()?;
    for text in TEXTS {
        for way in 0..2 {
            let all = Label::query().update();
            let update = match way {
                0 => all.set(
                    Label::TEXT,
                    coalesce(nullif(Label::TEXT, Label::TEXT), text),
                ),
                _ => {
                    let case = selfsame::sql::case(Label::ID.eq(1), text);
                    all.set(Label::TEXT, case.otherwise(Label::TEXT))
                }
            };
            update.execute(&mut session)?;
            session.commit()?;
            let found: Option<String> = Label::query().select(Label::TEXT).one(&mut session)?;
            check_eq!(found.as_deref(), Some(text), "the chosen text");
        }
    }
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "amounts")]
struct Amount {
    #[orm(primary_key)]
    id: i64,
    #[orm(precision = (8, 2))]
    amount: Decimal,
}

fn zeros(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Amount])?;
    let mut session = world.session();
    // The product of two amounts has the digits of both.
    let product = Decimal::new(30_000, 4);
    let added = session.add(Amount::new(1, product));
    session.commit()?;
    let found: Decimal = Amount::query().select(Amount::AMOUNT).one(&mut session)?;
    check_eq!(found, Decimal::new(3, 0), "the value without zeros");
    let equal = Amount::query().filter(Amount::AMOUNT.eq(Decimal::new(3_000_000, 6)));
    check_eq!(equal.count(&mut session)?, 1, "`=` with more zeros");
    session.refresh(added)?;
    session[added].amount = Decimal::new(30, 1);
    check!(
        !session.is_modified(added)?,
        "3.0 must not be a change of 3.0000"
    );
    session.commit()?;
    session.refresh(added)?;
    session[added].amount = Decimal::new(3001, 3);
    let refused = session.commit();
    let kind = refused.as_ref().err().map(Error::kind);
    check_eq!(
        kind,
        Some(ErrorKind::OutOfRange),
        "3.001 must not be rounded to two digits"
    );
    session.rollback()?;
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stamps")]
struct Stamp {
    #[orm(primary_key)]
    id: i64,
    made: Timestamp,
}

/// Two times in five forms.
const STAMPS: &str = "INSERT INTO stamps (id, made) VALUES \
    (1, '2024-02-29 12:30:00'), (2, '2024-02-29 12:30:00.000000'), (3, '2024-02-29 12:30:00.12'), \
    (4, '2024-02-29 12:30:00.120000'), (5, '2024-02-29 12:30:00.000')";

fn forms(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Stamp])?;
    let mut session = world.session();
    let refused = [
        ErrorKind::Conversion,
        ErrorKind::OutOfRange,
        ErrorKind::InvalidStatement,
    ];
    match session.sql(STAMPS, ()).execute() {
        Ok(_) => session.commit()?,
        Err(error) if refused.contains(&error.kind()) => {
            context.note("times in another form are refused when they are written");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    match Stamp::query().all(&mut session) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Conversion => {
            context.note(
                "times that a statement wrote in another form are refused when they are read",
            );
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let time = |micros: i64| -> CaseResult<Timestamp> {
        let text = "2024-02-29 12:30:00".parse::<Timestamp>()?;
        Ok(Timestamp(text.0 + micros))
    };
    let (whole, later) = (time(0)?, time(120_000)?);
    let all = Stamp::query;
    let mut count = |query: Query<Stamp>| query.count(&mut session);
    check_eq!(count(all().filter(Stamp::MADE.eq(whole)))?, 3, "`=`");
    check_eq!(count(all().filter(Stamp::MADE.ne(whole)))?, 2, "`<>`");
    check_eq!(count(all().filter(Stamp::MADE.in_([later])))?, 2, "IN");
    check_eq!(count(all().filter(Stamp::MADE.gt(whole)))?, 2, "`>`");
    check_eq!(count(all().filter(Stamp::MADE.ge(later)))?, 2, "`>=`");
    check_eq!(count(all().filter(Stamp::MADE.lt(later)))?, 3, "`<`");
    check_eq!(
        count(all().filter(Stamp::MADE.between(whole, whole)))?,
        3,
        "BETWEEN"
    );
    check_eq!(
        count(all().filter(nullif(Stamp::MADE, whole).is_null()))?,
        3,
        "NULLIF"
    );
    let mut groups = all()
        .select((Stamp::MADE, count_all()))
        .group_by(Stamp::MADE)
        .all(&mut session)?;
    groups.sort_unstable();
    check_eq!(groups, [(whole, 3), (later, 2)], "GROUP BY");
    let distinct = all()
        .select(count_distinct(Stamp::MADE))
        .one(&mut session)?;
    check_eq!(distinct, 2, "COUNT DISTINCT");
    let (mut ids, mut last) = (Vec::new(), None);
    loop {
        let mut page = all()
            .order_by(Stamp::MADE.asc())
            .order_by(Stamp::ID.asc())
            .limit(1);
        if let Some(last) = last {
            page = page.after(last);
        }
        let rows = page.rows(&mut session)?;
        let Some(row) = rows.first() else { break };
        last = Some((row.made, row.id));
        ids.push(row.id);
    }
    check_eq!(ids, [1, 2, 5, 3, 4], "the rows page by page");
    Ok(())
}
