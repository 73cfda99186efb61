//! The state that memory assumes of a row: after rollbacks, after own writes, for expired objects, and for keys whose rows no longer exist.

use selfsame::prelude::*;
use selfsame::sql::text;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Author, Book, Draft, Fixture, Region, Seat, Shop, Vehicle};

fn boom<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Database, "boom"))
}

type Write = fn(&mut Session, Handle<Author>) -> Result<()>;

/// Ways to write a row in this session with values unknown to memory: the age becomes 15.
const OWN_WRITES: [(&str, Write); 7] = [
    ("set_expr", |s, h| {
        s.set_expr(h, Author::AGE, Author::AGE + 5)?;
        s.flush()
    }),
    ("set_blind", |s, h| {
        s.set_blind(h, Author::AGE, 15)?;
        s.flush()
    }),
    ("bulk", |s, _| {
        let query = Author::query().filter(Author::AGE.eq(10));
        query
            .update()
            .set(Author::AGE, Some(15))
            .execute(s)
            .map(drop)
    }),
    ("raw", |s, _| {
        let sql = s.sql("UPDATE authors SET age = 15 WHERE age = ?", (10,));
        sql.execute().map(drop)
    }),
    ("statement", |s, _| {
        let update = selfsame::sql::update(Author::table()).set(Author::AGE, Some(15));
        s.execute(&update.filter(Author::AGE.eq(10))).map(drop)
    }),
    ("raw with rows", |s, _| {
        let sql = s.sql(
            "UPDATE authors SET age = 15 WHERE age = ? RETURNING id",
            (10,),
        );
        sql.all::<(i64,)>().map(drop)
    }),
    ("raw text with rows", |s, _| {
        let sql = "UPDATE authors SET age = 15 WHERE age = ? RETURNING id";
        s.rows(&text(sql, (10,)).read_as::<(i64,)>()).map(drop)
    }),
];

type Read = fn(&mut Session, Handle<Author>) -> Result<()>;

/// Ways to reread a row.
const READS: [(&str, Read); 5] = [
    ("nothing", |_, _| Ok(())),
    ("get", |s, h| {
        let id = *s[h].id;
        s.get::<Author>(id).map(drop)
    }),
    ("refresh", Session::refresh),
    ("query", |s, _| {
        Author::query().populate_existing().all(s).map(drop)
    }),
    ("write of another column", |s, h| {
        s[h].height = Some(2.0);
        s.flush()
    }),
];

fn aged() -> Result<(Fixture, Handle<Author>)> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        age: Some(10),
        ..Author::new("ann")
    });
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    Ok((f, ann))
}

fn age_in_database(f: &Fixture) -> Result<Option<i32>> {
    f.in_another_session(|s| {
        let ann = Author::query().filter(Author::NAME.ne("other")).one(s)?;
        Ok(s[ann].age)
    })
}

#[test]
fn what_a_raw_statement_with_rows_wrote_is_read() -> Result<()> {
    let (mut f, ann) = aged()?;
    let s = &mut f.session;
    let raise = "UPDATE authors SET age = age + 5 RETURNING age";
    assert_eq!(s.sql(raise, ()).one::<(i32,)>()?, (15,));
    s.get::<Author>(1)?;
    let age = s[ann].age.unwrap_or_default();
    s[ann].age = Some(age + 1);
    s.commit()?;
    assert_eq!(age_in_database(&f)?, Some(16));
    // Also if its rows are not those that were expected.
    f.session.get::<Author>(1)?;
    assert!(f.session.sql(raise, ()).all::<(i32, i32)>().is_err());
    f.session.get::<Author>(1)?;
    assert_eq!(f.session[ann].age, Some(21));
    // A query leaves everything as it is.
    for query in [
        "select age from authors",
        "-- ages\n(/* all */ SELECT age FROM authors)",
        "VALUES (1)",
    ] {
        let rows = f.session.sql(query, ()).all::<(i32,)>();
        assert!(rows.is_ok() || query.starts_with("--"), "{query}: {rows:?}");
    }
    f.forget();
    f.session.get::<Author>(1)?;
    f.sends(&[]);
    Ok(())
}

