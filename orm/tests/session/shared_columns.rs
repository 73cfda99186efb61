//! Foreign keys that share a column, such as a tenant.

#![expect(
    clippy::duplicated_attributes,
    reason = "foreign keys that share a column say so"
)]

use selfsame::prelude::*;
use selfsame::{Entity, Error, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "tenants")]
struct Tenant {
    #[orm(primary_key)]
    id: i64,
    #[orm(back_populates = tenant)]
    tickets: HasMany<Ticket>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "staff")]
struct Member {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(back_populates = by)]
    wrote: HasMany<Ticket>,
    #[orm(back_populates = to)]
    does: HasMany<Ticket>,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
}

/// Both foreign keys are nullable and contain the tenant.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "loans",
    foreign_key(columns(tenant_id, member), references = "staff(tenant_id, number)")
)]
struct Loan {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "tenants.id")]
    tenant_id: Option<i64>,
    #[orm(column = "member")]
    member: Option<i32>,
    #[orm(key = "tenant_id, member")]
    to: BelongsTo<Member>,
}

/// Three foreign keys begin with the same column; two of them have another, nullable one.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "tickets",
    foreign_key(columns(tenant_id, author), references = "staff(tenant_id, number)"),
    foreign_key(columns(tenant_id, assignee), references = "staff(tenant_id, number)")
)]
struct Ticket {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "tenants.id")]
    tenant_id: i64,
    #[orm(column = "author")]
    author: i32,
    #[orm(column = "assignee")]
    assignee: Option<i32>,
    #[orm(key = "tenant_id", back_populates = tickets)]
    tenant: BelongsTo<Tenant>,
    #[orm(key = "tenant_id, author", back_populates = wrote)]
    by: BelongsTo<Member>,
    #[orm(key = "tenant_id, assignee", back_populates = does)]
    to: BelongsTo<Member>,
}

struct Office {
    session: Session,
    outside: Engine,
    ann: Handle<Member>,
    bob: Handle<Member>,
    other: Handle<Member>,
}

impl Office {
    fn new() -> Result<Self> {
        let database = Sqlite::memory();
        let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
        metadata![Tenant, Member, Ticket, Loan].create_all(&outside)?;
        let mut session = Session::new(&engine);
        session.add_all([Tenant::new(1), Tenant::new(2)]);
        let [ann, bob, other] =
            session.add_all([(1, 1), (1, 2), (2, 1)].map(|key| Member::new(key.0, key.1)));
        session.commit()?;
        Ok(Self {
            session,
            outside,
            ann,
            bob,
            other,
        })
    }

    /// The foreign keys of the tickets in the database.
    fn rows(&self) -> Result<Vec<(i64, i32, Option<i32>)>> {
        let columns = (Ticket::TENANT_ID, Ticket::AUTHOR, Ticket::ASSIGNEE);
        let tickets = Ticket::query().order_by(Ticket::ID.asc()).select(columns);
        tickets.all(&mut Session::new(&self.outside))
    }
}

#[test]
fn each_reference_is_written_for_itself() -> Result<()> {
    let mut office = Office::new()?;
    let (ann, bob) = (office.ann, office.bob);
    let s = &mut office.session;
    let ticket = s.add(Ticket {
        by: ann.into(),
        to: bob.into(),
        ..Ticket::new(0, 0)
    });
    assert_eq!(s.load(ticket, Ticket::BY)?, ann);
    assert_eq!(s.load(ticket, Ticket::TO)?, Some(bob));
    s.commit()?;
    assert_eq!(s.load(ann, Member::WROTE)?, [ticket]);
    assert_eq!(s.load(bob, Member::DOES)?, [ticket]);
    assert_eq!(s.load(ann, Member::DOES)?, []);
    s.set(ticket, Ticket::BY, bob)?;
    s.push(ann, Member::DOES, ticket)?;
    assert_eq!(s.load(bob, Member::WROTE)?, [ticket]);
    assert_eq!(s.load(bob, Member::DOES)?, []);
    s.commit()?;
    assert_eq!(office.rows()?, [(1, 2, Some(1))]);
    Ok(())
}

