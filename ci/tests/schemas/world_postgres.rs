//! Entities of a database (postgres), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Table1stTable,
        Größe,
        OptionRow,
        Status,
        TimestampRow,
        User,
        VecRow,
        UserFollow,
        Actor,
        Businessentity,
        DateRow,
        DjangoLog,
        DjangoUser,
        Employee,
        Film,
        FilmActor,
        FilmsByYear,
        Größen,
        HibernatePerson,
        HibernatePersonPhone,
        Language,
        ListOfActor,
        MdlSelf,
        MdlUser,
        Payment,
        Person,
        Post,
        ResPartner,
        ResPartnerCategory,
        ResPartnerResPartnerCategoryRel,
        ResUser,
        Salesorderdetail,
        Territory,
        Topic,
    ]
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "status")]
pub enum StatusKind {
    #[orm(label = "active")]
    Active,
    #[orm(label = "in-active")]
    InActive,
    #[orm(label = "Active")]
    Active2,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "\"Role\"")]
pub enum Role {
    #[orm(label = "USER")]
    User,
    #[orm(label = "ADMIN")]
    Admin,
    #[orm(label = "Self")]
    Self_,
    #[orm(label = "self")]
    SelfValue,
    #[orm(label = "1st")]
    Value1st,
    #[orm(label = "Größe")]
    Größe,
    #[orm(label = "a b")]
    AB,
    #[orm(label = "a-b")]
    AB2,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "mpaa_rating")]
pub enum MpaaRating {
    #[orm(label = "G")]
    G,
    #[orm(label = "PG")]
    Pg,
    #[orm(label = "PG-13")]
    Pg13,
    #[orm(label = "R")]
    R,
    #[orm(label = "NC-17")]
    Nc17,
    #[orm(label = "")]
    Blank,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "1st table")]
pub struct Table1stTable {
    #[orm(primary_key, column = "1st")]
    pub column_1st: i32,
    #[orm(column = "2nd", references = "1st table.1st")]
    pub column_2nd: Option<i32>,
    pub new: Option<String>,
    pub query: Option<String>,
    pub mapper: Option<String>,
    pub key: Option<String>,
    #[orm(back_populates = table_1st_tables_by_column_2nd)]
    pub column_2nd_row: BelongsTo<Table1stTable>,
    #[orm(back_populates = column_2nd_row)]
    pub table_1st_tables_by_column_2nd: HasMany<Table1stTable>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Größe")]
pub struct Größe {
    #[orm(primary_key, column = "Schlüssel")]
    pub schlüssel: String,
    // Its collation is "C".
    #[orm(column = "Überschrift")]
    pub überschrift: Option<String>,
    #[orm(back_populates = größe)]
    pub größens: HasMany<Größen>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Option")]
pub struct OptionRow {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub some: Option<String>,
    pub kind: Option<StatusKind>,
    pub kinds: Option<Vec<StatusKind>>,
    #[orm(db_type = "point3")]
    pub place: Option<String>,
    #[orm(db_type = "point3[]")]
    pub places: Option<Vec<String>>,
    // Its type is the domain tag_list, mapped as its base type.
    pub tags: Option<Vec<String>>,
    pub grid: Option<Vec<Vec<i32>>>,
    #[orm(db_type = "int4range")]
    pub spans: Option<String>,
    #[orm(db_type = "int8multirange")]
    pub many: Option<String>,
    #[orm(back_populates = option)]
    pub statuses: HasMany<Status>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Status")]
pub struct Status {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "Option.id")]
    pub option_id: Option<i32>,
    #[orm(server_default = "'active'::status")]
    pub status: Auto<StatusKind>,
    #[orm(back_populates = statuses)]
    pub option: BelongsTo<OptionRow>,
    #[orm(back_populates = status)]
    pub vecs: HasMany<VecRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Timestamp")]
pub struct TimestampRow {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "date.id")]
    pub date_id: Option<i32>,
    #[orm(back_populates = timestamps)]
    pub date: BelongsTo<DateRow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "User")]
pub struct User {
    #[orm(primary_key)]
    pub id: String,
    #[orm(unique)]
    pub email: String,
    #[orm(server_default = "'USER'::\"Role\"")]
    pub role: Auto<Role>,
    #[orm(server_default = "'{}'::\"Role\"[]")]
    pub roles: Auto<Vec<Role>>,
    #[orm(
        column = "createdAt",
        db_type = "timestamp(3) without time zone",
        server_default = "CURRENT_TIMESTAMP"
    )]
    pub created_at: Auto<Timestamp>,
    pub meta: Option<serde_json::Value>,
    // Its type is json.
    pub data: Option<serde_json::Value>,
    pub photo: Option<Vec<u8>>,
    #[orm(secondary = "_UserFollows(A, B)", back_populates = users_by_b)]
    pub users_by_a: ManyToMany<User>,
    #[orm(back_populates = users_by_a)]
    pub users_by_b: ManyToMany<User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Vec")]