#[test]
fn a_rollback_leaves_no_value_that_never_was() -> Result<()> {
    for (write, own) in OWN_WRITES {
        for (read, reads) in READS {
            for is_read_before in [true, false] {
                let case = format!("{write}, {read}, {is_read_before}");
                let (mut f, ann) = aged()?;
                if !is_read_before {
                    f.session.commit()?;
                }
                own(&mut f.session, ann)?;
                reads(&mut f.session, ann)?;
                f.session.rollback()?;
                assert_eq!(f.session[ann].age, Some(10), "{case}, rollback");
                assert_eq!(f.session[ann].height, None, "{case}, rollback");
                f.session[ann].age = Some(15);
                f.session.commit()?;
                assert_eq!(age_in_database(&f)?, Some(15), "{case}, written after");

                let (mut f, ann) = aged()?;
                if !is_read_before {
                    f.session.commit()?;
                }
                let undone = f.session.savepoint(|s| {
                    own(s, ann)?;
                    reads(s, ann)?;
                    boom::<()>()
                });
                assert_eq!(undone.unwrap_err().kind(), ErrorKind::Database, "{case}");
                assert_eq!(f.session[ann].age, Some(10), "{case}, savepoint");
                f.session[ann].age = Some(15);
                f.session.commit()?;
                assert_eq!(age_in_database(&f)?, Some(15), "{case}, after a savepoint");
            }
        }
    }
    Ok(())
}

#[test]
fn own_writes_are_never_taken_for_anothers() -> Result<()> {
    for (write, own) in OWN_WRITES {
        let (mut f, ann) = aged()?;
        if write == "raw with rows" {
            continue;
        }
        own(&mut f.session, ann)?;
        f.session[ann].age = Some(100);
        f.session
            .commit()
            .map_err(|error| Error::new(error.kind(), format!("{write}: {error}")))?;
        assert_eq!(age_in_database(&f)?, Some(100), "{write}");
        own(&mut f.session, ann)?;
        f.session[ann].height = Some(1.0);
        f.session.commit()?;
        f.session.get::<Author>(1)?;
        assert_eq!(f.session[ann].height, Some(1.0), "{write}");
    }
    // The value of an expression is known even after the commit.
    let (mut f, ann) = aged()?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 5)?;
    f.session.commit()?;
    f.session[ann].age = Some(100);
    f.session.commit()?;
    assert_eq!(age_in_database(&f)?, Some(100));
    Ok(())
}

#[test]
fn own_writes_of_rows_with_versions_are_not_taken_for_anothers() -> Result<()> {
    type Own = fn(&mut Session, Handle<Draft>) -> Result<()>;
    let writes: [Own; 3] = [
        |s, h| {
            s.set_expr(h, Draft::TEXT, "own")?;
            s.flush()
        },
        |s, _| {
            let update = Draft::query().update().set(Draft::TEXT, "own");
            update.execute(s).map(drop)
        },
        |s, _| {
            let sql = s.sql("UPDATE drafts SET text = 'own', version = version + 1", ());
            sql.execute().map(drop)
        },
    ];
    for own in writes {
        let mut f = Fixture::new()?;
        let draft = f.session.add(Draft::new("d", "first"));
        f.session.commit()?;
        f.session.get::<Draft>("d".to_owned())?;
        own(&mut f.session, draft)?;
        f.session[draft].text = "last".into();
        f.session.commit()?;
        f.in_another_session(|s| {
            let draft = Draft::query().one(s)?;
            assert_eq!((&*s[draft].text, s[draft].version), ("last", 3));
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn concurrent_changes_are_still_noticed() -> Result<()> {
    let (mut f, ann) = aged()?;
    f.session.commit()?;
    let other = f.session.add(Author::new("other"));
    f.session.flush()?;
    f.session.set_expr(other, Author::AGE, 1)?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].age = Some(50);
        Ok(())
    })?;
    // Undoing the savepoint undid its writes.
    f.session[ann].age = Some(11);
    assert_eq!(f.session.commit().unwrap_err().kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    assert_eq!(age_in_database(&f)?, Some(50));
    Ok(())
}

#[test]
fn the_last_known_value_is_written_or_refused_but_not_dropped() -> Result<()> {
    let (mut f, ann) = aged()?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].age = Some(50);
        Ok(())
    })?;
    f.session[ann].age = Some(10);
    assert_eq!(f.session.commit().unwrap_err().kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.session.refresh(ann)?;
    f.session[ann].age = Some(10);
    f.session.commit()?;
    assert_eq!(age_in_database(&f)?, Some(10));
    // Without concurrent changes, an equal value is not written.
    f.session[ann].age = Some(10);
    f.forget();
    f.session.commit()?;
    assert!(f.sent().iter().all(|sent| !sent.starts_with("UPDATE")));
    Ok(())
}

