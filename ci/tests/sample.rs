//! The sample of the documentation, on every backend.

mod backends;

use backends::{Case, On};
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique, length = 50)]
    name: String,
    age: Option<i32>,
    #[orm(back_populates = user, cascade = "all, delete-orphan")]
    tasks: HasMany<Task>,
    #[orm(secondary = "user_tags(user_id, tag_id)", back_populates = users)]
    tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(default = false)]
    completed: bool,
    #[orm(references = "users.id")]
    user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
struct Tag {
    #[orm(primary_key)]
    id: Auto<i64>,
    label: String,
    #[orm(back_populates = tags)]
    users: ManyToMany<User>,
}

const CASES: &[Case] = &[
    ("sample", |engine, _| Ok(sample(engine)?)),
    ("rows_after_the_sample", |engine, _| {
        sample(engine.clone())?;
        Ok(rows_after_the_sample(&engine)?)
    }),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}

fn sample(engine: Engine) -> selfsame::Result<()> {
    metadata![User, Task, Tag].create_all(&engine)?;
    let mut session = Session::new(&engine);

    let ann = session.add(User {
        tasks: [Task::new("write")].into(),
        ..User::new("ann")
    }); // cascades
    session.flush()?;
    assert_eq!(session.get::<User>(1)?, Some(ann)); // one row, one handle, no SQL
    session.commit()?; // expires: the next get is one SELECT

    let adults = User::query()
        .filter(User::AGE.ge(18).and(User::NAME.starts_with("a")))
        .order_by(User::NAME.asc())
        .with(User::TASKS.selectin())
        .all(&mut session)?;
    assert_eq!(adults, []);

    session[ann].name = "Ann".into(); // UPDATE users SET name = ? WHERE id = ?
    for task in session.load(ann, User::TASKS)? {
        session[task].completed = true;
        let before = session.statements();
        assert_eq!(session.load(task, Task::USER)?, Some(ann)); // identity map: no SQL
        assert_eq!(session.statements(), before);
    }
    let bob = session.add(User::new("bob"));
    let task = session.load(ann, User::TASKS)?[0];
    session.set(task, Task::USER, Some(bob))?; // both sides change at once, in memory
    let early = session.add(Tag::new("early"));
    session.push(ann, User::TAGS, early)?;
    session.push(early, Tag::USERS, bob)?;
    assert_eq!(session.load(early, Tag::USERS)?, [ann, bob]);
    assert_eq!(session.load(ann, User::TASKS)?, []);
    assert_eq!(session.load(bob, User::TASKS)?, [task]);
    session.commit()
}

fn rows_after_the_sample(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    let users = User::query().order_by(User::ID.asc()).rows(&mut session)?;
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["Ann", "bob"]);
    let early = User::query().filter(User::TAGS.any(Tag::LABEL.eq("early")));
    assert_eq!(early.count(&mut session)?, 2);
    let tasks = Task::query().rows(&mut session)?;
    let [task] = &tasks[..] else {
        panic!("one task: {tasks:?}");
    };
    assert!(task.completed);
    assert_eq!(task.user_id, users[1].id.get().copied());
    Ok(())
}