#[test]
fn a_reference_is_emptied_by_the_column_that_is_its_own() -> Result<()> {
    for is_deleted in [false, true] {
        let mut office = Office::new()?;
        let (ann, bob) = (office.ann, office.bob);
        let s = &mut office.session;
        let ticket = s.add(Ticket {
            by: ann.into(),
            to: bob.into(),
            ..Ticket::new(0, 0)
        });
        s.commit()?;
        match is_deleted {
            true => s.delete(bob)?,
            false => {
                s.set(ticket, Ticket::BY, ann)?;
                s.set(ticket, Ticket::TO, None)?;
            }
        }
        s.commit()?;
        assert_eq!(s.load(ticket, Ticket::TO)?, None);
        assert_eq!(s.load(ticket, Ticket::BY)?, ann);
        assert_eq!(office.rows()?, [(1, 1, None)]);
        // The other one cannot be cleared: its column is NOT NULL.
        let error = office.session.remove(ann, Member::WROTE, ticket);
        let error = error.and_then(|()| office.session.flush());
        let error = error.expect_err("a required reference");
        assert_eq!(error.kind(), ErrorKind::NotNullViolation, "{error}");
    }
    Ok(())
}

#[test]
fn a_nullable_column_that_another_key_needs_is_kept() -> Result<()> {
    let mut office = Office::new()?;
    let bob = office.bob;
    let s = &mut office.session;
    let loan = s.add(Loan {
        to: bob.into(),
        ..Loan::new(1)
    });
    s.commit()?;
    assert_eq!((s[loan].tenant_id, s[loan].member), (Some(1), Some(2)));
    s.set(loan, Loan::TO, None)?;
    s.commit()?;
    assert_eq!((s[loan].tenant_id, s[loan].member), (Some(1), None));
    Ok(())
}

#[test]
fn shared_columns_agree_or_are_refused() -> Result<()> {
    for is_new in [false, true] {
        let mut office = Office::new()?;
        let (ann, other) = (office.ann, office.other);
        let s = &mut office.session;
        let second = s.get::<Tenant>(2)?.expect("a tenant");
        let parent = match is_new {
            true => s.add(Member {
                tenant: second.into(),
                ..Member::new(0, 9)
            }),
            false => other,
        };
        let ticket = s.add(Ticket {
            by: ann.into(),
            to: parent.into(),
            ..Ticket::new(0, 0)
        });
        let error = s.flush().expect_err("two tenants");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
        assert!(error.to_string().contains("tenant_id"), "{error}");
        s.rollback()?;
        assert_eq!(s.state(ticket), selfsame::session::State::Transient);
        // All of them change together.
        let ticket = s.add(Ticket {
            by: ann.into(),
            to: ann.into(),
            ..Ticket::new(0, 0)
        });
        s.flush()?;
        let parent = s.add(Member::new(2, 9));
        s.set(ticket, Ticket::BY, other)?;
        s.set(ticket, Ticket::TO, Some(parent))?;
        s.set(ticket, Ticket::TENANT, second)?;
        s.commit()?;
        assert_eq!(s.load(ticket, Ticket::TO)?, Some(parent));
        assert_eq!(s.load(second, Tenant::TICKETS)?, [ticket]);
        assert_eq!(office.rows()?, [(2, 1, Some(9))]);
    }
    Ok(())
}

#[test]
fn they_are_undone_one_by_one() -> Result<()> {
    let mut office = Office::new()?;
    let (ann, bob) = (office.ann, office.bob);
    let s = &mut office.session;
    let ticket = s.add(Ticket {
        by: ann.into(),
        to: bob.into(),
        ..Ticket::new(0, 0)
    });
    s.commit()?;
    let undone = s.savepoint(|s| {
        s.set(ticket, Ticket::BY, bob)?;
        s.set(ticket, Ticket::TO, None)?;
        s.flush()?;
        Err::<(), _>(Error::new(ErrorKind::Database, "boom"))
    });
    assert!(undone.is_err());
    assert_eq!(s.load(ticket, Ticket::BY)?, ann);
    assert_eq!(s.load(ticket, Ticket::TO)?, Some(bob));
    assert_eq!(s.load(ann, Member::WROTE)?, [ticket]);
    assert_eq!(s.load(bob, Member::DOES)?, [ticket]);
    s.set(ticket, Ticket::TO, Some(ann))?;
    s.expire(ticket)?;
    assert_eq!(s.load(ticket, Ticket::TO)?, Some(bob));
    assert_eq!(s.load(ann, Member::DOES)?, []);
    Ok(())
}
