//! An association table that is also mapped as an entity: the rows have two owners, and are deleted once.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "clubs")]
struct Club {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "memberships(club_id, person_id)", back_populates = clubs)]
    people: ManyToMany<Person>,
    #[orm(back_populates = club, cascade = "all, delete-orphan")]
    memberships: HasMany<Membership>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
struct Person {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "memberships(person_id, club_id)", back_populates = people)]
    clubs: ManyToMany<Club>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "memberships")]
struct Membership {
    #[orm(primary_key, references = "clubs.id")]
    club_id: i64,
    #[orm(primary_key, references = "people.id")]
    person_id: i64,
    role: Option<String>,
    #[orm(back_populates = memberships)]
    club: BelongsTo<Club>,
}

fn session() -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Club, Person, Membership].create_all(&engine)?;
    let mut s = Session::new(&engine);
    s.add(Club::new(1));
    s.add_all([1, 2, 3].map(Person::new));
    s.add_all([1, 2].map(|person| Membership::new(1, person)));
    s.commit()?;
    s.clear();
    Ok(s)
}

fn memberships(s: &mut Session) -> Result<Vec<(i64, i64)>> {
    let rows = s.sql(
        "SELECT club_id, person_id FROM memberships ORDER BY 1, 2",
        (),
    );
    rows.all()
}

#[test]
fn a_parent_is_deleted_with_its_association_objects() -> Result<()> {
    for (loads_people, loads_memberships) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let mut s = session()?;
        let club = s.get::<Club>(1)?.unwrap();
        if loads_people {
            s.load(club, Club::PEOPLE)?;
        }
        if loads_memberships {
            s.load(club, Club::MEMBERSHIPS)?;
        }
        s.delete(club)?;
        s.commit()?;
        assert_eq!(memberships(&mut s)?, []);
        assert_eq!(s.get::<Club>(1)?, None);
        assert_eq!(s.get::<Membership>((1, 1))?, None);
    }
    Ok(())
}

#[test]
fn the_other_end_is_deleted_with_association_objects_in_memory() -> Result<()> {
    for deletes_object in [false, true] {
        let mut s = session()?;
        let club = s.get::<Club>(1)?.unwrap();
        let mine = s.load(club, Club::MEMBERSHIPS)?;
        s.load(club, Club::PEOPLE)?;
        let person = s.get::<Person>(1)?.unwrap();
        s.delete(person)?;
        if deletes_object {
            s.delete(mine[0])?;
        }
        s.commit()?;
        assert_eq!(memberships(&mut s)?, [(1, 2)]);
        let left = s.load(club, Club::MEMBERSHIPS)?;
        assert_eq!(
            left.iter().map(|&m| s[m].person_id).collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(s.load(club, Club::PEOPLE)?.len(), 1);
    }
    Ok(())
}

#[test]
fn a_pair_is_removed_with_its_association_object() -> Result<()> {
    for deletes_object in [false, true] {
        let mut s = session()?;
        let club = s.get::<Club>(1)?.unwrap();
        let mine = s.load(club, Club::MEMBERSHIPS)?;
        let people = s.load(club, Club::PEOPLE)?;
        s.remove(club, Club::PEOPLE, people[0])?;
        if deletes_object {
            s.delete(mine[0])?;
        } else {
            s[mine[1]].role = Some("chair".to_owned());
        }
        s.commit()?;
        assert_eq!(memberships(&mut s)?, [(1, 2)]);
        assert_eq!(s.load(club, Club::MEMBERSHIPS)?.len(), 1);
    }
    Ok(())
}

#[test]
fn an_association_object_that_another_writes_behind_is_still_stale() -> Result<()> {
    let mut s = session()?;
    let membership = s.get::<Membership>((1, 1))?.unwrap();
    s.sql("DELETE FROM memberships WHERE person_id = 1", ())
        .execute()?;
    s.delete(membership)?;
    let error = s.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    Ok(())
}