pub struct VecRow {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub string_id: Option<i32>,
    #[orm(references = "Status.id")]
    pub status_id: Option<i32>,
    #[orm(back_populates = vecs)]
    pub status: BelongsTo<Status>,
}

// It has no primary key: its UNIQUE (A, B) stands for one here.
// Its rows are the pairs of User.users_by_a and User.users_by_b, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "_UserFollows")]
pub struct UserFollow {
    #[orm(
        primary_key,
        column = "A",
        references = "User.id",
        on_delete = "cascade"
    )]
    pub a: String,
    #[orm(
        primary_key,
        column = "B",
        references = "User.id",
        on_delete = "cascade"
    )]
    pub b: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "actor")]
pub struct Actor {
    #[orm(primary_key)]
    pub actor_id: Auto<i32>,
    pub first_name: String,
    pub last_name: String,
    #[orm(back_populates = actor)]
    pub film_actors: HasMany<FilmActor>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "businessentity")]
pub struct Businessentity {
    #[orm(primary_key)]
    pub businessentityid: Auto<i32>,
    #[orm(server_default = "gen_random_uuid()")]
    pub rowguid: Auto<uuid::Uuid>,
    #[orm(server_default = "now()")]
    pub modifieddate: Auto<Timestamp>,
    #[orm(back_populates = businessentity)]
    pub person: HasOne<Person>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "date")]
pub struct DateRow {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub date: Option<Date>,
    pub time: Option<Time>,
    pub timestamp: Option<Timestamp>,
    pub decimal: Option<Decimal>,
    pub uuid: Option<uuid::Uuid>,
    pub json: Option<serde_json::Value>,
    #[orm(back_populates = date)]
    pub timestamps: HasMany<TimestampRow>,
}

// Only partly here: the constraint django_log_user_id_fkey, FOREIGN KEY (user_id) REFERENCES django_user(id) DEFERRABLE INITIALLY DEFERRED.
#[derive(Entity, Clone, Debug)]
#[orm(table = "django_log")]
#[orm(
    check(name = "django_log_action_flag_check", condition = "(action_flag >= 0)")
)]
pub struct DjangoLog {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "django_user.id")]
    pub user_id: i32,
    pub action_flag: i16,
    #[orm(back_populates = django_logs)]
    pub user: BelongsTo<DjangoUser>,
}

// Only partly here: CREATE INDEX django_user_password_like ON django_user USING btree (password varchar_pattern_ops).
#[derive(Entity, Clone, Debug)]
#[orm(table = "django_user")]
pub struct DjangoUser {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(length = 128, index = "django_user_password_like")]
    pub password: String,
    pub last_login: Option<TimestampTz>,
    pub is_active: bool,
    #[orm(unique)]
    pub uid: uuid::Uuid,
    #[orm(db_type = "inet")]
    pub ip: Option<String>,
    #[orm(db_type = "interval")]
    pub span: Option<String>,
    // Its type is character varying(20)[].
    #[orm(db_type = "character varying(20)[]")]
    pub tags: Vec<String>,
    #[orm(db_type = "numrange")]
    pub price_range: Option<String>,
    #[orm(back_populates = user)]
    pub django_logs: HasMany<DjangoLog>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "employees")]
#[orm(
    foreign_key(columns(country, territory), references = "territories(country, code)")
)]
#[orm(
    foreign_key(columns(country, home_territory), references = "territories(country, code)")
)]
pub struct Employee {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "employees.id")]
    pub reports_to: Option<i32>,
    #[orm(db_type = "character(2)")]
    pub country: Option<String>,
    #[orm(length = 10)]
    pub territory: Option<String>,
    #[orm(length = 10)]
    pub home_territory: Option<String>,
    #[orm(back_populates = employees_by_reports_to, key = "reports_to")]
    pub reports_to_row: BelongsTo<Employee>,
    #[orm(
        back_populates = employees_by_country_territory,
        key = "country, territory"
    )]
    pub country_territory_row: BelongsTo<Territory>,
    #[orm(
        back_populates = employees_by_country_home_territory,
        key = "country, home_territory"
    )]
    pub country_home_territory_row: BelongsTo<Territory>,
    #[orm(back_populates = reports_to_row)]
    pub employees_by_reports_to: HasMany<Employee>,
}

