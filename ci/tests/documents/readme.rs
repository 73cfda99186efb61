use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    pub age: Option<i32>,
    #[orm(back_populates = user, cascade = "all, delete-orphan")]
    pub tasks: HasMany<Task>,
    #[orm(secondary = "user_tags(user_id, tag_id)", back_populates = users)]
    pub tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub struct Task {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub title: String,
    #[orm(default = false)]
    pub completed: bool,
    #[orm(references = "users.id")]
    pub user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    pub user: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
pub struct Tag {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub label: String,
    #[orm(back_populates = tags)]
    pub users: ManyToMany<User>,
}

pub fn main() -> selfsame::Result<()> {
    let engine = Engine::new(Sqlite::memory()).echo(Echo::Sql);
    metadata![User, Task, Tag].create_all(&engine)?; // and user_tags
    let mut session = Session::new(&engine);

    // Added objects belong to the session; a handle is Copy and stands for one row.
    let ann = session.add(User {
        tasks: [Task::new("write"), Task::new("read")].into(),
        tags: [Tag::new("early")].into(),
        ..User::new("ann")
    });
    session.commit()?; // one INSERT for each table, user_tags included

    let adults = User::query()
        .filter(User::AGE.ge(18).or(User::NAME.starts_with("a")))
        .order_by(User::NAME.asc())
        .with(User::TASKS.selectin())
        .all(&mut session)?;
    assert_eq!(adults, [ann]); // one row, one handle

    session[ann].age = Some(36); // noticed; written by the next flush, this column alone
    for task in session.load(ann, User::TASKS)? {
        session[task].completed = true;
        assert_eq!(session.load(task, Task::USER)?, Some(ann)); // in memory already: no SQL
    }
    session.commit() // one statement for the user, one for both tasks
}