#[test]
fn a_deferred_column_that_was_read_after_an_own_write_is_undone() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.sql(
            "INSERT INTO vehicles(name, manual, kind) VALUES ('v', 'as usual', 'bicycle')",
            (),
        )
        .execute()
    })?;
    let vehicle = f.session.get::<Vehicle>(1)?.expect("a row");
    f.session
        .sql("UPDATE vehicles SET manual = 'never'", ())
        .execute()?;
    f.session.undefer(vehicle, Vehicle::MANUAL)?;
    assert_eq!(f.session[vehicle].manual.get(), Some(&"never".to_owned()));
    f.session.rollback()?;
    assert_eq!(f.session[vehicle].manual.get(), None);
    f.session.undefer(vehicle, Vehicle::MANUAL)?;
    assert_eq!(
        f.session[vehicle].manual.get(),
        Some(&"as usual".to_owned())
    );
    Ok(())
}

#[test]
fn a_row_that_is_taken_over_is_read_first() -> Result<()> {
    let seat = |taken| Seat {
        taken,
        ..Seat::new(1, "A", false)
    };
    type Change = fn(&mut Fixture) -> Result<()>;
    let changes: [Change; 3] = [
        |f| {
            f.session.commit()?;
            f.in_another_session(|s| s.sql("UPDATE seats SET taken = 1", ()).execute().map(drop))
        },
        |f| {
            let sql = f.session.sql("UPDATE seats SET taken = 1", ());
            sql.execute().map(drop)
        },
        |f| {
            let update = Seat::query().update().set(Seat::TAKEN, true);
            update.execute(&mut f.session).map(drop)
        },
    ];
    for change in changes {
        for is_written_to in [false, true] {
            let mut f = Fixture::new()?;
            let old = f.session.add(seat(false));
            f.session.commit()?;
            f.session.get::<Seat>((1, "A".to_owned()))?;
            change(&mut f)?;
            if is_written_to {
                f.session[old].taken = true;
            }
            f.session.delete(old)?;
            let new = f.session.add(seat(false));
            f.session.commit()?;
            f.in_another_session(|s| {
                let seat = Seat::query().one(s)?;
                assert!(!s[seat].taken, "the row is as the new object says");
                Ok(())
            })?;
            assert!(!f.session[new].taken);
        }
    }
    Ok(())
}

#[test]
fn a_row_with_a_version_that_is_taken_over_is_read_first() -> Result<()> {
    let mut f = Fixture::new()?;
    let old = f.session.add(Draft::new("d", "first"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let draft = Draft::query().one(s)?;
        s[draft].text = "other".into();
        Ok(())
    })?;
    f.session.delete(old)?;
    f.session.add(Draft::new("d", "first"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let draft = Draft::query().one(s)?;
        assert_eq!((&*s[draft].text, s[draft].version), ("first", 3));
        Ok(())
    })?;
    f.session.expire_all();
    let old = Draft::query().one(&mut f.session)?;
    f.session.commit()?;
    f.in_another_session(|s| Draft::query().delete().execute(s).map(drop))?;
    f.session.delete(old)?;
    f.session.add(Draft::new("d", "first"));
    assert_eq!(f.session.commit().unwrap_err().kind(), ErrorKind::StaleData);
    Ok(())
}

#[test]
fn a_new_object_takes_a_key_that_another_leaves_in_the_same_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = f.session.add(Seat::new(1, "A", false));
    f.session.commit()?;
    for is_expired in [true, false] {
        if !is_expired {
            f.session.refresh(seat)?;
        }
        let row = f.session[seat].row;
        f.session[seat].row = row + 1;
        let new = f.session.add(Seat::new(row, "A", true));
        f.session.commit()?;
        let found = f.session.get::<Seat>((row, "A".to_owned()))?;
        assert_eq!(found, Some(new));
    }
    f.holds::<Seat>(3);
    Ok(())
}

type Vanish = fn(&mut Fixture) -> Result<()>;