// Not here: CREATE INDEX film_fulltext_idx ON film USING gist (fulltext).
#[derive(Entity, Clone, Debug)]
#[orm(table = "film")]
pub struct Film {
    #[orm(primary_key)]
    pub film_id: Auto<i32>,
    pub title: String,
    // Its type is the domain year, mapped as its base type.
    pub release_year: Option<i32>,
    #[orm(
        references = "language.language_id",
        on_delete = "restrict",
        on_update = "cascade"
    )]
    pub language_id: i32,
    #[orm(references = "language.language_id")]
    pub original_language_id: Option<i32>,
    #[orm(precision = (4, 2), server_default = "4.99")]
    pub rental_rate: Auto<Decimal>,
    #[orm(server_default = "'G'::mpaa_rating")]
    pub rating: Auto<Option<MpaaRating>>,
    pub special_features: Option<Vec<String>>,
    #[orm(db_type = "tsvector", server_default = "''::tsvector")]
    pub fulltext: Auto<String>,
    #[orm(back_populates = films_by_language)]
    pub language: BelongsTo<Language>,
    #[orm(back_populates = films_by_original_language)]
    pub original_language: BelongsTo<Language>,
    #[orm(back_populates = film)]
    pub film_actors: HasMany<FilmActor>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "film_actor")]
pub struct FilmActor {
    #[orm(primary_key, references = "actor.actor_id")]
    pub actor_id: i32,
    #[orm(primary_key, references = "film.film_id")]
    pub film_id: i32,
    #[orm(server_default = "now()")]
    pub last_update: Auto<TimestampTz>,
    #[orm(back_populates = film_actors)]
    pub actor: BelongsTo<Actor>,
    #[orm(back_populates = film_actors)]
    pub film: BelongsTo<Film>,
}

// It is a materialized view.
#[derive(Entity, Clone, Debug)]
#[orm(table = "films_by_year")]
#[orm(view)]
pub struct FilmsByYear {
    // Its type is the domain year, mapped as its base type.
    pub release_year: Option<i32>,
    pub n: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "größen")]
pub struct Größen {
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "Größe.Schlüssel")]
    pub größe_id: Option<String>,
    #[orm(back_populates = größens)]
    pub größe: BelongsTo<Größe>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "hibernate_person")]
pub struct HibernatePerson {
    #[orm(length = 31)]
    pub dtype: String,
    #[orm(primary_key)]
    pub id: i64,
    pub version: i32,
    #[orm(length = 255)]
    pub name: Option<String>,
    #[orm(length = 255)]
    pub street: Option<String>,
    pub gender: Option<i16>,
    #[orm(db_type = "oid")]
    pub photo: Option<String>,
    pub duration: Option<i64>,
    pub created: Option<TimestampTz>,
    #[orm(back_populates = person)]
    pub hibernate_person_phones: HasMany<HibernatePersonPhone>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "hibernate_person_phones")]
pub struct HibernatePersonPhone {
    #[orm(primary_key, references = "hibernate_person.id")]
    pub person_id: i64,
    #[orm(length = 255)]
    pub phones: Option<String>,
    #[orm(primary_key)]
    pub phones_key: i32,
    #[orm(back_populates = hibernate_person_phones)]
    pub person: BelongsTo<HibernatePerson>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "language")]
pub struct Language {
    #[orm(primary_key)]
    pub language_id: Auto<i32>,
    #[orm(db_type = "character(20)")]
    pub name: String,
    #[orm(server_default = "now()")]
    pub last_update: Auto<Timestamp>,
    #[orm(back_populates = language)]
    pub films_by_language: HasMany<Film>,
    #[orm(back_populates = original_language)]
    pub films_by_original_language: HasMany<Film>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "list of actors")]
#[orm(view)]
pub struct ListOfActor {
    pub actor_id: Option<i32>,
    #[orm(column = "full name")]
    pub full_name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "mdl_self")]
