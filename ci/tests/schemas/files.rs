//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Time, Timestamp};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        AspNetUserLogin,
        AspNetUser,
        Customer,
        OrderDetail,
        OrderSubtotal,
        Order,
        EfMigrationsHistory,
        Account,
        AlembicVersion,
        ArInternalMetadata,
        Article,
        AuthGroup,
        AuthUser,
        AuthUserGroup,
        Author,
        Cookie,
        KeywordSearchTerm,
        Meta,
        MozHistoryvisit,
        MozIcon,
        MozIconsToPage,
        MozOrigin,
        MozPagesWIcon,
        MozPlace,
        SchemaMigration,
        Url,
        Visit,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "AspNetUserLogins")]
pub struct AspNetUserLogin {
    #[orm(primary_key, column = "LoginProvider")]
    pub login_provider: String,
    #[orm(primary_key, column = "ProviderKey")]
    pub provider_key: String,
    #[orm(
        column = "UserId",
        index = "IX_AspNetUserLogins_UserId",
        references = "AspNetUsers.Id",
        foreign_key = "FK_AspNetUserLogins_AspNetUsers_UserId",
        on_delete = "cascade"
    )]
    pub user_id: String,
    #[orm(back_populates = asp_net_user_logins)]
    pub user: BelongsTo<AspNetUser>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "AspNetUsers")]
pub struct AspNetUser {
    #[orm(primary_key, column = "Id")]
    pub id: String,
    #[orm(column = "UserName")]
    pub user_name: Option<String>,
    #[orm(column = "LockoutEnd")]
    pub lockout_end: Option<String>,
    #[orm(column = "LockoutEnabled")]
    pub lockout_enabled: i64,
    #[orm(column = "AccessFailedCount", server_default = "0")]
    pub access_failed_count: Auto<i64>,
    #[orm(back_populates = user, cascade = "merge, delete", passive_deletes)]
    pub asp_net_user_logins: HasMany<AspNetUserLogin>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Customers")]
pub struct Customer {
    #[orm(primary_key, column = "CustomerID", length = 5)]
    pub customer_id: String,
    #[orm(column = "CompanyName", length = 40)]
    pub company_name: String,
    #[orm(column = "Picture")]
    pub picture: Option<Vec<u8>>,
    #[orm(column = "Notes")]
    pub notes: Option<String>,
    #[orm(back_populates = customer)]
    pub orders: HasMany<Order>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Order Details")]
#[orm(check = "[Quantity] > 0")]
pub struct OrderDetail {
    #[orm(primary_key, column = "OrderID", references = "Orders.OrderID")]
    pub order_id: i64,
    #[orm(primary_key, column = "ProductID")]
    pub product_id: i64,
    #[orm(column = "UnitPrice", db_type = "money", server_default = "0")]
    pub unit_price: Auto<String>,
    #[orm(column = "Quantity", server_default = "1")]
    pub quantity: Auto<i64>,
    #[orm(column = "Discount", server_default = "0")]
    pub discount: Auto<f64>,
    #[orm(back_populates = order_details)]
    pub order: BelongsTo<Order>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Order Subtotals")]
#[orm(view)]
pub struct OrderSubtotal {
    #[orm(column = "OrderID")]
    pub order_id: Option<i64>,
    #[orm(column = "Subtotal", db_type = "UNTYPED BLOB")]
    pub subtotal: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Orders")]
pub struct Order {
    #[orm(primary_key, autoincrement, column = "OrderID")]
    pub order_id: Auto<i64>,
    #[orm(column = "CustomerID", length = 5, references = "Customers.CustomerID")]
    pub customer_id: Option<String>,
    #[orm(column = "OrderDate")]
    pub order_date: Option<Timestamp>,
    #[orm(column = "Freight", db_type = "money", server_default = "0")]
    pub freight: Auto<Option<String>>,
    #[orm(column = "Discontinued", server_default = "0")]
    pub discontinued: Auto<i64>,
    #[orm(back_populates = orders)]
    pub customer: BelongsTo<Customer>,
    #[orm(back_populates = order)]
    pub order_details: HasMany<OrderDetail>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "__EFMigrationsHistory")]
pub struct EfMigrationsHistory {
    #[orm(primary_key, column = "MigrationId")]
    pub migration_id: String,
    #[orm(column = "ProductVersion")]
    pub product_version: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "account")]
#[orm(check(name = "ck_status", condition = "status IN ('open', 'closed')"))]
pub struct Account {
    #[orm(primary_key, length = 32)]
    pub id: String,
    #[orm(unique = "uq_account_email")]
    pub email: Option<String>,
    #[orm(server_default = "CURRENT_TIMESTAMP")]
    pub created: Auto<Timestamp>,
    // It is declared NUMERIC(10, 2), which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`).
    pub amount: Option<f64>,
    #[orm(length = 6)]
    pub status: Option<String>,
    pub interval: Option<Timestamp>,
    pub data: Option<serde_json::Value>,
    pub active: bool,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "alembic_version")]
pub struct AlembicVersion {
    #[orm(primary_key, length = 32)]
    pub version_num: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "ar_internal_metadata")]
