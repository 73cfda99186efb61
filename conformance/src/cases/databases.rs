//! Tables declared by other programs, with features that entities usually lack: arrays, enum types, children that the database deletes, keys of
//! another width or in another order.

use selfsame::backend::StatementKind;
use selfsame::metadata::Difference;
use selfsame::prelude::*;
use selfsame::schema::Table;
use selfsame::{ErrorKind, metadata};

use crate::Failure;
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::Database;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("types.array.elements", arrays)
        .since(17)
        .promise("Arrays of numbers, texts, NULLs and arrays are read back element by element, found by `=`, and written when an element changes.")
        .hint("`ColumnType::Array` is sent and read as text: see `Dialect::text_form`.")
        .covers(&[Contract(21), Rule(7)]),
    Case::core("types.enum.own_type", enum_types)
        .since(17)
        .promise("An enum with its own type in the database works as a key, a foreign key and a value; `create_all` and `drop_all` create and drop its type.")
        .hint("See `Dialect::create_enum` and `Dialect::text_form`; without either, labels are text.")
        .covers(&[Contract(20), Rule(6)]),
    Case::core("relations.delete.passive", passive_deletes)
        .since(17)
        .needs(&[Capability::ForeignKeys])
        .promise("With `passive_deletes`, the database deletes or detaches children that are not in memory; they are not loaded.")
        .hint("ON DELETE CASCADE and ON DELETE SET NULL must hold on every connection.")
        .covers(&[Rule(24), Contract(60)]),
    Case::core("relations.keys.widths", widths)
        .since(17)
        .promise("A foreign key of a narrower integer type than its key works in both directions, and a key that does not fit is a conversion error.")
        .hint("Integers of all widths are compared as numbers.")
        .covers(&[Rule(22), Contract(1)]),
    Case::core("identity.key.order", key_order)
        .since(17)
        .promise("The columns of a composite key have the declared order, in the table and in `get`, whatever the order of the fields.")
        .suspects_orm()
        .covers(&[Rule(6)]),
    Case::core("schema.view.read", views)
        .since(19)
        .promise("A view is read like a table, by key, by query and along relations; writes are refused, and `create_all`, `drop_all` and `diff` ignore it.")
        .hint("`Dialect::reflect` returns views as tables of kind `View`.")
        .covers(&[Rule(1), Rule(27), Rule(34), Rule(39), Contract(74)]),
    Case::core("schema.keyless.read", keyless)
        .since(19)
        .promise("A table without a primary key is created, diffed and read row by row, including duplicate rows; loading its rows as objects is refused.")
        .hint("`Dialect::reflect` must return such tables too.")
        .covers(&[Rule(6), Rule(34), Rule(40)]),
    Case::full("schema.names.kept", kept)
        .since(19)
        .promise("`create_all` writes comments of tables and columns, if the database has them, and the declared names of constraints and indexes; `diff` reports differences in them.")
        .hint("See `Dialect::comment` and `Dialect::comment_clause`; `Dialect::reflect` should return the names of constraints.")
        .covers(&[Rule(39), Rule(40), Contract(74)]),
];