#[test]
fn a_key_whose_row_no_longer_exists_is_free() -> Result<()> {
    let vanishes: [(&str, Vanish); 5] = [
        ("another", |f| {
            f.session.commit()?;
            f.in_another_session(|s| s.sql("DELETE FROM regions", ()).execute().map(drop))
        }),
        ("another, while it is current", |f| {
            f.session.commit()?;
            f.session.get::<Region>("n".to_owned())?;
            f.session.commit()?;
            f.in_another_session(|s| s.sql("DELETE FROM regions", ()).execute().map(drop))
        }),
        ("own raw DELETE", |f| {
            f.session.sql("DELETE FROM regions", ()).execute().map(drop)
        }),
        ("failed transaction", |f| {
            f.session.sql("DELETE FROM regions", ()).execute()?;
            f.session.commit()?;
            f.session.clear();
            let failed = f.session.transaction(|s| {
                s.insert_all([Region::new("n")])?;
                s.get::<Region>("n".to_owned())?;
                boom::<()>()
            });
            assert!(failed.is_err());
            Ok(())
        }),
        ("failed savepoint", |f| {
            f.session.sql("DELETE FROM regions", ()).execute()?;
            f.session.commit()?;
            f.session.clear();
            let failed = f.session.savepoint(|s| {
                s.sql("INSERT INTO regions(code) VALUES ('n')", ())
                    .execute()?;
                s.get::<Region>("n".to_owned())?;
                boom::<()>()
            });
            assert!(failed.is_err());
            Ok(())
        }),
    ];
    for (name, vanish) in vanishes {
        for looks_up in [false, true] {
            for merges in [false, true] {
                let case = format!("{name}, {looks_up}, {merges}");
                let mut f = Fixture::new()?;
                f.session.add(Region::new("n"));
                f.session.commit()?;
                f.session.get::<Region>("n".to_owned())?;
                vanish(&mut f)?;
                if looks_up {
                    assert_eq!(f.session.get::<Region>("n".to_owned())?, None, "{case}");
                }
                for is_undone in [true, false] {
                    let new = if merges {
                        f.session.merge(Region::new("n"))?
                    } else {
                        f.session.add(Region::new("n"))
                    };
                    f.session
                        .flush()
                        .map_err(|e| Error::new(e.kind(), format!("{case}: {e}")))?;
                    if is_undone && !name.starts_with("own") {
                        f.session.rollback()?;
                        f.session.take(new)?;
                        continue;
                    }
                    f.session.commit()?;
                    f.holds::<Region>(1);
                    let found = f.session.get::<Region>("n".to_owned())?;
                    assert_eq!(found, Some(new), "{case}");
                    break;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_key_whose_row_is_there_is_not_free() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Region::new("n"));
    f.session.commit()?;
    f.session.add(Region::new("n"));
    let error = f.session.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    f.session.rollback()?;
    f.holds::<Region>(1);
    Ok(())
}

#[test]
fn a_parent_whose_row_no_longer_exists_is_not_a_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let region = f.session.add(Region::new("n"));
    f.session.commit()?;
    f.in_another_session(|s| s.sql("DELETE FROM regions", ()).execute().map(drop))?;
    assert_eq!(f.session.get_many::<Region>(["n".to_owned()])?, []);
    assert_eq!(f.session.state(region), selfsame::session::State::Deleted);
    f.session.rollback()?;
    assert_eq!(
        f.session.state(region),
        selfsame::session::State::Persistent
    );
    let error = f.session.refresh(region).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    let region = f.session.add(Region {
        shops: [Shop {
            open: true,
            ..Shop::new("n", 1, true)
        }]
        .into(),
        ..Region::new("n")
    });
    f.session.commit()?;
    assert_eq!(f.session.load(region, Region::SHOPS)?.len(), 1);
    f.holds::<Shop>(1);
    f.holds::<Book>(0);
    Ok(())
}

#[test]
fn a_changed_key_may_be_that_of_a_row_that_is_gone() -> Result<()> {
    for is_undone in [false, true] {
        let mut f = Fixture::new()?;
        let [first, gone] = f
            .session
            .add_all([Seat::new(1, "A", false), Seat::new(2, "A", false)]);
        f.session.commit()?;
        f.in_another_session(|s| {
            let gone = s.get::<Seat>((2, "A".to_owned()))?.expect("a row");
            s.delete(gone)
        })?;
        f.session[first].row = 2;
        f.session.flush()?;
        let found = f.session.get::<Seat>((2, "A".to_owned()))?;
        assert_eq!(found, Some(first));
        if is_undone {
            f.session.rollback()?;
            assert_eq!(f.session[first].row, 1);
            let found = f.session.get::<Seat>((1, "A".to_owned()))?;
            assert_eq!(found, Some(first));
            assert_eq!(f.session.get::<Seat>((2, "A".to_owned()))?, None);
        }
        f.session.commit()?;
        assert_eq!(f.session.state(gone), selfsame::session::State::Detached);
        f.holds::<Seat>(1);
    }
    Ok(())
}
