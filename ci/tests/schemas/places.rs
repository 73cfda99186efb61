//! Tables of other schemas and of attached databases, beside namesakes in the usual one.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::sql::{on, select};
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;

use crate::execute;
use crate::support::{refused, run};

/// The namesake in the usual schema.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    nick: String,
}

mod auth {
    use super::*;

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "users", schema = "places_auth")]
    pub(super) struct User {
        #[orm(primary_key)]
        pub(super) id: Auto<i64>,
        #[orm(unique)]
        pub(super) name: String,
        #[orm(back_populates = user)]
        pub(super) orders: HasMany<super::Order>,
        #[orm(secondary = "places_auth.user_tags(user_id, tag_id)", back_populates = users)]
        pub(super) tags: ManyToMany<super::Tag>,
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "orders", schema = "places_sales")]
struct Order {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "places_auth.users.id", index)]
    user_id: i64,
    #[orm(back_populates = orders)]
    user: BelongsTo<auth::User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags", schema = "places_auth")]
struct Tag {
    #[orm(primary_key)]
    id: Auto<i64>,
    label: String,
    #[orm(back_populates = tags)]
    users: ManyToMany<auth::User>,
}

/// The same inside of one attached database, where a foreign key has to stay.
mod attached {
    use super::*;

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "users", schema = "aux")]
    pub(super) struct User {
        #[orm(primary_key)]
        pub(super) id: Auto<i64>,
        #[orm(unique)]
        pub(super) name: String,
        #[orm(back_populates = user)]
        pub(super) orders: HasMany<Order>,
        #[orm(secondary = "aux.user_tags(user_id, tag_id)", back_populates = users)]
        pub(super) tags: ManyToMany<Tag>,
    }

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "orders", schema = "aux")]
    pub(super) struct Order {
        #[orm(primary_key)]
        pub(super) id: Auto<i64>,
        #[orm(references = "aux.users.id", index)]
        pub(super) user_id: i64,
        #[orm(back_populates = orders)]
        pub(super) user: BelongsTo<User>,
    }

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "tags", schema = "aux")]
    pub(super) struct Tag {
        #[orm(primary_key)]
        pub(super) id: Auto<i64>,
        pub(super) label: String,
        #[orm(back_populates = tags)]
        pub(super) users: ManyToMany<User>,
    }
}

/// What is done with a user, its orders and its tags beside a namesake of its table.
macro_rules! use_places {
    ($engine:expr, $user:ty, $order:ty, $tag:ty) => {{
        let engine: &Engine = $engine;
        let metadata = metadata![User, $user, $order, $tag];
        metadata.create_all(engine)?;
        metadata.create_all(engine)?;
        assert_eq!(metadata.diff(engine)?, []);
        let mut session = Session::new(engine);
        let here = session.add(User::new("here".to_owned()));
        let there = session.add(<$user>::new("there".to_owned()));
        session.commit()?;
        assert_eq!((*session[here].id, *session[there].id), (1, 1));
        for label in ["a", "b"] {
            let tag = session.add(<$tag>::new(label.to_owned()));
            session.push(there, <$user>::TAGS, tag)?;
            let order = session.add(<$order>::new(0));
            session.set(order, <$order>::USER, there)?;
        }
        session.commit()?;
        session.clear();
        let there = session.get::<$user>(1)?.expect("is there");
        assert_eq!(session.load(there, <$user>::ORDERS)?.len(), 2);
        assert_eq!(session.load(there, <$user>::TAGS)?.len(), 2);
        let here = session.get::<User>(1)?.expect("is here");
        assert_eq!(session[here].nick, "here");
        session.clear();
        let users = <$user>::query()
            .with(<$user>::TAGS.selectin())
            .with(<$user>::ORDERS.joined())
            .filter(
                <$user>::ORDERS
                    .any(<$order>::ID.gt(1))
                    .and(<$user>::NAME.starts_with("t")),
            )
            .all(&mut session)?;
        assert_eq!(users.len(), 1);
        let names = <$order>::query()
            .join(<$order>::USER)
            .select((<$order>::ID, <$user>::NAME))
            .order_by(<$order>::ID.desc())
            .all(&mut session)?;
        assert_eq!(names[0], (Auto::set(2), "there".to_owned()));
        session[users[0]].name = "changed".to_owned();
        let orders = session.load(users[0], <$user>::ORDERS)?;
        session.delete(orders[0])?;
        session.commit()?;
        let changed = <$user>::query()
            .filter(<$user>::NAME.eq("changed"))
            .update()
            .set(<$user>::NAME, "again")
            .execute(&mut session)?;
        assert_eq!(changed, 1);
        session.commit()?;
        let many: Vec<_> = (0..5).map(|n| <$user>::new(format!("many {n}"))).collect();
        session.add_all(many);
        session.commit()?;
        assert_eq!(<$user>::query().count(&mut session)?, 6);
        assert_eq!(User::query().count(&mut session)?, 1);
        let again = session.add(<$user>::new("again".to_owned()));
        let error = session.commit().expect_err("the name is taken");
        assert_eq!(error.kind(), ErrorKind::UniqueViolation);
        session.rollback()?;
        let _ = again;
        drop(session);
        metadata
    }};
}

