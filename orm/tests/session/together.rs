//! Several changes in one flush or one transaction: each leaves rows and memory as if it were alone.

use selfsame::prelude::*;
use selfsame::session::{Hook, State};
use selfsame::{ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::{Author, Draft, Fixture};

/// A club and its members: the tables reference each other, and the program assigns the keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "clubs")]
struct Club {
    #[orm(primary_key)]
    code: String,
    #[orm(references = "fans.name")]
    head_name: Option<String>,
    #[orm(key = "head_name")]
    head: BelongsTo<Fan>,
    #[orm(back_populates = club)]
    fans: HasMany<Fan>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "fans")]
struct Fan {
    #[orm(primary_key)]
    name: String,
    #[orm(references = "clubs.code")]
    club_code: Option<String>,
    #[orm(back_populates = fans)]
    club: BelongsTo<Club>,
}

impl Club {
    fn of(code: &str, head: Option<&str>) -> Self {
        Self {
            head_name: head.map(str::to_owned),
            ..Self::new(code)
        }
    }
}

impl Fan {
    fn of(name: &str, club: Option<&str>) -> Self {
        Self {
            club_code: club.map(str::to_owned),
            ..Self::new(name)
        }
    }
}

fn clubs() -> Result<(Session, Engine)> {
    let database = Sqlite::memory();
    let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
    metadata![Club, Fan].create_all(&outside)?;
    Ok((Session::new(&engine), outside))
}

type Names = Vec<(String, Option<String>)>;

fn rows(outside: &Engine) -> Result<(Names, Names)> {
    let mut s = Session::new(outside);
    let clubs = s.sql("SELECT code, head_name FROM clubs ORDER BY code", ());
    let clubs = clubs.all()?;
    let fans = s.sql("SELECT name, club_code FROM fans ORDER BY name", ());
    Ok((clubs, fans.all()?))
}

fn pair(key: &str, other: Option<&str>) -> (String, Option<String>) {
    (key.to_owned(), other.map(str::to_owned))
}

#[test]
fn new_rows_reference_new_rows_of_a_table_that_references_theirs_by_columns() -> Result<()> {
    for fans_first in [true, false] {
        for with_head in [true, false] {
            let (mut s, outside) = clubs()?;
            let head = with_head.then_some("ann");
            let fans = [
                Fan::of("bob", None),
                Fan::of("ann", Some("c")),
                Fan::of("eve", Some("c")),
            ];
            let (club, fans) = match fans_first {
                true => {
                    let fans = s.add_all(fans);
                    (s.add(Club::of("c", head)), fans)
                }
                false => (s.add(Club::of("c", head)), s.add_all(fans)),
            };
            s.flush()?;
            assert_eq!(s[fans[1]].club_code.as_deref(), Some("c"));
            s.rollback()?;
            assert_eq!(s.state(fans[1]), State::Transient);
            let codes = fans.map(|fan| s[fan].club_code.clone());
            assert_eq!(codes, [None, Some("c".to_owned()), Some("c".to_owned())]);
            assert_eq!(s[club].head_name.as_deref(), head);
            let club = s.add(Club::of("c", head));
            let again = s.add_all([
                Fan::of("bob", None),
                Fan::of("ann", Some("c")),
                Fan::of("eve", Some("c")),
            ]);
            s.flush()?;
            assert_eq!(s.load(again[1], Fan::CLUB)?, Some(club));
            assert_eq!(s.load(club, Club::FANS)?, [again[1], again[2]]);
            s.commit()?;
            let wanted = (
                vec![pair("c", head)],
                vec![
                    pair("ann", Some("c")),
                    pair("bob", None),
                    pair("eve", Some("c")),
                ],
            );
            assert_eq!(rows(&outside)?, wanted, "{fans_first}, {with_head}");
        }
    }
    Ok(())
}

#[test]
fn new_rows_of_one_table_reference_each_other_by_columns() -> Result<()> {
    let mut f = Fixture::new()?;
    let draft = |name: &str, origin: &str| Draft {
        origin_name: Some(origin.to_owned()),
        ..Draft::new(name, "")
    };
    let drafts = f.session.add_all([
        draft("a", "b"),
        draft("b", "c"),
        draft("c", "a"),
        draft("d", "d"),
    ]);
    f.session.commit()?;
    Draft::query().all(&mut f.session)?;
    for (at, origin) in [1, 2, 0, 3].into_iter().enumerate() {
        let loaded = f.session.load(drafts[at], Draft::ORIGIN)?;
        assert_eq!(loaded, Some(drafts[origin]));
    }
    let origins = f.in_another_session(|s| {
        let sql = s.sql("SELECT origin_name FROM drafts ORDER BY name", ());
        sql.all::<(String,)>()
    })?;
    let origins: Vec<&str> = origins.iter().map(|row| &*row.0).collect();
    assert_eq!(origins, ["b", "c", "a", "d"]);
    Ok(())
}

