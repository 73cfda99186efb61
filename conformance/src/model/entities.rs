//! The entities of the programs: users with tasks, notes that require a user, and tags shared by users.

use selfsame::prelude::*;

use crate::case::CaseResult;
use crate::world::World;

/// A user with tasks, notes and tags. Deleting a user keeps the tasks without an owner, and deletes the notes.
///
/// Keys are never reused. Otherwise a task last seen with a deleted user would belong to the next user with that key; but the reference model
/// tracks owners, not keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub(super) struct User {
    #[orm(primary_key, autoincrement)]
    pub(super) id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub(super) name: String,
    pub(super) age: Option<i32>,
    #[orm(back_populates = user)]
    pub(super) tasks: HasMany<Task>,
    #[orm(back_populates = user, cascade = "save-update, merge, delete, delete-orphan")]
    pub(super) notes: HasMany<Note>,
    #[orm(secondary = "user_tags(user_id, tag_id)", back_populates = users)]
    pub(super) tags: ManyToMany<Tag>,
}

/// A task may have an owner. It has a version column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub(super) struct Task {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) title: String,
    #[orm(references = "users.id")]
    pub(super) user_id: Option<i64>,
    #[orm(version)]
    pub(super) version: i64,
    #[orm(back_populates = tasks)]
    pub(super) user: BelongsTo<User>,
}

/// A note is deleted when its user removes it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
pub(super) struct Note {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) text: String,
    #[orm(references = "users.id")]
    pub(super) user_id: Option<i64>,
    #[orm(back_populates = notes)]
    pub(super) user: BelongsTo<User>,
}

/// A tag is shared by users.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
pub(super) struct Tag {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) label: String,
    #[orm(back_populates = tags)]
    pub(super) users: ManyToMany<User>,
}

/// The entity of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    Task,
    Note,
    Tag,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::User, Self::Task, Self::Note, Self::Tag];

    /// Returns the name of the struct.
    pub(super) fn entity(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Task => "Task",
            Self::Note => "Note",
            Self::Tag => "Tag",
        }
    }

    /// Returns the name of an object, without its number.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Task => "task",
            Self::Note => "note",
            Self::Tag => "tag",
        }
    }

    /// Returns whether it may have an owner.
    pub(super) fn is_child(self) -> bool {
        matches!(self, Self::Task | Self::Note)
    }

    /// Returns the version of a new row, and the increment of each write.
    pub(super) fn first_version(self) -> i64 {
        i64::from(self == Self::Task)
    }

    /// Returns the user's relation to such children.
    pub(super) fn listed(self) -> &'static str {
        match self {
            Self::Note => "User::NOTES",
            _ => "User::TASKS",
        }
    }
}

/// Returns the name of an object, with its number in the program.
pub(super) fn name_of(object: usize, kind: Kind) -> String {
    format!("{} {object}", kind.word())
}

/// Returns the text of a task, note or tag, which shows its number.
pub(super) fn text_of(object: usize, kind: Kind, number: Option<i32>) -> String {
    match number {
        None => name_of(object, kind),
        Some(number) => format!("{} v{number}", name_of(object, kind)),
    }
}

/// A database with the tables of the entities.
pub(super) fn world(context: &crate::context::Context) -> CaseResult<World> {
    World::of(context, &metadata![User, Task, Note, Tag])
}

/// Deletes all rows.
pub(super) fn empty(world: &World) -> CaseResult {
    world.empty(&["user_tags", "tasks", "notes", "tags", "users"])
}