fn missing(what: &str) -> Failure {
    Failure::Assertion(what.to_owned())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lists")]
struct Lists {
    #[orm(primary_key)]
    id: i32,
    numbers: Vec<i64>,
    texts: Vec<Option<String>>,
    grid: Option<Vec<Vec<i32>>>,
}

fn arrays(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Lists])?;
    let odd = ["", "a,b", "NULL", "it's \"so\" \\", "{é}", "\n"];
    let mut texts: Vec<Option<String>> = odd.iter().map(|&text| Some(text.to_owned())).collect();
    texts.push(None);
    let lists = [
        Lists::new(1, vec![i64::MIN, 0, i64::MAX], texts.clone()),
        Lists::new(2, Vec::new(), Vec::new()),
        Lists {
            grid: Some(vec![vec![1, 2], vec![3, 4]]),
            ..Lists::new(3, vec![7], vec![None])
        },
    ];
    let mut session = world.session();
    session.add_all(lists.clone());
    session.commit()?;
    session.clear();
    let found = Lists::query().order_by(Lists::ID.asc()).all(&mut session)?;
    for (&found, wanted) in found.iter().zip(&lists) {
        let found = &session[found];
        check_eq!(found.numbers, wanted.numbers, "numbers come back");
        check_eq!(found.texts, wanted.texts, "texts come back");
        check_eq!(found.grid, wanted.grid, "arrays of arrays are read back");
    }
    let equal = Lists::query()
        .filter(Lists::NUMBERS.eq(vec![7]).and(Lists::TEXTS.ne(texts)))
        .all(&mut session)?;
    check_eq!(equal, [found[2]], "an array is found by an equal one");
    session.commit()?;
    world.sent();
    session.get_many::<Lists>([1, 2])?;
    session[found[0]].numbers[1] = 5;
    session[found[1]].numbers = Vec::new();
    session.commit()?;
    let updates = world.texts(StatementKind::Update);
    check_eq!(
        updates.len(),
        1,
        "only what changed is written: {updates:?}"
    );
    session.refresh(found[0])?;
    check_eq!(
        session[found[0]].numbers,
        [i64::MIN, 5, i64::MAX],
        "an element changed"
    );
    Ok(())
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "weather")]
enum Weather {
    Sun,
    #[orm(label = "it's raining")]
    Rain,
    Fog,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "skies")]
struct Sky {
    #[orm(primary_key)]
    weather: Weather,
    #[orm(back_populates = sky)]
    days: HasMany<Day>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "days")]
struct Day {
    #[orm(primary_key)]
    id: i32,
    #[orm(references = "skies.weather")]
    weather: Option<Weather>,
    others: Vec<Weather>,
    #[orm(back_populates = days)]
    sky: BelongsTo<Sky>,
}

