//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Table1stTable,
        AspNetRole,
        AspNetUserLogin,
        AspNetUserRole,
        AspNetUser,
        AutoRow,
        Größe,
        OptionRow,
        Post,
        ResultRow,
        SessionRow,
        StringRow,
        Tag,
        TimestampRow,
        User,
        VecRow,
        PostToTag,
        EfMigrationsHistory,
        PrismaMigration,
        Account,
        ActiveStorageAttachment,
        ActiveStorageBlob,
        ArInternalMetadata,
        AuthGroup,
        AuthGroupPermission,
        AuthPermission,
        Comment,
        DateRow,
        DjangoContentType,
        DjangoSession,
        EmployeeTerritory,
        Employee,
        Friendship,
        Größen,
        ListOfAccount,
        MdlCourse,
        MdlEnrol,
        SchemaMigration,
        Select,
        ShopProduct,
        Territory,
        WpOption,
        WpPostmeta,
        WpPost,
        WpUser,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "1st table")]
pub struct Table1stTable {
    #[orm(primary_key, column = "1st")]
    pub column_1st: Auto<i64>,
    #[orm(column = "2nd", references = "1st table.1st")]
    pub column_2nd: Option<i64>,
    pub id: Option<i64>,
    pub new: Option<String>,
    pub query: Option<String>,
    pub mapper: Option<String>,
    pub key: Option<String>,
    #[orm(column = "Default")]
    pub default: Option<String>,
    pub clone: Option<String>,
    #[orm(back_populates = table_1st_tables_by_column_2nd)]
    pub column_2nd_row: BelongsTo<Table1stTable>,
    #[orm(back_populates = column_2nd_row)]
    pub table_1st_tables_by_column_2nd: HasMany<Table1stTable>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "AspNetRoles")]
pub struct AspNetRole {
    #[orm(primary_key, column = "Id")]
    pub id: String,
    #[orm(column = "Name")]
    pub name: Option<String>,
    #[orm(column = "NormalizedName")]
    pub normalized_name: Option<String>,
    #[orm(back_populates = asp_net_roles)]
    pub asp_net_users: ManyToMany<AspNetUser>,
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
        references = "AspNetUsers.Id",
        on_delete = "cascade"
    )]
    pub user_id: String,
    #[orm(back_populates = asp_net_user_logins)]
    pub user: BelongsTo<AspNetUser>,
}

// Its rows are the pairs of AspNetUser.asp_net_roles and AspNetRole.asp_net_users, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "AspNetUserRoles")]
pub struct AspNetUserRole {
    #[orm(
        primary_key,
        column = "UserId",
        references = "AspNetUsers.Id",
        foreign_key = "FK_UserRoles_Users",
        on_delete = "cascade"
    )]
    pub user_id: String,
    #[orm(
        primary_key,
        column = "RoleId",
        references = "AspNetRoles.Id",
        foreign_key = "FK_UserRoles_Roles",
        on_delete = "cascade"
    )]
    pub role_id: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "AspNetUsers")]
pub struct AspNetUser {
    #[orm(primary_key, column = "Id")]
    pub id: String,
    #[orm(column = "UserName")]
    pub user_name: Option<String>,
    #[orm(column = "EmailConfirmed")]
    pub email_confirmed: i64,
    #[orm(column = "LockoutEnd")]
    pub lockout_end: Option<String>,
    #[orm(column = "Balance")]
    pub balance: String,
    #[orm(column = "RowVersion")]
    pub row_version: Option<Vec<u8>>,
    #[orm(back_populates = user, cascade = "merge, delete", passive_deletes)]
    pub asp_net_user_logins: HasMany<AspNetUserLogin>,
    #[orm(
        secondary = "AspNetUserRoles(UserId, RoleId)",
        back_populates = asp_net_users
    )]
    pub asp_net_roles: ManyToMany<AspNetRole>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Auto")]
pub struct AutoRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "Auto.id")]
    pub self_id: Option<i64>,
    #[orm(back_populates = autos_by_self)]
    pub self_: BelongsTo<AutoRow>,
    #[orm(back_populates = self_)]
    pub autos_by_self: HasMany<AutoRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Größe")]
