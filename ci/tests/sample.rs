//! The sample of the documentation.
#![expect(missing_docs, reason = "a test")]
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

#[test]
fn smoke() -> selfsame::Result<()> {
    let engine = Engine::new(Sqlite::memory()).echo(Echo::WithParameters);
    metadata![User, Task].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let ann = session.add(User { tasks: [Task::new("write"), Task::new("read")].into(), ..User::new("ann") });
    session.flush()?;
    assert_eq!(session.get::<User>(1)?, Some(ann));
    session.commit()?;
    session[ann].name = "Ann".into();
    for task in session.load(ann, User::TASKS)? {
        session[task].completed = true;
        assert_eq!(session.load(task, Task::USER)?, Some(ann));
    }
    let bob = session.add(User::new("bob"));
    let task = session.load(ann, User::TASKS)?[0];
    session.set(task, Task::USER, Some(bob))?;
    assert_eq!(session.load(ann, User::TASKS)?.len(), 1);
    session.commit()?;
    session.savepoint(|s| { s[ann].age = Some(7); s.flush()?; assert_eq!(s[ann].age, Some(7)); Err::<(), _>(selfsame::Error::new(selfsame::ErrorKind::Validation, "x")) }).unwrap_err();
    assert_eq!(session[ann].age, None);
    session.delete(ann)?;
    session.flush()?;
    assert_eq!(session.state(ann), State::Deleted);
    session.rollback()?;
    assert_eq!(session.state(ann), State::Persistent);
    session.delete(ann)?;
    session.commit()?;
    assert_eq!(session.state(ann), State::Detached);
    assert_eq!(session.get::<User>(1)?, None);
    let users = session.add_all((0..130).map(|i| User::new(format!("u{i}"))).collect::<Vec<_>>());
    session.commit()?;
    for (i, u) in users.iter().enumerate() { assert_eq!(*session[*u].id, i as i64 + 3); }
    session.close();
    let all = session.get_many::<User>(3..100)?;
    assert_eq!(all.len(), 97);
    for u in all { session[u].age = Some(1); session.delete(u)?; }
    session.commit()?;
    Ok(())
}

#[test]
fn joined() -> selfsame::Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![User, Task].create_all(&engine)?;
    let mut session = Session::new(&engine);
    for n in 0..4 {
        let tasks: Vec<Task> = (0..n).map(|m| Task::new(format!("{n}{m}"))).collect();
        session.add(User { tasks: tasks.into(), ..User::new(format!("u{n}")) });
    }
    session.commit()?;
    session.close();
    let before = session.statements();
    let users = User::query()
        .order_by(User::NAME.desc())
        .limit(2)
        .offset(1)
        .with(User::TASKS.joined().then(Task::USER.joined()))
        .all(&mut session)?;
    assert_eq!(session.statements() - before, 2, "BEGIN and one SELECT");
    let names: Vec<&str> = users.iter().map(|&user| &*session[user].name).collect();
    assert_eq!(names, ["u2", "u1"]);
    assert_eq!(session.load(users[0], User::TASKS)?.len(), 2);
    assert_eq!(session.load(users[1], User::TASKS)?.len(), 1);
    assert_eq!(session.statements() - before, 2);
    Ok(())
}