fn enum_types(context: &mut Context) -> CaseResult {
    let tables = metadata![Sky, Day];
    let world = World::of(context, &tables)?;
    let mut session = world.session();
    for weather in [Weather::Fog, Weather::Rain, Weather::Sun] {
        session.add(Sky::new(weather));
    }
    for id in 0..4 {
        let weather = Some([Weather::Rain, Weather::Sun][usize::from(id > 2)]);
        session.add(Day {
            weather,
            ..Day::new(id, vec![Weather::Fog; usize::from(id == 1)])
        });
    }
    session.commit()?;
    session.clear();
    let found = session.get_many::<Sky>([Weather::Rain, Weather::Sun])?;
    check_eq!(found.len(), 2, "skies are found by their keys");
    let rain = session.get::<Sky>(Weather::Rain)?;
    let Some(rain) = rain else {
        return Err(missing("the sky of rain must be there"));
    };
    check_eq!(session.load(rain, Sky::DAYS)?.len(), 3, "rainy days");
    session.clear();
    let skies = Sky::query()
        .filter(Sky::WEATHER.in_([Weather::Rain, Weather::Fog]))
        .with(Sky::DAYS.selectin())
        .all(&mut session)?;
    let mut counts = Vec::new();
    for sky in skies {
        let days = session.loaded(sky, Sky::DAYS)?.unwrap_or_default();
        counts.push(days.len());
    }
    counts.sort_unstable();
    check_eq!(counts, [0, 3], "days of rain and of fog");
    let days = Day::query()
        .filter(
            Day::WEATHER
                .ne(Weather::Sun)
                .and(Day::OTHERS.eq(vec![Weather::Fog])),
        )
        .all(&mut session)?;
    check_eq!(days.len(), 1, "a day by its weather and by its others");
    session[days[0]].weather = None;
    session.commit()?;
    check_eq!(
        Day::query()
            .filter(Day::WEATHER.is_null())
            .count(&mut session)?,
        1,
        "no weather"
    );
    drop(session);
    let engine = world.session().engine().clone();
    tables.drop_all(&engine)?;
    tables.create_all(&engine)?;
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
struct Owner {
    #[orm(primary_key)]
    id: i32,
    #[orm(back_populates = owner, cascade = "merge, delete", passive_deletes)]
    owned: HasMany<Owned>,
    #[orm(back_populates = owner, passive_deletes)]
    lent: HasMany<Lent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owned")]
struct Owned {
    #[orm(primary_key)]
    id: i32,
    #[orm(references = "owners.id", on_delete = "cascade")]
    owner_id: i32,
    #[orm(back_populates = owned)]
    owner: BelongsTo<Owner>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lent")]
struct Lent {
    #[orm(primary_key)]
    id: i32,
    #[orm(references = "owners.id", on_delete = "set null")]
    owner_id: Option<i32>,
    #[orm(back_populates = lent)]
    owner: BelongsTo<Owner>,
}

fn passive_deletes(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Owner, Owned, Lent])?;
    let mut session = world.session();
    for id in 1..=2 {
        session.add(Owner {
            owned: [Owned::new(id, id), Owned::new(id + 10, id)].into(),
            lent: [Lent::new(id)].into(),
            ..Owner::new(id)
        });
    }
    session.commit()?;
    session.clear();
    let Some(owner) = session.get::<Owner>(1)? else {
        return Err(missing("the owner must be there"));
    };
    let Some(known) = session.get::<Owned>(11)? else {
        return Err(missing("what it owns must be there"));
    };
    world.sent();
    session.delete(owner)?;
    session.commit()?;
    let read = world.texts(StatementKind::Select);
    check!(read.is_empty(), "nothing may be loaded: {read:?}");
    check_eq!(
        session.state(known),
        State::Detached,
        "a child in memory goes along"
    );
    check_eq!(
        Owned::query().count(&mut session)?,
        2,
        "the database took them"
    );
    let free = Lent::query().filter(Lent::OWNER_ID.is_null());
    check_eq!(free.count(&mut session)?, 1, "the database released it");
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wides")]
struct Wide {
    #[orm(primary_key)]
    id: i64,
    #[orm(back_populates = wide)]
    narrows: HasMany<Narrow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "narrows")]
struct Narrow {
    #[orm(primary_key)]
    id: i32,
    #[orm(references = "wides.id")]
    wide_id: Option<i32>,
    #[orm(back_populates = narrows)]
    wide: BelongsTo<Wide>,
}

fn widths(context: &mut Context) -> CaseResult {
    if context.backend().dialect().keys_need_same_width() {
        let engine = Engine::from_backend(context.backend());
        let refused = metadata![Wide, Narrow].create_all(&engine);
        let kind = refused.err().map(|error| error.kind());
        check_eq!(kind, Some(ErrorKind::Unsupported), "must be refused");
        return Ok(());
    }
    let world = World::of(context, &metadata![Wide, Narrow])?;
    let mut session = world.session();
    let wide = session.add(Wide::new(7));
    let narrow = session.add(Narrow::new(1));
    session.set(narrow, Narrow::WIDE, Some(wide))?;
    session.add(Narrow {
        wide_id: Some(7),
        ..Narrow::new(2)
    });
    session.commit()?;
    session.clear();
    let wides = Wide::query()
        .with(Wide::NARROWS.selectin())
        .all(&mut session)?;
    let narrows = session.loaded(wides[0], Wide::NARROWS)?.unwrap_or_default();
    check_eq!(narrows.len(), 2, "both are loaded eagerly");
    for narrow in narrows {
        check_eq!(
            session.load(narrow, Narrow::WIDE)?,
            Some(wides[0]),
            "and lead back"
        );
        check!(!session.is_modified(narrow)?, "reading changes nothing");
    }
    let far = session.add(Wide::new(5_000_000_000));
    session.commit()?;
    let narrow = session.add(Narrow::new(3));
    session.set(narrow, Narrow::WIDE, Some(far))?;
    match session.commit() {
        Err(error) if error.kind() == ErrorKind::Conversion => Ok(()),
        other => {
            let found = format!("a key that does not fit must be a conversion error: {other:?}");
            Err(missing(&found))
        }
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key = 2)]
    street: String,
    name: String,
    #[orm(primary_key = 1)]
    town: i32,
}

