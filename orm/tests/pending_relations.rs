//! Relationship fields of added objects, without a database.

use std::borrow::Cow;
use std::sync::Arc;

use selfsame::backend::{Backend, Connection};
use selfsame::dialect::{Batch, Capabilities, Dialect};
use selfsame::entity::{BelongsTo, HasMany, HasOne};
use selfsame::schema::ColumnType;
use selfsame::session::{Handle, Session};
use selfsame::value::Auto;
use selfsame::{Engine, Entity, Error, ErrorKind, Result};

#[derive(Entity, Clone, Debug)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = user)]
    tasks: HasMany<Task>,
    #[orm(back_populates = owner)]
    profile: HasOne<Profile>,
}

#[derive(Entity, Clone, Debug)]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "user.id")]
    user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
struct Profile {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "user.id", unique)]
    owner_id: Option<i64>,
    #[orm(back_populates = profile)]
    owner: BelongsTo<User>,
}

/// A database that cannot be reached, so that every statement fails.
#[derive(Debug)]
struct Unreachable;

impl Backend for Unreachable {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Unreachable, "there is no database"))
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }
}

impl Dialect for Unreachable {
    fn name(&self) -> &str {
        "unreachable"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        Cow::Borrowed("TEXT")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }
}

fn session() -> Session {
    Session::new(&Engine::from_backend(Arc::new(Unreachable)))
}

fn titles(session: &Session, tasks: &[Handle<Task>]) -> Vec<String> {
    let title = |&task: &Handle<Task>| session[task].title.clone();
    tasks.iter().map(title).collect()
}

#[test]
fn members_are_added_with_their_owner() -> Result<()> {
    let mut session = session();
    let written = session.add(Task::new("written before"));
    let mut tasks = HasMany::from([Task::new("write")]);
    tasks.push(Task::new("read"));
    tasks.push(written);
    let ann = session.add(User {
        tasks,
        profile: Profile::new().into(),
        ..User::new("ann")
    });
    assert_eq!(session[ann].tasks.pending(), 0);
    assert_eq!(session[ann].profile.pending(), 0);
    let tasks = session.load(ann, User::TASKS)?;
    assert_eq!(
        titles(&session, &tasks),
        ["write", "read", "written before"]
    );
    for task in tasks {
        assert_eq!(session.load(task, Task::USER)?, Some(ann));
    }
    let profile = session
        .load(ann, User::PROFILE)?
        .expect("a profile was given");
    assert_eq!(session.load(profile, Profile::OWNER)?, Some(ann));
    assert_eq!(session.new_objects::<Task>().len(), 3);
    assert_eq!(session.statements(), 0);
    Ok(())
}

#[test]
fn an_owner_is_added_with_its_member() -> Result<()> {
    let mut session = session();
    let write = session.add(Task {
        user: User::new("ann").into(),
        ..Task::new("write")
    });
    let ann = session.load(write, Task::USER)?.expect("a user was given");
    assert_eq!(session[ann].name, "ann");
    let read = session.add(Task {
        user: ann.into(),
        ..Task::new("read")
    });
    assert_eq!(session.load(ann, User::TASKS)?, [write, read]);
    assert_eq!(session.new_objects::<User>(), [ann]);
    Ok(())
}

#[test]
fn a_copy_has_the_same_pending_relations() -> Result<()> {
    let mut session = session();
    let first = User {
        tasks: vec![Task::new("write"), Task::new("read")].into(),
        ..User::new("ann")
    };
    assert_eq!(format!("{:?}", first.tasks), "HasMany(2)");
    let (first, second) = session.add_all((first.clone(), first));
    let tasks = [first, second].map(|user| session.load(user, User::TASKS));
    let [first, second] = tasks.map(|tasks| titles(&session, &tasks.expect("they are known")));
    assert_eq!(first, ["write", "read"]);
    assert_eq!(first, second);
    assert_eq!(session.new_objects::<Task>().len(), 4);
    Ok(())
}