pub struct Größe {
    #[orm(primary_key, column = "Schlüssel")]
    pub schlüssel: String,
    #[orm(column = "Überschrift")]
    pub überschrift: Option<String>,
    pub naïve: Option<f64>,
    #[orm(back_populates = größe)]
    pub größens: HasMany<Größen>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Option")]
pub struct OptionRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub some: Option<String>,
    pub none: Option<String>,
    #[orm(back_populates = option)]
    pub vecs: HasMany<VecRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Post")]
pub struct Post {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(
        column = "authorId",
        references = "User.id",
        on_delete = "set null",
        on_update = "cascade"
    )]
    pub author_id: Option<i64>,
    pub title: String,
    pub rating: Option<f64>,
    // It is declared DECIMAL, which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`).
    pub price: Option<f64>,
    #[orm(db_type = "JSONB")]
    pub data: Option<String>,
    pub bytes: Option<Vec<u8>>,
    pub big: Option<i64>,
    #[orm(back_populates = posts)]
    pub author: BelongsTo<User>,
    #[orm(secondary = "_PostToTag(A, B)", back_populates = posts)]
    pub tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Result")]
pub struct ResultRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub ok: Option<String>,
    pub err: Option<String>,
    #[orm(back_populates = result)]
    pub vecs: HasMany<VecRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Session")]
pub struct SessionRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(column = "HasMany")]
    pub has_many: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "String")]
pub struct StringRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub str: Option<String>,
    #[orm(back_populates = string)]
    pub vecs: HasMany<VecRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Tag")]
pub struct Tag {
    #[orm(primary_key)]
    pub name: String,
    #[orm(back_populates = tags)]
    pub posts: ManyToMany<Post>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Timestamp")]
pub struct TimestampRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "date.id")]
    pub date_id: Option<i64>,
    #[orm(back_populates = timestamps)]
    pub date: BelongsTo<DateRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "User")]
pub struct User {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(unique)]
    pub email: String,
    #[orm(column = "createdAt", server_default = "CURRENT_TIMESTAMP")]
    pub created_at: Auto<Timestamp>,
    #[orm(server_default = "'USER'")]
    pub role: Auto<String>,
    #[orm(back_populates = author, passive_deletes)]
    pub posts: HasMany<Post>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Vec")]
pub struct VecRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "Option.id")]
    pub option_id: Option<i64>,
    #[orm(references = "String.id")]
    pub string_id: Option<i64>,
    #[orm(references = "Result.id")]
    pub result_id: Option<i64>,
    #[orm(back_populates = vecs)]
    pub option: BelongsTo<OptionRow>,
    #[orm(back_populates = vecs)]
    pub string: BelongsTo<StringRow>,
    #[orm(back_populates = vecs)]
    pub result: BelongsTo<ResultRow>,
}

// It has no primary key: its UNIQUE (A, B) stands for one here.
// Its rows are the pairs of Post.tags and Tag.posts, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "_PostToTag")]
pub struct PostToTag {
    #[orm(
        primary_key,
        column = "A",
        references = "Post.id",
        foreign_key = "a",
        on_delete = "cascade",
        on_update = "cascade"
    )]
    pub a: i64,
    #[orm(
        primary_key,
        column = "B",
        references = "Tag.name",
        foreign_key = "b",
        on_delete = "cascade",
        on_update = "cascade"
    )]
    pub b: String,
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
#[orm(table = "_prisma_migrations")]
pub struct PrismaMigration {
    #[orm(primary_key)]
    pub id: String,
    pub checksum: String,
    pub finished_at: Option<Timestamp>,
    #[orm(server_default = "current_timestamp")]
    pub started_at: Auto<Timestamp>,
    #[orm(server_default = "0")]
    pub applied_steps_count: Auto<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "accounts")]