fn key_order(context: &mut Context) -> CaseResult {
    let table: &Table = Place::table();
    check_eq!(
        table.primary_key,
        [2, 0],
        "the key's columns in their order"
    );
    let world = World::of(context, &metadata![Place])?;
    let mut session = world.session();
    let place = session.add(Place::new("Elm".to_owned(), "home".to_owned(), 3));
    session.commit()?;
    let key = (3, "Elm".to_owned());
    check_eq!(
        session.get::<Place>(key.clone())?,
        Some(place),
        "by its key"
    );
    session.clear();
    let found = session.get_many::<Place>([key, (3, "Oak".to_owned())])?;
    check_eq!(found.len(), 1, "by one of two keys");
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "workers")]
struct Worker {
    #[orm(primary_key)]
    id: i32,
    name: String,
    hours: i32,
    #[orm(back_populates = worker_row)]
    long_days: HasMany<LongDay>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "long_days", view)]
struct LongDay {
    #[orm(primary_key)]
    worker: i32,
    #[orm(references = "workers.id")]
    worker_id: Option<i32>,
    hours: i32,
    #[orm(back_populates = long_days, key = "worker_id")]
    worker_row: BelongsTo<Worker>,
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "entries", read_only)]
struct Entry {
    text: Option<String>,
    level: i32,
}

fn views(context: &mut Context) -> CaseResult {
    let metadata = metadata![Worker, LongDay];
    let world = World::of(context, &metadata)?;
    let mut database = Database::open(context)?;
    database.execute(
        "CREATE VIEW [long_days] AS SELECT [id] AS [worker], [id] AS [worker_id], [hours] FROM [workers] WHERE [hours] > 8",
        &[],
    )?;
    drop(database);
    let mut session = world.session();
    for (id, hours) in [(1, 9), (2, 8), (3, 10)] {
        session.add(Worker::new(id, format!("w{id}"), hours));
    }
    session.commit()?;
    let Some(day) = session.get::<LongDay>(3)? else {
        return Err(missing("a row of the view is found by its key"));
    };
    check_eq!(session[day].hours, 10, "and read");
    check_eq!(session.get::<LongDay>(2)?, None, "the view shows no other");
    let Some(worker) = session.load(day, LongDay::WORKER_ROW)? else {
        return Err(missing("a relation leads out of the view"));
    };
    let days = session.load(worker, Worker::LONG_DAYS)?;
    check_eq!(days, [day], "and into it");
    session[worker].hours = 11;
    session.commit()?;
    session.refresh(day)?;
    check_eq!(session[day].hours, 11, "it shows what the table holds");
    session.set(day, LongDay::WORKER_ROW, None)?;
    match session.commit() {
        Err(error) if error.kind() == ErrorKind::ReadOnly => session.rollback()?,
        other => return Err(missing(&format!("a write must be refused: {other:?}"))),
    }
    session.delete(worker)?;
    session.commit()?;
    check_eq!(
        LongDay::query().count(&mut session)?,
        1,
        "it goes with its worker"
    );
    drop(session);
    let engine = &world.engine;
    metadata.create_all(engine)?;
    match metadata.diff(engine) {
        Ok(found) => check_eq!(found, [], "a view is not compared"),
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => return Err(error.into()),
    }
    let mut database = Database::open(context)?;
    database.execute("DROP VIEW [long_days]", &[])?;
    drop(database);
    metadata.drop_all(engine)?;
    Ok(())
}

