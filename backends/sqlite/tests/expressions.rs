//! The expression language on a real database, without a session.

use selfsame::engine::Connected;
use selfsame::metadata::Metadata;
use selfsame::sql::{
    alias, avg, case, cast, coalesce, count, count_all, count_distinct, delete_from, exists,
    insert_into, lower, max, min, on, select, sum, update, verbatim,
};
use selfsame::value::{Auto, ColumnValue, Param, ValueRef, ValueType};
use selfsame::{DbEnum, Engine, Entity, ErrorKind, Result, metadata};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "or\"der users", index(age))]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique, length = 50)]
    name: String,
    age: Option<i32>,
    email: Email,
    status: Status,
    active: bool,
    #[orm(references = "teams.id")]
    team_id: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "teams")]
struct Team {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(column = "grüße 'an' \"alle\" ? $1")]
    title: String,
    #[orm(references = "or\"der users.id")]
    leader_id: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, DbEnum)]
enum Status {
    Active,
    Gone,
}

#[derive(Clone, Debug, PartialEq)]
struct Email(String);

impl ColumnValue for Email {
    type Base = String;
    const TYPE: ValueType = ValueType::Text;

    fn to_param(&self) -> Param<'_> {
        self.0.to_param()
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        String::from_value(value).map(Email)
    }
}

/// Two tables that refer to each other, and three users: ann, 30, in a team; bob, 17; and cy, without an age, deleted.
fn database() -> Result<(Engine, Metadata)> {
    fixture(Engine::new(Sqlite::memory()))
}

fn fixture(engine: Engine) -> Result<(Engine, Metadata)> {
    let metadata = metadata![User, Team];
    metadata.create_all(&engine)?;
    let mut connection = engine.connect()?;
    connection.write(
        &insert_into(Team::table())
            .columns((Team::TITLE,))
            .values(("red",)),
    )?;
    let users = insert_into(User::table())
        .columns((
            User::NAME,
            User::AGE,
            User::EMAIL,
            User::STATUS,
            User::ACTIVE,
            User::TEAM_ID,
        ))
        .values(("ann", 30, "ann@x", Status::Active, true, 1))
        .values((
            "bob",
            17,
            verbatim(Email("bob@x".into())),
            Status::Active,
            false,
            None,
        ))
        .values(("cy_%", None, "cy@x", Status::Gone, true, None));
    assert_eq!(connection.write(&users)?, 3);
    drop(connection);
    Ok((engine, metadata))
}

/// The names of the users for whom a condition is true, ordered by key.
fn check(
    connection: &mut Connected,
    condition: impl selfsame::sql::Expression<Type = bool>,
    names: &[&str],
) -> Result<()> {
    let query = select(User::NAME)
        .from(User::table())
        .filter(condition)
        .order_by(User::ID.asc());
    assert_eq!(connection.all(&query)?, names, "{query:?}");
    Ok(())
}

#[test]
fn conditions_choose_rows() -> Result<()> {
    let (engine, _) = database()?;
    let connection = &mut engine.connect()?;
    check(connection, User::NAME.eq("ann"), &["ann"])?;
    check(connection, User::AGE.eq(None), &[])?;
    check(connection, User::AGE.eq_null_safe(None), &["cy_%"])?;
    check(connection, User::AGE.ne_null_safe(17), &["ann", "cy_%"])?;
    check(
        connection,
        User::AGE.is_not_null().and(User::AGE.lt(18)),
        &["bob"],
    )?;
    check(
        connection,
        User::AGE.between(17, 30) & !User::ACTIVE,
        &["bob"],
    )?;
    check(
        connection,
        User::STATUS.eq(Status::Gone) | User::NAME.eq("bob"),
        &["bob", "cy_%"],
    )?;
    check(
        connection,
        User::EMAIL.eq(verbatim(Email("bob@x".into()))),
        &["bob"],
    )?;
    check(
        connection,
        User::NAME.in_(["ann", "bob", "x"]),
        &["ann", "bob"],
    )?;
    check(connection, User::NAME.in_([""; 0]), &[])?;
    check(
        connection,
        User::NAME.not_in([""; 0]),
        &["ann", "bob", "cy_%"],
    )?;
    check(connection, User::AGE.not_in([17]), &["ann"])?;
    check(connection, User::AGE.not_in([Some(17), None]), &[])?;
    check(connection, User::AGE.in_([Some(17), None]), &["bob"])?;
    check(
        connection,
        User::ID.in_(1..100_000),
        &["ann", "bob", "cy_%"],
    )?;
    check(connection, User::NAME.like("%y\\_\\%"), &["cy_%"])?;
    check(connection, User::NAME.starts_with("cy_"), &["cy_%"])?;
    check(connection, User::NAME.starts_with("b_"), &[])?;
    check(connection, User::NAME.ends_with("_%"), &["cy_%"])?;
    check(
        connection,
        User::NAME.ends_with(""),
        &["ann", "bob", "cy_%"],
    )?;
    check(connection, User::NAME.contains("N"), &[])?;
    check(connection, User::NAME.contains("n"), &["ann"])?;
    check(connection, (User::AGE + 1).gt(30), &["ann"])?;
    check(connection, ((User::AGE - 1) / 2 % 5).eq(3), &["bob"])?;
    check(
        connection,
        lower(User::NAME.concat("X")).eq("annx"),
        &["ann"],
    )?;
    check(connection, coalesce(User::AGE, 0).lt(18), &["bob", "cy_%"])?;
    check(connection, cast::<String, _>(User::AGE).eq("17"), &["bob"])?;
    let size = case(User::AGE.lt(18), "small")
        .when(User::AGE.is_null(), "none")
        .otherwise("big");
    check(connection, size.eq("none"), &["cy_%"])
}