pub struct Account {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    // Its collation is NOCASE.
    #[orm(unique)]
    pub email: String,
    #[orm(references = "comments.id")]
    pub best_comment_id: Option<i64>,
    pub settings: Option<serde_json::Value>,
    #[orm(db_type = "uuid")]
    pub token: Option<String>,
    #[orm(back_populates = accounts)]
    pub best_comment: BelongsTo<Comment>,
    #[orm(back_populates = user)]
    pub comments_by_user: HasMany<Comment>,
    #[orm(back_populates = moderator, passive_deletes)]
    pub comments_by_moderator: HasMany<Comment>,
    #[orm(
        secondary = "friendships(user_id, friend_id)",
        back_populates = accounts_by_friend
    )]
    pub accounts_by_user: ManyToMany<Account>,
    #[orm(back_populates = accounts_by_user)]
    pub accounts_by_friend: ManyToMany<Account>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "active_storage_attachments")]
pub struct ActiveStorageAttachment {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    pub name: String,
    pub record_type: String,
    pub record_id: i64,
    #[orm(
        references = "active_storage_blobs.id",
        foreign_key = "fk_rails_c3b3935057"
    )]
    pub blob_id: i64,
    pub created_at: Timestamp,
    #[orm(back_populates = active_storage_attachments)]
    pub blob: BelongsTo<ActiveStorageBlob>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "active_storage_blobs")]
pub struct ActiveStorageBlob {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(unique = "index_active_storage_blobs_on_key")]
    pub key: String,
    pub filename: String,
    pub content_type: Option<String>,
    pub metadata: Option<String>,
    pub byte_size: i64,
    pub checksum: Option<String>,
    pub created_at: Timestamp,
    #[orm(back_populates = blob)]
    pub active_storage_attachments: HasMany<ActiveStorageAttachment>,
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
#[orm(table = "auth_group")]
pub struct AuthGroup {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(unique, length = 150)]
    pub name: String,
    #[orm(back_populates = group)]
    pub auth_group_permissions: HasMany<AuthGroupPermission>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "auth_group_permissions")]
#[orm(unique(group_id, permission_id, name = "group_permission_uniq"))]
pub struct AuthGroupPermission {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(references = "auth_group.id")]
    pub group_id: i64,
    #[orm(references = "auth_permission.id")]
    pub permission_id: i64,
    #[orm(back_populates = auth_group_permissions)]
    pub group: BelongsTo<AuthGroup>,
    #[orm(back_populates = auth_group_permissions)]
    pub permission: BelongsTo<AuthPermission>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "auth_permission")]
pub struct AuthPermission {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(references = "django_content_type.id")]
    pub content_type_id: i64,
    #[orm(length = 100)]
    pub codename: String,
    #[orm(length = 255)]
    pub name: String,
    #[orm(back_populates = auth_permissions)]
    pub content_type: BelongsTo<DjangoContentType>,
    #[orm(back_populates = permission)]
    pub auth_group_permissions: HasMany<AuthGroupPermission>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "comments")]
pub struct Comment {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(references = "comments.id", on_delete = "cascade")]
    pub parent_id: Option<i64>,
    #[orm(references = "accounts.id")]
    pub user_id: Option<i64>,
    #[orm(references = "accounts.id", on_delete = "set null")]
    pub moderator_id: Option<i64>,
    pub body: Option<String>,
    #[orm(server_default = "0")]
    pub hidden: Auto<bool>,
    #[orm(server_default = "0.0")]
    pub score: Auto<Option<f64>>,
    #[orm(back_populates = comments_by_parent)]
    pub parent: BelongsTo<Comment>,
    #[orm(back_populates = comments_by_user)]
    pub user: BelongsTo<Account>,
    #[orm(back_populates = comments_by_moderator)]
    pub moderator: BelongsTo<Account>,
    #[orm(back_populates = best_comment)]
    pub accounts: HasMany<Account>,
    #[orm(back_populates = parent, cascade = "merge, delete", passive_deletes)]
    pub comments_by_parent: HasMany<Comment>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "date")]
pub struct DateRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub date: Option<Date>,
    pub time: Option<Time>,
    pub timestamp: Option<Timestamp>,
    pub decimal: Option<Decimal>,
    #[orm(back_populates = date)]
    pub timestamps: HasMany<TimestampRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "django_content_type")]