pub struct ArInternalMetadata {
    #[orm(primary_key)]
    pub key: String,
    pub value: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "articles")]
pub struct Article {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    pub title: Option<String>,
    #[orm(server_default = "'Article'")]
    pub r#type: Auto<String>,
    #[orm(server_default = "0")]
    pub published: Auto<bool>,
    // It is declared decimal(8,2), which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`).
    pub price: Option<f64>,
    pub data: Option<serde_json::Value>,
    pub blob: Option<Vec<u8>>,
    pub at_time: Option<Time>,
    pub on_day: Option<Date>,
    pub rating: Option<f64>,
    #[orm(
        index = "index_articles_on_author_id",
        references = "authors.id",
        foreign_key = "fk_rails_e74ce85cbc"
    )]
    pub author_id: Option<i64>,
    pub created_at: Timestamp,
    #[orm(server_default = "0")]
    pub lock_version: Auto<i64>,
    #[orm(back_populates = articles)]
    pub author: BelongsTo<Author>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "auth_group")]
pub struct AuthGroup {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(unique, length = 150)]
    pub name: String,
    #[orm(back_populates = group)]
    pub auth_user_groups: HasMany<AuthUserGroup>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "auth_user")]
#[orm(check = "(JSON_VALID(\"settings\") OR \"settings\" IS NULL)")]
#[orm(check = "\"age\" >= 0")]
pub struct AuthUser {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(length = 128)]
    pub password: String,
    pub last_login: Option<Timestamp>,
    pub is_superuser: bool,
    #[orm(unique, length = 150)]
    pub username: String,
    pub date_joined: Timestamp,
    // It is declared decimal, which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`).
    pub balance: f64,
    pub settings: String,
    #[orm(length = 32)]
    pub token: String,
    pub stay: i64,
    pub age: i64,
    #[orm(back_populates = user)]
    pub auth_user_groups: HasMany<AuthUserGroup>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "auth_user_groups")]
#[orm(
    unique(user_id, group_id, name = "auth_user_groups_user_id_group_id_94350c0c_uniq")
)]
pub struct AuthUserGroup {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(
        index = "auth_user_groups_user_id_6a12ed8b",
        references = "auth_user.id"
    )]
    pub user_id: i64,
    #[orm(references = "auth_group.id")]
    pub group_id: i64,
    #[orm(back_populates = auth_user_groups)]
    pub user: BelongsTo<AuthUser>,
    #[orm(back_populates = auth_user_groups)]
    pub group: BelongsTo<AuthGroup>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "authors")]
pub struct Author {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    // Its collation is NOCASE.
    pub name: Option<String>,
    #[orm(computed = "upper(\"name\")")]
    pub full: Auto<Option<String>>,
    #[orm(back_populates = author)]
    pub articles: HasMany<Article>,
}