#[test]
fn a_set_relation_takes_precedence_over_a_column_also_where_its_parent_is_later() -> Result<()> {
    let (mut s, outside) = clubs()?;
    let bob = s.add(Fan::of("bob", Some("nowhere")));
    let club = s.add(Club::of("c", Some("bob")));
    s.set(bob, Fan::CLUB, Some(club))?;
    s.commit()?;
    let wanted = (vec![pair("c", Some("bob"))], vec![pair("bob", Some("c"))]);
    assert_eq!(rows(&outside)?, wanted);
    Ok(())
}

fn age(f: &Fixture, name: &str) -> Result<Option<i32>> {
    f.in_another_session(|s| {
        let author = Author::query().filter(Author::NAME.eq(name)).one(s)?;
        Ok(s[author].age)
    })
}

/// Own statements of the transaction that write the age.
fn write(s: &mut Session, how: usize, age: i32) -> Result<()> {
    match how {
        0 => Author::query()
            .update()
            .set(Author::AGE, Some(age))
            .execute(s)
            .map(drop),
        1 => s
            .sql("UPDATE authors SET age = ?", (age,))
            .execute()
            .map(drop),
        _ => {
            let update = selfsame::sql::update(Author::table()).set(Author::AGE, Some(age));
            s.execute(&update).map(drop)
        }
    }
}