#[orm(unique(app_label, model, name = "content_type_app_model_uniq"))]
pub struct DjangoContentType {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    #[orm(length = 100)]
    pub app_label: String,
    #[orm(length = 100)]
    pub model: String,
    #[orm(back_populates = content_type)]
    pub auth_permissions: HasMany<AuthPermission>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "django_session")]
pub struct DjangoSession {
    #[orm(primary_key, length = 40)]
    pub session_key: String,
    pub session_data: String,
    #[orm(index = "session_expire")]
    pub expire_date: Timestamp,
}

// It is WITHOUT ROWID.
// Its rows are the pairs of Employee.territories and Territory.employees, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "employee_territories")]
#[orm(
    foreign_key(columns(country, code), references = "territories(country, code)")
)]
pub struct EmployeeTerritory {
    #[orm(primary_key, references = "employees.id", on_delete = "cascade")]
    pub employee_id: i64,
    #[orm(primary_key)]
    pub country: String,
    #[orm(primary_key)]
    pub code: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "employees")]
#[orm(
    foreign_key(columns(country, territory), references = "territories(country, code)")
)]
#[orm(
    foreign_key(columns(home_country, home_territory), references = "territories(country, code)")
)]
pub struct Employee {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "employees.id")]
    pub reports_to: Option<i64>,
    pub country: Option<String>,
    pub territory: Option<String>,
    pub home_country: Option<String>,
    pub home_territory: Option<String>,
    #[orm(back_populates = employees_by_reports_to, key = "reports_to")]
    pub reports_to_row: BelongsTo<Employee>,
    #[orm(
        back_populates = employees_by_country_territory,
        key = "country, territory"
    )]
    pub country_territory_row: BelongsTo<Territory>,
    #[orm(
        back_populates = employees_by_home_country_home_territory,
        key = "home_country, home_territory"
    )]
    pub home_country_home_territory_row: BelongsTo<Territory>,
    #[orm(back_populates = reports_to_row)]
    pub employees_by_reports_to: HasMany<Employee>,
    #[orm(
        secondary = "employee_territories(employee_id, country, code)",
        back_populates = employees
    )]
    pub territories: ManyToMany<Territory>,
}

// Its rows are the pairs of Account.accounts_by_user and Account.accounts_by_friend, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "friendships")]
pub struct Friendship {
    #[orm(primary_key, references = "accounts.id")]
    pub user_id: i64,
    #[orm(primary_key, references = "accounts.id")]
    pub friend_id: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "größen")]
pub struct Größen {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "Größe.Schlüssel")]
    pub größe_id: Option<String>,
    #[orm(back_populates = größens)]
    pub größe: BelongsTo<Größe>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "list of accounts")]
#[orm(view)]
pub struct ListOfAccount {
    pub id: Option<i64>,
    pub email: Option<String>,
    #[orm(db_type = "UNTYPED BLOB")]
    pub one: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "mdl_course")]
pub struct MdlCourse {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(server_default = "0")]
    pub category: Auto<i64>,
    #[orm(length = 254, server_default = "''")]
    pub fullname: Auto<String>,
    #[orm(server_default = "0")]
    pub startdate: Auto<i64>,
    #[orm(server_default = "1")]
    pub visible: Auto<i64>,
    #[orm(back_populates = mdl_course)]
    pub mdl_enrols: HasMany<MdlEnrol>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "mdl_enrol")]
pub struct MdlEnrol {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "mdl_course.id")]
    pub courseid: i64,
    pub roleid: Option<i64>,
    #[orm(length = 10)]
    pub r#match: Option<String>,
    #[orm(length = 10)]
    pub r#use: Option<String>,
    pub r#move: Option<i64>,
    pub r#async: Option<i64>,
    #[orm(column = "Self")]
    pub self_: Option<i64>,
    #[orm(column = "super")]
    pub super_: Option<i64>,
    pub r#dyn: Option<i64>,
    pub r#try: Option<i64>,
    pub r#gen: Option<i64>,
    pub union: Option<i64>,
    pub r#static: Option<i64>,
    pub r#box: Option<i64>,
    pub r#true: Option<i64>,
    pub r#fn: Option<i64>,
    #[orm(column = "2fa")]
    pub column_2fa: Option<i64>,
    pub äpfel: Option<String>,
    pub ß: Option<String>,
    #[orm(column = "a b")]
    pub a_b: Option<String>,
    #[orm(column = "a-b")]
    pub a_b2: Option<String>,
    #[orm(column = "_")]
    pub column: Option<String>,
    #[orm(column = "__")]
    pub column2: Option<String>,
    #[orm(column = "$")]
    pub column3: Option<String>,
    pub 日本: Option<String>,
    #[orm(back_populates = mdl_enrols)]
    pub mdl_course: BelongsTo<MdlCourse>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "schema_migrations")]
