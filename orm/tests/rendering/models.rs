//! Entities.

use selfsame::entity::{BelongsTo, HasMany, ManyToMany};
use selfsame::value::{Auto, ColumnValue, Param, ValueRef, ValueType};
use selfsame::{DbEnum, Entity, Result};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Email(pub(crate) String);

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

#[derive(Clone, Copy, Debug, PartialEq, DbEnum)]
pub(crate) enum Status {
    Active,
    Gone,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub(crate) struct User {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    pub(crate) age: Option<i32>,
    pub(crate) email: Email,
    pub(crate) status: Status,
    pub(crate) active: bool,
    #[orm(back_populates = user)]
    pub(crate) tasks: HasMany<Task>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub(crate) struct Task {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(references = "users.id")]
    pub(crate) user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    pub(crate) user: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "clubs")]
pub(crate) struct Club {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(secondary = "club_members(club_id, member_id)")]
    pub(crate) members: ManyToMany<User>,
    #[orm(secondary = "club_friends(club_id, friend_id)")]
    pub(crate) friends: ManyToMany<Club>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "branches")]
pub(crate) struct Branch {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) label: String,
    #[orm(references = "branches.id")]
    pub(crate) parent_id: Option<i64>,
    #[orm(back_populates = children)]
    pub(crate) parent: BelongsTo<Branch>,
    #[orm(back_populates = parent)]
    pub(crate) children: HasMany<Branch>,
}