#[test]
fn long_lists_travel_as_one_parameter_or_are_refused() -> Result<()> {
    let (engine, _) = database()?;
    let mut connection = engine.connect()?;
    let names = (0..40_000).map(|n| n.to_string()).chain(["ann".to_owned()]);
    let query = select(User::NAME)
        .from(User::table())
        .filter(User::NAME.in_(names));
    assert_eq!(connection.all(&query)?, ["ann"]);
    let ages = (0..40_000).map(f64::from);
    let query = select(User::NAME)
        .from(User::table())
        .filter(cast::<f64, _>(User::AGE).in_(ages));
    let error = connection.all(&query).expect_err("has too many parameters");
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    Ok(())
}

#[test]
fn rows_are_typed() -> Result<()> {
    let (engine, _) = database()?;
    let mut connection = engine.connect()?;
    let query = select((User::NAME, User::AGE, User::STATUS, User::EMAIL))
        .from(User::table())
        .order_by(User::AGE.desc().nulls_first());
    let rows = connection.all(&query)?;
    assert_eq!(
        rows[0],
        ("cy_%".into(), None, Status::Gone, Email("cy@x".into()))
    );
    assert_eq!(rows[2].1, Some(17));
    assert_eq!(
        connection.first(&query)?.map(|row| row.0),
        Some("cy_%".into())
    );
    assert_eq!(connection.first(&query.clone().offset(3))?, None);
    let error = connection.one(&query).expect_err("three rows");
    assert_eq!(error.kind(), ErrorKind::MultipleRows);
    let error = connection
        .one(&query.clone().limit(0))
        .expect_err("no rows");
    assert_eq!(error.kind(), ErrorKind::NoRow);
    assert_eq!(connection.one(&query.limit(1))?.2, Status::Gone);
    let totals = select((
        count_all(),
        count(User::AGE),
        count_distinct(User::STATUS),
        sum(User::AGE),
        avg(User::AGE),
        min(User::NAME),
        max(User::AGE),
    ))
    .from(User::table());
    let name = Some("ann".to_owned());
    assert_eq!(
        connection.one(&totals)?,
        (3, 2, 2, Some(47), Some(23.5), name, Some(30))
    );
    let none = totals.filter(User::ID.eq(0));
    assert_eq!(connection.one(&none)?, (0, 0, 0, None, None, None, None));
    let groups = select((User::STATUS, count_all()))
        .from(User::table())
        .group_by(User::STATUS)
        .having(count_all().gt(1));
    assert_eq!(connection.all(&groups)?, [(Status::Active, 2)]);
    let mut seen = 0;
    let names = select(User::NAME).from(User::table()).distinct();
    let stopped = connection.for_each(&names, |_| {
        seen += 1;
        Err(selfsame::Error::new(ErrorKind::Validation, "enough"))
    });
    assert_eq!(
        (stopped.expect_err("stops").kind(), seen),
        (ErrorKind::Validation, 1)
    );
    Ok(())
}