#[test]
fn an_assignment_after_an_own_statement_is_written_whatever_memory_showed() -> Result<()> {
    for how in 0..3 {
        for assigned in [10, 15, 20] {
            for is_read in [true, false] {
                for ends_by_commit in [true, false] {
                    let case = format!("{how}, {assigned}, {is_read}, {ends_by_commit}");
                    let mut f = Fixture::new()?;
                    let ann = f.session.add(Author {
                        age: Some(10),
                        ..Author::new("ann")
                    });
                    f.session.commit()?;
                    if is_read {
                        f.session.get::<Author>(1)?;
                    }
                    write(&mut f.session, how, 15)?;
                    f.session[ann].age = Some(assigned);
                    if assigned == 10 {
                        // It is unknown whether it was assigned at all, so it is neither dropped nor written.
                        let error = f.session.flush().expect_err("it is not known");
                        assert_eq!(error.kind(), ErrorKind::StaleData, "{case}");
                        assert!(error.to_string().contains("`refresh`"), "{error}");
                        f.session.rollback()?;
                        write(&mut f.session, how, 15)?;
                        f.session.refresh(ann)?;
                        f.session[ann].age = Some(assigned);
                    }
                    if !ends_by_commit {
                        f.session.flush()?;
                        f.session.get::<Author>(1)?;
                        assert_eq!(f.session[ann].age, Some(assigned), "{case}");
                    }
                    f.session.commit()?;
                    assert_eq!(age(&f, "ann")?, Some(assigned), "{case}");
                    f.session.get::<Author>(1)?;
                    assert_eq!(f.session[ann].age, Some(assigned), "{case}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_foreign_key_set_to_the_key_of_a_new_row_whose_key_is_then_changed() -> Result<()> {
    // The column names a row that is not there in the end: never another one, and never silently NULL.
    let mut f = Fixture::new()?;
    let one = f.session.add(Draft::new("a", "one"));
    let two = f.session.add(Draft::new("b", "two"));
    f.session[two].origin_name = Some("a".into());
    f.session[one].name = "z".into();
    let error = f.session.commit().expect_err("no row is called a");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    f.session.rollback()?;
    // A relation follows.
    let one = f.session.add(Draft::new("a", "one"));
    let two = f.session.add(Draft::new("b", "two"));
    f.session.set(two, Draft::ORIGIN, Some(one))?;
    f.session[one].name = "z".into();
    f.session.commit()?;
    Draft::query().all(&mut f.session)?;
    assert_eq!(f.session[two].origin_name.as_deref(), Some("z"));
    // Also if another new row takes the key in between.
    let mut f = Fixture::new()?;
    let one = f.session.add(Draft::new("a", "one"));
    let two = f.session.add(Draft::new("b", "two"));
    f.session.set(two, Draft::ORIGIN, Some(one))?;
    f.session[one].name = "z".into();
    let third = f.session.add(Draft::new("a", "three"));
    f.session.commit()?;
    Draft::query().all(&mut f.session)?;
    assert_eq!(f.session.load(two, Draft::ORIGIN)?, Some(one));
    assert_eq!(f.session[third].name, "a");
    Ok(())
}

#[test]
fn a_hook_lets_rows_name_new_rows() -> Result<()> {
    let (mut s, outside) = clubs()?;
    let old = s.add(Fan::of("old", None));
    s.commit()?;
    s.hook(Hook::before_insert(|fan: &mut Fan| {
        fan.club_code = Some("c".into());
        Ok(())
    }));
    s.hook(Hook::before_update(|fan: &mut Fan| {
        fan.club_code = Some("c".into());
        Ok(())
    }));
    s.refresh(old)?;
    s[old].club_code = Some("d".into());
    let ann = s.add(Fan::of("ann", None));
    let club = s.add(Club::of("c", Some("ann")));
    s.flush()?;
    assert_eq!(s.load(ann, Fan::CLUB)?, Some(club));
    assert_eq!(s.load(old, Fan::CLUB)?, Some(club));
    s.commit()?;
    let fans = vec![pair("ann", Some("c")), pair("old", Some("c"))];
    assert_eq!(rows(&outside)?, (vec![pair("c", Some("ann"))], fans));
    Ok(())
}

#[test]
fn an_old_row_names_a_new_one_in_an_undone_savepoint() -> Result<()> {
    for by_relation in [true, false] {
        let (mut s, outside) = clubs()?;
        let ann = s.add(Fan::of("ann", None));
        s.commit()?;
        s.refresh(ann)?;
        let relate = |s: &mut Session| -> Result<()> {
            let club = s.add(Club::of("c", Some("ann")));
            match by_relation {
                true => s.set(ann, Fan::CLUB, Some(club))?,
                false => s[ann].club_code = Some("c".into()),
            }
            s.flush()
        };
        let undone: Result<()> = s.savepoint(|s| {
            relate(s)?;
            assert_eq!(s[ann].club_code.as_deref(), Some("c"));
            Err(selfsame::Error::new(ErrorKind::Database, "boom"))
        });
        assert_eq!(undone.unwrap_err().kind(), ErrorKind::Database);
        assert_eq!(s[ann].club_code, None);
        relate(&mut s)?;
        s.commit()?;
        let wanted = (vec![pair("c", Some("ann"))], vec![pair("ann", Some("c"))]);
        assert_eq!(rows(&outside)?, wanted, "{by_relation}");
    }
    Ok(())
}

#[test]
fn a_deleted_and_a_renamed_row_make_way_for_rows_that_name_each_other() -> Result<()> {
    let (mut s, outside) = clubs()?;
    let [a, b] = s.add_all([Club::of("a", None), Club::of("b", None)]);
    let fans = s.add_all([Fan::of("ann", Some("a")), Fan::of("bob", Some("b"))]);
    s.commit()?;
    Club::query().all(&mut s)?;
    Fan::query().all(&mut s)?;
    s.delete(b)?;
    s[a].code = "b".into();
    let c = s.add(Club::of("c", Some("eve")));
    let eve = s.add(Fan::of("eve", Some("c")));
    s[fans[1]].club_code = Some("c".into());
    s.commit()?;
    let wanted = (
        vec![pair("b", None), pair("c", Some("eve"))],
        vec![
            pair("ann", Some("b")),
            pair("bob", Some("c")),
            pair("eve", Some("c")),
        ],
    );
    assert_eq!(rows(&outside)?, wanted);
    assert_eq!(s.load(fans[0], Fan::CLUB)?, Some(a));
    assert_eq!(s.load(eve, Fan::CLUB)?, Some(c));
    Ok(())
}

#[test]
fn a_bulk_statement_frees_a_key_that_is_taken_in_the_same_transaction() -> Result<()> {
    let (mut s, outside) = clubs()?;
    let ann = s.add(Fan::of("ann", None));
    s.commit()?;
    s.refresh(ann)?;
    Fan::query().delete().execute(&mut s)?;
    let again = s.add(Fan::of("ann", Some("c")));
    s.add(Club::of("c", Some("ann")));
    s.flush()?;
    assert_eq!(s.get::<Fan>("ann".to_owned())?, Some(again));
    s.rollback()?;
    assert_eq!(s.get::<Fan>("ann".to_owned())?, Some(ann));
    s.add_all([Fan::of("bob", Some("d")), Fan::of("eve", None)]);
    s.add(Club::of("d", None));
    s.insert_all([Fan::of("zoe", Some("d"))])?;
    s.commit()?;
    let fans = vec![
        pair("ann", None),
        pair("bob", Some("d")),
        pair("eve", None),
        pair("zoe", Some("d")),
    ];
    assert_eq!(rows(&outside)?, (vec![pair("d", None)], fans));
    Ok(())
}