pub struct SchemaMigration {
    #[orm(primary_key)]
    pub version: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "select")]
pub struct Select {
    #[orm(primary_key)]
    pub from: Auto<i64>,
    #[orm(references = "select.from")]
    pub r#where: Option<i64>,
    #[orm(references = "select.from")]
    pub group: Option<i64>,
    pub order: Option<String>,
    #[orm(back_populates = selects_by_where, key = "where")]
    pub where_row: BelongsTo<Select>,
    #[orm(back_populates = selects_by_group, key = "group")]
    pub group_row: BelongsTo<Select>,
    #[orm(back_populates = where_row)]
    pub selects_by_where: HasMany<Select>,
    #[orm(back_populates = group_row)]
    pub selects_by_group: HasMany<Select>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shop_product")]
#[orm(check = "\"stock\" >= 0")]
#[orm(check = "(JSON_VALID(\"attributes\") OR \"attributes\" IS NULL)")]
pub struct ShopProduct {
    #[orm(primary_key, length = 32)]
    pub id: String,
    // It is declared decimal, which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`).
    pub price: f64,
    pub stock: i64,
    pub attributes: String,
    pub duration: i64,
    #[orm(length = 39)]
    pub ip: Option<String>,
    pub active: bool,
    #[orm(column = "self")]
    pub self_: Option<i64>,
    #[orm(column = "crate")]
    pub crate_: Option<i64>,
    #[orm(length = 10, server_default = "'a'")]
    pub r#type: Auto<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "territories")]
pub struct Territory {
    #[orm(primary_key)]
    pub country: String,
    #[orm(primary_key)]
    pub code: String,
    pub name: Option<String>,
    #[orm(back_populates = country_territory_row)]
    pub employees_by_country_territory: HasMany<Employee>,
    #[orm(back_populates = home_country_home_territory_row)]
    pub employees_by_home_country_home_territory: HasMany<Employee>,
    #[orm(back_populates = territories)]
    pub employees: ManyToMany<Employee>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wp_options")]
pub struct WpOption {
    #[orm(primary_key)]
    pub option_id: Auto<i64>,
    #[orm(unique, length = 191, server_default = "''")]
    pub option_name: Auto<String>,
    pub option_value: String,
    #[orm(length = 20, server_default = "'yes'")]
    pub autoload: Auto<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wp_postmeta")]
pub struct WpPostmeta {
    #[orm(primary_key)]
    pub meta_id: Auto<i64>,
    #[orm(server_default = "0")]
    pub post_id: Auto<i64>,
    #[orm(length = 255)]
    pub meta_key: Option<String>,
    pub meta_value: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wp_posts")]
pub struct WpPost {
    #[orm(primary_key, column = "ID")]
    pub id: Auto<i64>,
    #[orm(server_default = "0")]
    pub post_author: Auto<i64>,
    #[orm(server_default = "'0000-00-00 00:00:00'")]
    pub post_date: Auto<Timestamp>,
    pub post_content: String,
    #[orm(server_default = "0")]
    pub post_parent: Auto<i64>,
    #[orm(server_default = "0")]
    pub menu_order: Auto<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wp_users")]
pub struct WpUser {
    #[orm(primary_key, column = "ID")]
    pub id: Auto<i64>,
    #[orm(length = 60, server_default = "''")]
    pub user_login: Auto<String>,
    #[orm(server_default = "'0000-00-00 00:00:00'")]
    pub user_registered: Auto<Timestamp>,
    #[orm(server_default = "0")]
    pub user_status: Auto<i64>,
}