// It has no primary key: its UNIQUE (host_key, name) stands for one here.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cookies")]
pub struct Cookie {
    pub creation_utc: i64,
    #[orm(primary_key)]
    pub host_key: String,
    #[orm(primary_key)]
    pub name: String,
    pub value: String,
    pub encrypted_value: Vec<u8>,
    pub expires_utc: i64,
    pub is_secure: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "keyword_search_terms")]
#[orm(read_only)]
pub struct KeywordSearchTerm {
    pub keyword_id: i64,
    pub url_id: i64,
    pub term: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "meta")]
pub struct Meta {
    #[orm(primary_key)]
    pub key: String,
    pub value: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_historyvisits")]
pub struct MozHistoryvisit {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub from_visit: Option<i64>,
    pub place_id: Option<i64>,
    pub visit_date: Option<i64>,
    pub visit_type: Option<i64>,
    pub session: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_icons")]
pub struct MozIcon {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub icon_url: String,
    #[orm(server_default = "0")]
    pub width: Auto<i64>,
    pub data: Option<Vec<u8>>,
    #[orm(back_populates = icon, cascade = "merge, delete", passive_deletes)]
    pub moz_icons_to_pages: HasMany<MozIconsToPage>,
}

// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_icons_to_pages")]
pub struct MozIconsToPage {
    #[orm(
        primary_key,
        references = "moz_pages_w_icons.id",
        on_delete = "cascade"
    )]
    pub page_id: i64,
    #[orm(primary_key, references = "moz_icons.id", on_delete = "cascade")]
    pub icon_id: i64,
    #[orm(server_default = "0")]
    pub expire_ms: Auto<i64>,
    #[orm(back_populates = moz_icons_to_pages)]
    pub page: BelongsTo<MozPagesWIcon>,
    #[orm(back_populates = moz_icons_to_pages)]
    pub icon: BelongsTo<MozIcon>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_origins")]
#[orm(unique(prefix, host))]
pub struct MozOrigin {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub prefix: String,
    pub host: String,
    pub frecency: i64,
    #[orm(back_populates = origin)]
    pub moz_places: HasMany<MozPlace>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_pages_w_icons")]
pub struct MozPagesWIcon {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub page_url: String,
    #[orm(back_populates = page, cascade = "merge, delete", passive_deletes)]
    pub moz_icons_to_pages: HasMany<MozIconsToPage>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moz_places")]
pub struct MozPlace {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub url: Option<String>,
    pub title: Option<String>,
    pub rev_host: Option<String>,
    #[orm(server_default = "0")]
    pub visit_count: Auto<Option<i64>>,
    #[orm(server_default = "0")]
    pub hidden: Auto<i64>,
    #[orm(server_default = "-1")]
    pub frecency: Auto<i64>,
    pub last_visit_date: Option<i64>,
    #[orm(unique = "moz_places_guid_uniqueindex")]
    pub guid: Option<String>,
    #[orm(server_default = "0", index = "moz_places_url_hashindex")]
    pub url_hash: Auto<i64>,
    #[orm(references = "moz_origins.id")]
    pub origin_id: Option<i64>,
    #[orm(back_populates = moz_places)]
    pub origin: BelongsTo<MozOrigin>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "schema_migrations")]
pub struct SchemaMigration {
    #[orm(primary_key)]
    pub version: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "urls")]
pub struct Url {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(index = "urls_url_index")]
    pub url: Option<String>,
    pub title: Option<String>,
    #[orm(server_default = "0")]
    pub visit_count: Auto<i64>,
    pub last_visit_time: i64,
    #[orm(server_default = "0")]
    pub hidden: Auto<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "visits")]
pub struct Visit {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    pub url: i64,
    pub visit_time: i64,
    pub from_visit: Option<i64>,
    #[orm(server_default = "0")]
    pub transition: Auto<i64>,
    #[orm(server_default = "FALSE")]
    pub incremented_omnibox_typed_score: Auto<bool>,
}
