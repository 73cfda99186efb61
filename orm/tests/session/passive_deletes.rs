//! Children that the database deletes or releases with their parent.

use selfsame::prelude::*;
use selfsame::{Engine, ErrorKind, Result, assert_statements};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
struct Owner {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = owner, cascade = "merge, delete", passive_deletes)]
    owned: HasMany<Owned>,
    #[orm(back_populates = owner, passive_deletes)]
    lent: HasMany<Lent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owned")]
struct Owned {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "owners.id", on_delete = "cascade")]
    owner_id: i64,
    #[orm(back_populates = owned)]
    owner: BelongsTo<Owner>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lent")]
struct Lent {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "owners.id", on_delete = "set null")]
    owner_id: Option<i64>,
    #[orm(back_populates = lent)]
    owner: BelongsTo<Owner>,
}

/// An owner with three owned and two lent things, none in memory.
fn filled() -> Result<(Engine, Session)> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Owner, Owned, Lent].create_all(&engine)?;
    let mut session = Session::new(&engine);
    for _ in 0..2 {
        session.add(Owner {
            owned: [Owned::new(0), Owned::new(0), Owned::new(0)].into(),
            lent: [Lent::new(), Lent::new()].into(),
            ..Owner::new()
        });
    }
    session.commit()?;
    session.clear();
    Ok((engine, session))
}

fn count<E: Entity>(session: &mut Session) -> Result<u64> {
    E::query().count(session)
}

#[test]
fn unloaded_children_are_left_to_the_database() -> Result<()> {
    let (_, mut session) = filled()?;
    let owner = session.get::<Owner>(1)?.expect("is there");
    session.delete(owner)?;
    assert_statements!(session, 1, { session.flush()? });
    session.commit()?;
    assert_eq!(count::<Owned>(&mut session)?, 3);
    assert_eq!(count::<Lent>(&mut session)?, 4);
    let free = Lent::query().filter(Lent::OWNER_ID.is_null());
    assert_eq!(free.count(&mut session)?, 2);
    Ok(())
}

#[test]
fn children_in_memory_are_released_as_usual() -> Result<()> {
    let (_, mut session) = filled()?;
    let owner = session.get::<Owner>(1)?.expect("is there");
    let owned = session.get::<Owned>(1)?.expect("is there");
    let lent = session.get::<Lent>(2)?.expect("is there");
    let added = session.add(Owned::new(0));
    session.set(added, Owned::OWNER, owner)?;
    session.delete(owner)?;
    session.flush()?;
    assert_eq!(session.state(owned), selfsame::session::State::Deleted);
    assert_eq!(session[lent].owner_id, None);
    session.commit()?;
    assert_eq!(count::<Owned>(&mut session)?, 3);
    assert_eq!(count::<Lent>(&mut session)?, 4);
    Ok(())
}

/// A row that was read before the last commit may have another owner now.
#[test]
fn expired_children_are_left_to_the_database() -> Result<()> {
    let (engine, mut session) = filled()?;
    let owner = session.get::<Owner>(1)?.expect("is there");
    let moved = session.get::<Owned>(1)?.expect("is there");
    session.commit()?;
    let mut other = Session::new(&engine);
    let there = other.get::<Owned>(1)?.expect("is there");
    other[there].owner_id = 2;
    other.commit()?;
    drop(other);
    session.delete(owner)?;
    session.commit()?;
    session.refresh(moved)?;
    assert_eq!(session[moved].owner_id, 2);
    assert_eq!(count::<Owned>(&mut session)?, 4);
    Ok(())
}

/// The flush plans a single step.
#[test]
fn children_that_a_commit_released_are_known() -> Result<()> {
    let (_, mut session) = filled()?;
    let owner = session.get::<Owner>(1)?.expect("is there");
    let owned = session.get::<Owned>(1)?.expect("is there");
    let lent = session.get::<Lent>(1)?.expect("is there");
    session.commit()?;
    session.delete(owner)?;
    session.commit()?;
    assert_eq!(session[lent].owner_id, None);
    session[lent].owner_id = Some(2);
    session.commit()?;
    session.refresh(lent)?;
    assert_eq!(session[lent].owner_id, Some(2));
    let gone = session.refresh(owned);
    assert_eq!(gone.expect_err("is gone").kind(), ErrorKind::StaleData);
    session.rollback()
}

/// The database does nothing for the children of a row that a new object takes over instead of deleting it.
#[test]
fn a_row_that_is_taken_over_lets_go_of_its_children() -> Result<()> {
    for are_known in [false, true] {
        let (_, mut session) = filled()?;
        let owner = session.get::<Owner>(1)?.expect("a row");
        if are_known {
            session.load(owner, Owner::OWNED)?;
            session.get::<Lent>(1)?;
        }
        session.delete(owner)?;
        let new = session.add(Owner {
            id: Auto::set(1),
            ..Owner::new()
        });
        session.commit()?;
        assert_eq!(session.load(new, Owner::OWNED)?, []);
        assert_eq!(session.load(new, Owner::LENT)?, []);
        assert_eq!(count::<Owned>(&mut session)?, 3);
        assert_eq!(count::<Lent>(&mut session)?, 4);
    }
    Ok(())
}

/// Its new parent may be new, or not.
#[test]
fn a_child_moves_before_its_old_parent_is_deleted() -> Result<()> {
    for is_new in [false, true] {
        let (_, mut session) = filled()?;
        let old = session.get::<Owner>(1)?.expect("a row");
        let new = match is_new {
            true => session.add(Owner::new()),
            false => session.get::<Owner>(2)?.expect("a row"),
        };
        let owned = session.get::<Owned>(1)?.expect("a row");
        let lent = session.get::<Lent>(1)?.expect("a row");
        session.set(owned, Owned::OWNER, new)?;
        session.set(lent, Lent::OWNER, Some(new))?;
        session.delete(old)?;
        session.commit()?;
        session.refresh(new)?;
        session.refresh(owned)?;
        session.refresh(lent)?;
        let id = *session[new].id;
        assert_eq!(session[owned].owner_id, id);
        assert_eq!(session[lent].owner_id, Some(id));
        assert_eq!(count::<Owned>(&mut session)?, 4);
        assert_eq!(count::<Lent>(&mut session)?, 4);
    }
    Ok(())
}

#[test]
fn an_expression_after_a_relation_field_is_written() -> Result<()> {
    let (_, mut session) = filled()?;
    let lent = session.get::<Lent>(1)?.expect("a row");
    session[lent].owner = Owner::new().into();
    session.set_blind(lent, Lent::OWNER_ID, Some(2))?;
    session.commit()?;
    session.refresh(lent)?;
    assert_eq!(session[lent].owner_id, Some(2));
    Ok(())
}

#[test]
fn an_expired_child_that_another_session_moved_is_read_with_the_deletion() -> Result<()> {
    let (engine, mut session) = filled()?;
    let third = session.add(Owner::new());
    let owner = session.get::<Owner>(1)?.expect("a row");
    let moved = session.get::<Owned>(1)?.expect("a row");
    session.commit()?;
    let mut other = Session::new(&engine);
    let there = other.get::<Owned>(1)?.expect("a row");
    other[there].owner_id = 2;
    other.commit()?;
    drop(other);
    session.delete(owner)?;
    session.flush()?;
    assert_eq!(session[moved].owner_id, 2);
    session[moved].owner_id = *session[third].id;
    session.commit()?;
    assert_eq!(session.load(moved, Owned::OWNER)?, third);
    Ok(())
}