#[test]
fn several_tables() -> Result<()> {
    let (engine, _) = database()?;
    let mut connection = engine.connect()?;
    let both = select((User::NAME, Team::TITLE))
        .from(User::table())
        .join(Team::table(), on(User::TEAM_ID, Team::ID));
    assert_eq!(connection.all(&both)?, [("ann".into(), "red".into())]);
    let teams = select((User::NAME, cast::<Option<String>, _>(Team::TITLE)))
        .from(User::table())
        .left_join(Team::table(), on(User::TEAM_ID, Team::ID))
        .filter(User::ID.ge(2))
        .order_by(User::ID.desc());
    assert_eq!(
        connection.all(&teams)?,
        [("cy_%".into(), None), ("bob".into(), None)]
    );
    let older = alias::<User>("older");
    let pairs = select((User::NAME, older.column(User::NAME)))
        .from(User::table())
        .join(&older, on(older.column(User::AGE), User::AGE + 13));
    assert_eq!(connection.all(&pairs)?, [("bob".into(), "ann".into())]);
    let connection = &mut connection;
    let with_team = select(Team::ID).from(Team::table());
    check(connection, User::TEAM_ID.in_(with_team.clone()), &["ann"])?;
    let matching = with_team.filter(on(Team::ID, User::TEAM_ID));
    check(connection, !exists(matching), &["bob", "cy_%"])?;
    let oldest = select(max(older.column(User::AGE))).from(&older);
    check(connection, User::AGE.eq(oldest), &["ann"])
}

#[test]
fn rows_of_several_queries() -> Result<()> {
    let (engine, _) = database()?;
    let mut connection = engine.connect()?;
    let names = select(User::NAME).from(User::table());
    let titles = select(Team::TITLE).from(Team::table());
    let all = names.clone().union(titles.clone()).union(titles.clone());
    let sorted = all.clone().order_by_descending(1);
    assert_eq!(connection.all(&sorted)?, ["red", "cy_%", "bob", "ann"]);
    assert_eq!(connection.first(&sorted)?, Some("red".into()));
    let bounded = names
        .clone()
        .order_by(User::AGE.desc().nulls_last())
        .limit(1);
    let ann_and_teams = bounded.union_all(titles.clone()).order_by(1);
    assert_eq!(connection.all(&ann_and_teams)?, ["ann", "red"]);
    // INTERSECT does not bind more tightly than the operator before it.
    let mixed = titles
        .clone()
        .union(names.clone())
        .intersect(names.clone())
        .order_by(1);
    assert_eq!(connection.all(&mixed)?, ["ann", "bob", "cy_%"]);
    assert_eq!(connection.all(&all.except(names).limit(5))?, ["red"]);
    Ok(())
}

#[test]
fn writes_tell_how_many_rows() -> Result<()> {
    let (engine, metadata) = database()?;
    let mut connection = engine.connect()?;
    let older = update(User::table())
        .set(User::AGE, User::AGE + 1)
        .filter(User::AGE.lt(18));
    assert_eq!(connection.write(&older)?, 1);
    check(&mut connection, User::AGE.eq(18), &["bob"])?;
    let count_teams = select(count_all()).from(Team::table());
    let all = update(User::table())
        .set(User::TEAM_ID, count_teams)
        .set(User::NAME, User::NAME.concat("!"));
    assert_eq!(connection.write(&all)?, 3);
    check(
        &mut connection,
        User::TEAM_ID.eq(1),
        &["ann!", "bob!", "cy_%!"],
    )?;
    let gone = delete_from(User::table()).filter(User::STATUS.eq(Status::Gone));
    assert_eq!((connection.write(&gone)?, connection.write(&gone)?), (1, 0));
    let teams = (0..40_000).map(|n| (format!("team {n}"), None));
    let many = insert_into(Team::table())
        .columns((Team::TITLE, Team::LEADER_ID))
        .rows(teams);
    assert_eq!(connection.write(&many)?, 40_000);
    // The last row of several statements is refused: none of the rows stays.
    let users = (0..40_000).map(|n| (format!("u{}", n.min(39_998)), "", Status::Active, true));
    let twice = insert_into(User::table())
        .columns((User::NAME, User::EMAIL, User::STATUS, User::ACTIVE))
        .rows(users);
    let error = connection.write(&twice).expect_err("a name stands twice");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    let count = select(count_all()).from(User::table());
    assert_eq!(connection.one(&count)?, 2);
    drop(connection);
    metadata.drop_all(&engine)?;
    metadata.drop_all(&engine)?;
    metadata.create_all(&engine)?;
    metadata.create_all(&engine)?;
    assert_eq!(engine.connect()?.one(&count)?, 0);
    Ok(())
}