pub(crate) fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE SCHEMA places_auth;\nCREATE SCHEMA places_sales",
    )?;
    let metadata = use_places!(&engine, auth::User, Order, Tag);

    // Two tables of one name in a query, by their whole names.
    let both = select((User::NICK, auth::User::NAME))
        .from(User::table())
        .join(auth::User::table(), on(User::ID, auth::User::ID));
    let found: Vec<(String, String)> = engine.connect()?.all(&both)?;
    assert_eq!(found, [("here".to_owned(), "again".to_owned())]);

    let reflected = Metadata::reflect_schemas(&engine, ["places_auth", "places_sales"])?;
    assert_eq!(reflected.diff(&engine)?, []);
    let users = reflected.records("places_auth.users")?;
    let mut relations: Vec<&str> = users.relations().map(|(name, _)| name).collect();
    relations.sort_unstable();
    assert_eq!(relations, ["orders", "tags"]);
    let alone = Metadata::reflect_schemas(&engine, ["places_sales"])?;
    assert_eq!(
        alone.tables()[0].remarks,
        [
            "Not here: the foreign key orders_user_id_fkey of user_id to places_auth.users, a table of another schema."
        ]
    );

    let ran = run(&[
        "inspect",
        &database.url(),
        "--schema",
        "places_auth,places_sales",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for line in [
        "#[orm(table = \"users\")]",
        "#[orm(schema = \"places_auth\")]",
        "    #[orm(index, references = \"places_auth.users.id\")]",
        "    pub user: BelongsTo<User>,",
        "        secondary = \"places_auth.user_tags(user_id, tag_id)\",",
    ] {
        assert!(
            ran.out.lines().any(|found| found == line),
            "{line}\n{}",
            ran.out
        );
    }
    refused(
        &["inspect", &database.url(), "--schema", "nowhere"],
        &["schema nowhere has no tables", "places_auth (3)"],
    );
    metadata.drop_all(&engine)?;
    let gone = engine.connect()?.reflect_schemas(&[
        Some("places_auth".to_owned()),
        Some("places_sales".to_owned()),
    ])?;
    assert_eq!(gone, []);
    Ok(())
}

pub(crate) fn on_sqlite() -> selfsame::Result<()> {
    let (main, other) = (TempDatabase::new()?, TempDatabase::new()?);
    let path = other.path().to_owned();
    let backend = main.backend().on_connect(move |connection| {
        connection
            .execute("ATTACH ?1 AS aux", [path.to_string_lossy()])
            .map(drop)
    });
    let engine = Engine::new(backend);
    let metadata = use_places!(&engine, attached::User, attached::Order, attached::Tag);
    // The tables are in the other file.
    let names: Vec<String> = Engine::new(other.backend())
        .connect()?
        .reflect()?
        .into_iter()
        .map(|table| table.name)
        .collect();
    assert_eq!(names, ["orders", "tags", "user_tags", "users"]);
    let reflected = Metadata::reflect_schemas(&engine, ["aux"])?;
    assert_eq!(reflected.diff(&engine)?, []);

    let error = metadata![auth::User, Order, Tag]
        .create_all(&engine)
        .expect_err("from one database to another");
    assert_eq!(error.kind(), ErrorKind::Mapping, "{error}");
    metadata.drop_all(&engine)?;
    assert_eq!(
        engine
            .connect()?
            .reflect_schemas(&[Some("aux".to_owned())])?,
        []
    );
    Ok(())
}