pub struct MdlSelf {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "mdl_self.id")]
    pub self_id: Option<i64>,
    #[orm(references = "mdl_self.id")]
    pub super_id: Option<i64>,
    #[orm(references = "mdl_user.id")]
    pub crate_id: Option<i64>,
    #[orm(references = "mdl_user.id")]
    pub type_id: Option<i64>,
    #[orm(references = "mdl_user.id")]
    pub use_id: Option<i64>,
    #[orm(back_populates = mdl_selfs_by_self, key = "self_id")]
    pub self_: BelongsTo<MdlSelf>,
    #[orm(back_populates = mdl_selfs_by_super, key = "super_id")]
    pub super_: BelongsTo<MdlSelf>,
    #[orm(back_populates = mdl_selfs_by_crate, key = "crate_id")]
    pub crate_: BelongsTo<MdlUser>,
    #[orm(back_populates = mdl_selfs_by_type)]
    pub r#type: BelongsTo<MdlUser>,
    #[orm(back_populates = mdl_selfs_by_use)]
    pub r#use: BelongsTo<MdlUser>,
    #[orm(back_populates = self_)]
    pub mdl_selfs_by_self: HasMany<MdlSelf>,
    #[orm(back_populates = super_)]
    pub mdl_selfs_by_super: HasMany<MdlSelf>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "mdl_user")]
pub struct MdlUser {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 20, server_default = "'manual'::character varying")]
    pub auth: Auto<String>,
    #[orm(server_default = "0")]
    pub confirmed: Auto<i16>,
    #[orm(length = 30, server_default = "'en'::character varying")]
    pub lang: Auto<String>,
    pub r#match: Option<i64>,
    pub r#use: Option<i64>,
    #[orm(column = "self")]
    pub self_: Option<i64>,
    #[orm(column = "Self")]
    pub self_2: Option<i64>,
    #[orm(column = "crate")]
    pub crate_: Option<i64>,
    #[orm(column = "super")]
    pub super_: Option<i64>,
    pub r#async: Option<i64>,
    pub r#dyn: Option<i64>,
    pub r#try: Option<i64>,
    pub r#box: Option<i64>,
    pub r#type: Option<i64>,
    #[orm(column = "2fa")]
    pub column_2fa: Option<i64>,
    pub äpfel: Option<String>,
    #[orm(column = "a b")]
    pub a_b: Option<String>,
    #[orm(column = "a-b")]
    pub a_b2: Option<String>,
    #[orm(column = "_")]
    pub column: Option<String>,
    #[orm(column = "$")]
    pub column2: Option<String>,
    pub 日本: Option<String>,
    #[orm(back_populates = crate_)]
    pub mdl_selfs_by_crate: HasMany<MdlSelf>,
    #[orm(back_populates = r#type)]
    pub mdl_selfs_by_type: HasMany<MdlSelf>,
    #[orm(back_populates = r#use)]
    pub mdl_selfs_by_use: HasMany<MdlSelf>,
}

// It is partitioned by RANGE (payment_date).
#[derive(Entity, Clone, Debug)]
#[orm(table = "payment")]
pub struct Payment {
    #[orm(primary_key = 2)]
    pub payment_id: Auto<i64>,
    #[orm(precision = (5, 2))]
    pub amount: Decimal,
    #[orm(primary_key = 1)]
    pub payment_date: TimestampTz,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "person")]
pub struct Person {
    #[orm(primary_key, references = "businessentity.businessentityid")]
    pub businessentityid: i32,
    #[orm(db_type = "character(2)")]
    pub persontype: String,
    #[orm(server_default = "false")]
    pub namestyle: Auto<bool>,
    #[orm(db_type = "xml")]
    pub additional: Option<String>,
    #[orm(back_populates = person)]
    pub businessentity: BelongsTo<Businessentity>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "posts")]
pub struct Post {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "topics.id", on_delete = "cascade")]
    pub topic_id: i32,
    #[orm(references = "posts.id")]
    pub reply_to: Option<i32>,
    pub raw: String,
    pub raw_email: Option<String>,
    #[orm(
        db_type = "tsvector",
        computed = "to_tsvector('simple'::regconfig, raw)"
    )]
    pub search: Auto<Option<String>>,
    #[orm(db_type = "bit(8)")]
    pub likes: Option<String>,
    #[orm(db_type = "bit varying(5)")]
    pub mask: Option<String>,
    #[orm(db_type = "money")]
    pub cost: Option<String>,
    #[orm(db_type = "macaddr")]
    pub mac: Option<String>,
    #[orm(db_type = "cidr")]
    pub net: Option<String>,
    #[orm(db_type = "point")]
    pub spot: Option<String>,
    #[orm(db_type = "xml")]
    pub doc: Option<String>,
    #[orm(db_type = "time with time zone")]
    pub at: Option<String>,
    #[orm(back_populates = posts)]
    pub topic: BelongsTo<Topic>,
    #[orm(back_populates = posts_by_reply_to, key = "reply_to")]
    pub reply_to_row: BelongsTo<Post>,
    #[orm(back_populates = reply_to_row)]
    pub posts_by_reply_to: HasMany<Post>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "res_partner")]