fn keyless(context: &mut Context) -> CaseResult {
    let metadata = metadata![Entry];
    let world = World::of(context, &metadata)?;
    let insert = selfsame::sql::insert_into(Entry::table())
        .columns((Entry::TEXT, Entry::LEVEL))
        .rows([
            (Some("a".to_owned()), 1),
            (Some("a".to_owned()), 1),
            (None, 2),
        ]);
    world.engine.connect()?.write(&insert)?;
    let mut session = world.session();
    let rows = Entry::query()
        .order_by(Entry::LEVEL.desc())
        .rows(&mut session)?;
    let twice = Entry {
        text: Some("a".to_owned()),
        level: 1,
    };
    check_eq!(
        rows,
        [Entry::new(2), twice.clone(), twice],
        "each row is read, equal ones too"
    );
    let level = Entry::query()
        .filter(Entry::LEVEL.eq(1))
        .count(&mut session)?;
    check_eq!(level, 2, "and counted");
    drop(session);
    let reflected = match Metadata::reflect(&world.engine) {
        Ok(reflected) => reflected,
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    check_eq!(metadata.diff(&world.engine)?, [], "as it was declared");
    let records = reflected.records("entries")?;
    let mut session = world.session();
    check_eq!(
        records.query().rows(&mut session)?.len(),
        3,
        "records of it are read"
    );
    let error = records
        .query()
        .all(&mut session)
        .err()
        .map(|error| error.kind());
    check_eq!(error, Some(ErrorKind::Mapping), "and are no objects");
    session.add(records.record());
    let error = session.commit().err().map(|error| error.kind());
    check_eq!(error, Some(ErrorKind::ReadOnly), "nor written");
    Ok(())
}

/// A shop.
///
/// It's open.
#[derive(Entity, Clone, Debug)]
#[orm(table = "shops", comment)]
#[orm(
    unique(town, name, name = "one of a name"),
    index(name, name = "by name")
)]
struct Shop {
    #[orm(primary_key)]
    id: i32,
    #[orm(comment = r"where it's: \new")]
    town: String,
    name: String,
    #[orm(references = "shops.id", foreign_key = "belongs to")]
    main: Option<i32>,
}

fn kept(context: &mut Context) -> CaseResult {
    let table: &Table = Shop::table();
    let comment = Some("A shop.\n\nIt's open.");
    check_eq!(table.comment.as_deref(), comment, "the doc comment");
    let metadata = metadata![Shop];
    let world = World::of(context, &metadata)?;
    let found = match metadata.diff(&world.engine) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    check_eq!(found, [], "names and comments are the declared ones");
    let reflected = world.engine.connect()?.reflect()?;
    let Some(shops) = reflected.iter().find(|table| table.name == "shops") else {
        return Err(missing("the table is reflected"));
    };
    check_eq!(
        shops.indexes[0].name.as_deref(),
        Some("by name"),
        "the index's name"
    );
    let has_comments = world.engine.dialect().has_comments();
    if has_comments {
        check_eq!(shops.comment.as_deref(), comment, "the table's comment");
        let town = shops.columns[1].comment.as_deref();
        check_eq!(town, Some(r"where it's: \new"), "the column's comment");
    }
    let mut other = table.clone();
    other.comment = None;
    other.indexes[0].name = Some("otherwise".to_owned());
    let differences = Metadata::new([other]).diff(&world.engine)?;
    let names = differences
        .iter()
        .filter(|it| matches!(it, Difference::Name { .. }));
    check_eq!(names.count(), 1, "a different name is reported");
    let comments = differences
        .iter()
        .filter(|it| matches!(it, Difference::Comment { .. }));
    check_eq!(
        comments.count(),
        usize::from(has_comments),
        "a different comment is reported"
    );
    Ok(())
}
