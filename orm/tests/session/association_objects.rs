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

/// An association object with a key of its own and a version, and what hangs on it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "teams")]
struct Team {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "seats(team_id, player_id)", back_populates = teams)]
    players: ManyToMany<Player>,
    #[orm(back_populates = team, cascade = "all, delete-orphan")]
    seats: HasMany<Seat>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "players")]
struct Player {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "seats(player_id, team_id)", back_populates = players)]
    teams: ManyToMany<Team>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
struct Seat {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "teams.id")]
    team_id: i64,
    #[orm(references = "players.id")]
    player_id: i64,
    #[orm(back_populates = seats)]
    team: BelongsTo<Team>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
struct Ticket {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "seats.id", on_delete = "cascade")]
    seat_id: i64,
}

#[test]
fn objects_of_removed_pairs_and_what_their_rows_take_along_are_read_again() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Team, Player, Seat, Ticket].create_all(&engine)?;
    let mut s = Session::new(&engine);
    s.add(Team::new(1));
    s.add_all([1, 2].map(Player::new));
    s.add_all([1, 2].map(|player| Seat::new(player, 1, player)));
    s.add_all([1, 2].map(|seat| Ticket::new(seat, seat)));
    s.commit()?;
    s.clear();

    let team = s.get::<Team>(1)?.unwrap();
    let players = s.load(team, Team::PLAYERS)?;
    for key in [1, 2] {
        assert!(s.get::<Seat>(key)?.is_some());
        assert!(s.get::<Ticket>(key)?.is_some());
    }
    s.remove(team, Team::PLAYERS, players[0])?;
    s.flush()?;
    assert_eq!(s.get::<Seat>(1)?, None);
    assert_eq!(s.get::<Ticket>(1)?, None);
    assert!(s.get::<Seat>(2)?.is_some());
    assert!(s.get::<Ticket>(2)?.is_some());
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rooms")]
struct Room {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "keys(room_id, guest_id)", back_populates = rooms)]
    guests: ManyToMany<Guest>,
    #[orm(back_populates = room, cascade = "all, delete-orphan")]
    keys: HasMany<RoomKey>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "guests")]
struct Guest {
    #[orm(primary_key)]
    id: i64,
    #[orm(secondary = "keys(guest_id, room_id)", back_populates = guests)]
    rooms: ManyToMany<Room>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "keys")]
struct RoomKey {
    #[orm(primary_key, references = "rooms.id")]
    room_id: i64,
    #[orm(primary_key, references = "guests.id")]
    guest_id: i64,
    #[orm(version)]
    version: i64,
    #[orm(back_populates = keys)]
    room: BelongsTo<Room>,
}

#[test]
fn a_version_that_another_counted_on_is_not_deleted_with_its_pair() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Room, Guest, RoomKey].create_all(&engine)?;
    let mut s = Session::new(&engine);
    s.add(Room::new(1));
    s.add(Guest::new(1));
    s.add(RoomKey::new(1, 1));
    s.commit()?;
    s.clear();
    let room = s.get::<Room>(1)?.unwrap();
    s.load(room, Room::KEYS)?;
    s.load(room, Room::GUESTS)?;
    s.sql("UPDATE keys SET version = version + 1", ())
        .execute()?;
    s.delete(room)?;
    let error = s.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    Ok(())
}
