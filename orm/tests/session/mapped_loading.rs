//! Relations that the mapping loads by default, however their objects are loaded.

use selfsame::prelude::*;
use selfsame::{Entity, Result, assert_statements};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "shops")]
struct Shop {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = shop)]
    orders: HasMany<Order>,
}

/// Loads its lines and its shop by default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "orders")]
struct Order {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "shops.id")]
    shop_id: i64,
    #[orm(back_populates = orders, lazy = "joined")]
    shop: BelongsTo<Shop>,
    #[orm(back_populates = order, lazy = "selectin")]
    lines: HasMany<Line>,
}

/// Loads its item and its order by default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
struct Line {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "orders.id")]
    order_id: i64,
    #[orm(references = "items.id")]
    item_id: i64,
    #[orm(back_populates = lines, lazy = "selectin")]
    order: BelongsTo<Order>,
    #[orm(lazy = "selectin")]
    item: BelongsTo<Item>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "items")]
struct Item {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
}

/// Two shops with orders, each of two lines with their own items; the session is empty.
fn shops(orders: usize) -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Shop, Order, Line, Item].create_all(&engine)?;
    let mut session = Session::new(&engine);
    for _ in 0..2 {
        let line = || Line {
            item: Item::new("item").into(),
            ..Line::new(0, 0)
        };
        let order = || Order {
            lines: [line(), line()].into(),
            ..Order::new(0)
        };
        session.add(Shop {
            orders: (0..orders).map(|_| order()).collect(),
            ..Shop::new()
        });
    }
    session.commit()?;
    session.clear();
    Ok(session)
}

type Read = fn(&mut Session) -> Result<()>;

/// Every way to load the orders of the first shop, with its number of statements, which does not depend on the number of orders.
const READS: [(&str, Read, usize); 6] = [
    (
        "get",
        |s| {
            for id in 1..=2 {
                s.get::<Order>(id)?;
            }
            Ok(())
        },
        6,
    ),
    ("query", |s| Order::query().all(s).map(drop), 3),
    (
        "load",
        |s| {
            let shop = s.get::<Shop>(1)?.expect("a shop");
            s.load(shop, Shop::ORDERS).map(drop)
        },
        4,
    ),
    (
        "selectin",
        |s| {
            let shops = Shop::query().with(Shop::ORDERS.selectin());
            shops.all(s).map(drop)
        },
        4,
    ),
    (
        "joined",
        |s| {
            let shops = Shop::query().with(Shop::ORDERS.joined());
            shops.all(s).map(drop)
        },
        3,
    ),
    (
        "a part",
        |s| {
            let shops = Shop::query().with(Shop::ORDERS.filter(true).limit(2));
            shops.all(s).map(drop)
        },
        4,
    ),
];

#[test]
fn they_are_loaded_with_what_a_relation_leads_to() -> Result<()> {
    for orders in [2, 5] {
        for (name, read, expected) in READS {
            let mut s = shops(orders)?;
            assert_statements!(s, expected, { read(&mut s)? });
            // The first order is completely loaded.
            assert_statements!(s, 0, {
                let order = s.get::<Order>(1)?.expect("an order");
                let lines = s.load(order, Order::LINES)?;
                assert_eq!(lines.len(), 2, "{name}");
                for line in lines {
                    let item = s.load(line, Line::ITEM)?;
                    assert_eq!(s[item].name, "item", "{name}");
                    assert_eq!(s.load(line, Line::ORDER)?, order, "{name}");
                }
            });
        }
    }
    Ok(())
}

#[test]
fn a_query_overrides_the_mapping() -> Result<()> {
    let mut s = shops(3)?;
    let orders = Shop::ORDERS.selectin().then(Order::LINES.lazy());
    assert_statements!(s, 2, { Shop::query().with(orders).all(&mut s)? });
    let order = s.get::<Order>(1)?.expect("an order");
    assert_eq!(s.load(order, Order::LINES)?.len(), 2);
    Ok(())
}
