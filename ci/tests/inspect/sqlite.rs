//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Order,
        Country,
        Friend,
        GrößeInM,
        LineEvent,
        OrderLine,
        Type,
        UserProfile,
        User,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Order")]
pub struct Order {
    #[orm(primary_key, column = "OrderId")]
    pub order_id: Auto<i64>,
    #[orm(column = "BuyerId", references = "users.id")]
    pub buyer_id: i64,
    #[orm(column = "SellerId", references = "users.id")]
    pub seller_id: Option<i64>,
    #[orm(server_default = "CURRENT_TIMESTAMP")]
    pub placed: Auto<Timestamp>,
    #[orm(back_populates = orders_by_buyer)]
    pub buyer: BelongsTo<User>,
    #[orm(back_populates = orders_by_seller)]
    pub seller: BelongsTo<User>,
    #[orm(back_populates = order, cascade = "merge, delete", passive_deletes)]
    pub order_lines: HasMany<OrderLine>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "countries")]
pub struct Country {
    #[orm(primary_key, length = 2)]
    pub code: String,
    pub name: String,
    #[orm(back_populates = country_row)]
    pub users: HasMany<User>,
    #[orm(back_populates = countries)]
    pub users_by_user_countries: ManyToMany<User>,
}

// Its rows are the pairs of User.users_by_user and User.users_by_friend, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "friends")]
pub struct Friend {
    #[orm(primary_key, references = "users.id", on_delete = "cascade")]
    pub user_id: i64,
    #[orm(primary_key, references = "users.id")]
    pub friend_id: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "größe, in m")]
pub struct GrößeInM {
    #[orm(primary_key)]
    pub select: Auto<i64>,
    #[orm(column = "self")]
    pub self_: bool,
    #[orm(column = "1st")]
    pub column_1st: Option<f32>,
    #[orm(column = "First")]
    pub first: Option<f64>,
    #[orm(column = "_first")]
    pub first2: Option<f64>,
    #[orm(column = "a\"b\\c")]
    pub a_b_c: Option<String>,
    #[orm(column = "the.key", references = "größe, in m.select")]
    pub the_key: Option<i64>,
    #[orm(back_populates = größe_in_ms_by_the_key)]
    pub the_key_row: BelongsTo<GrößeInM>,
    #[orm(back_populates = the_key_row)]
    pub größe_in_ms_by_the_key: HasMany<GrößeInM>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "line_events")]
#[orm(unique(order_id, what))]
#[orm(index(order_id, place))]
#[orm(
    foreign_key(columns(order_id, place), references = "order_lines(order_id, place)")
)]
pub struct LineEvent {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub order_id: Option<i64>,
    pub place: Option<i64>,
    #[orm(index)]
    pub what: String,
    #[orm(back_populates = line_events)]
    pub order_line: BelongsTo<OrderLine>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "order_lines")]
pub struct OrderLine {
    #[orm(primary_key, references = "Order.OrderId", on_delete = "cascade")]
    pub order_id: i64,
    #[orm(primary_key)]
    pub place: i64,
    #[orm(precision = (10, 2))]
    pub price: Decimal,
    #[orm(back_populates = order_lines)]
    pub order: BelongsTo<Order>,
    #[orm(back_populates = order_line)]
    pub line_events: HasMany<LineEvent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "types")]
pub struct Type {
    #[orm(primary_key)]
    pub id: uuid::Uuid,
    pub a: Option<Decimal>,
    pub b: Option<Date>,
    pub c: Time,
    pub d: Option<TimestampTz>,
    pub e: Option<serde_json::Value>,
    pub f: Vec<u8>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "user_profile")]
pub struct UserProfile {
    #[orm(primary_key, references = "users.id", on_delete = "cascade")]
    pub user_id: i64,
    pub picture: Option<Vec<u8>>,
    #[orm(back_populates = user_profile)]
    pub user: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    pub age: Option<i64>,
    #[orm(server_default = "'person'")]
    pub r#type: Auto<String>,
    #[orm(server_default = "('it''s ' || 'new')")]
    pub note: Auto<Option<String>>,
    #[orm(length = 2, references = "countries.code", on_update = "cascade")]
    pub country: String,
    #[orm(references = "users.id", on_delete = "set null")]
    pub manager_id: Option<i64>,
    #[orm(back_populates = users, key = "country")]
    pub country_row: BelongsTo<Country>,
    #[orm(back_populates = users_by_manager)]
    pub manager: BelongsTo<User>,
    #[orm(back_populates = buyer)]
    pub orders_by_buyer: HasMany<Order>,
    #[orm(back_populates = seller)]
    pub orders_by_seller: HasMany<Order>,
    #[orm(back_populates = user, cascade = "merge, delete", passive_deletes)]
    pub user_profile: HasOne<UserProfile>,
    #[orm(back_populates = manager, passive_deletes)]
    pub users_by_manager: HasMany<User>,
    #[orm(
        secondary = "friends(user_id, friend_id)",
        back_populates = users_by_friend
    )]
    pub users_by_user: ManyToMany<User>,
    #[orm(back_populates = users_by_user)]
    pub users_by_friend: ManyToMany<User>,
    #[orm(
        secondary = "user_countries(user_id, country)",
        back_populates = users_by_user_countries
    )]
    pub countries: ManyToMany<Country>,
}