pub struct ResPartner {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "res_users.id", on_delete = "set null")]
    pub create_uid: Option<i32>,
    pub write_uid: Option<i32>,
    #[orm(references = "res_partner.id")]
    pub commercial_partner_id: Option<i32>,
    #[orm(references = "res_partner.id")]
    pub parent_id: Option<i32>,
    pub name: Option<String>,
    pub r#ref: Option<String>,
    pub r#type: Option<String>,
    pub active: Option<bool>,
    pub credit_limit: Option<f64>,
    pub vat: Option<String>,
    #[orm(back_populates = res_partners_by_commercial_partner)]
    pub commercial_partner: BelongsTo<ResPartner>,
    #[orm(back_populates = res_partners_by_parent)]
    pub parent: BelongsTo<ResPartner>,
    #[orm(back_populates = res_partners, key = "create_uid")]
    pub res_user: BelongsTo<ResUser>,
    #[orm(back_populates = commercial_partner)]
    pub res_partners_by_commercial_partner: HasMany<ResPartner>,
    #[orm(back_populates = parent)]
    pub res_partners_by_parent: HasMany<ResPartner>,
    #[orm(back_populates = partner)]
    pub res_users: HasMany<ResUser>,
    #[orm(back_populates = res_partners)]
    pub res_partner_categories: ManyToMany<ResPartnerCategory>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "res_partner_category")]
pub struct ResPartnerCategory {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub name: String,
    pub parent_path: Option<String>,
    pub color: Option<i32>,
    #[orm(
        secondary = "res_partner_res_partner_category_rel(category_id, partner_id)",
        back_populates = res_partner_categories
    )]
    pub res_partners: ManyToMany<ResPartner>,
}

// Its rows are the pairs of ResPartnerCategory.res_partners and ResPartner.res_partner_categories, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "res_partner_res_partner_category_rel")]
pub struct ResPartnerResPartnerCategoryRel {
    #[orm(
        primary_key,
        references = "res_partner_category.id",
        on_delete = "cascade"
    )]
    pub category_id: i32,
    #[orm(primary_key, references = "res_partner.id", on_delete = "cascade")]
    pub partner_id: i32,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "res_users")]
pub struct ResUser {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "res_partner.id", on_delete = "restrict")]
    pub partner_id: i32,
    #[orm(unique)]
    pub login: String,
    #[orm(references = "res_users.id")]
    pub create_uid: Option<i32>,
    #[orm(back_populates = res_users)]
    pub partner: BelongsTo<ResPartner>,
    #[orm(back_populates = res_users_by_create_uid, key = "create_uid")]
    pub create_uid_row: BelongsTo<ResUser>,
    #[orm(back_populates = res_user, passive_deletes)]
    pub res_partners: HasMany<ResPartner>,
    #[orm(back_populates = create_uid_row)]
    pub res_users_by_create_uid: HasMany<ResUser>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "salesorderdetail")]
#[orm(
    check(name = "salesorderdetail_orderqty_check", condition = "(orderqty > 0)")
)]
pub struct Salesorderdetail {
    #[orm(primary_key)]
    pub salesorderid: i32,
    #[orm(primary_key)]
    pub salesorderdetailid: Auto<i32>,
    pub unitprice: Decimal,
    pub orderqty: i16,
    #[orm(computed = "(unitprice * (orderqty)::numeric)")]
    pub linetotal: Auto<Option<Decimal>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "territories")]
pub struct Territory {
    #[orm(primary_key, db_type = "character(2)")]
    pub country: String,
    #[orm(primary_key, length = 10)]
    pub code: String,
    #[orm(back_populates = country_territory_row)]
    pub employees_by_country_territory: HasMany<Employee>,
    #[orm(back_populates = country_home_territory_row)]
    pub employees_by_country_home_territory: HasMany<Employee>,
}

// Not here: CREATE UNIQUE INDEX topics_title_live ON topics USING btree (lower((title)::text)) WHERE (deleted_by_id IS NULL).
#[derive(Entity, Clone, Debug)]
#[orm(table = "topics")]
pub struct Topic {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub title: String,
    pub user_id: Option<i32>,
    pub category_id: Option<i32>,
    pub bumped_at: Option<Timestamp>,
    #[orm(server_default = "'regular'::character varying")]
    pub archetype: Auto<String>,
    pub deleted_by_id: Option<i32>,
    pub highest: Option<Decimal>,
    #[orm(back_populates = topic, cascade = "merge, delete", passive_deletes)]
    pub posts: HasMany<Post>,
}
