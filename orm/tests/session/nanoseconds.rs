//! Times of other crates have nanoseconds, and columns microseconds: memory has what is stored.

use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};
use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Embedded, Entity, Result};
use selfsame_sqlite::Sqlite;

#[derive(Embedded, Clone, Debug)]
struct Span {
    from: NaiveTime,
    to: Option<NaiveTime>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
enum Due {
    Never,
    By { by: NaiveDateTime },
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "happenings")]
struct Happening {
    #[orm(primary_key)]
    at: DateTime<Utc>,
    name: String,
    seen: Option<NaiveDateTime>,
    all: Vec<Option<DateTime<Utc>>>,
    #[orm(flatten)]
    open: Option<Span>,
    #[orm(flatten)]
    due: Due,
}

fn instant(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

fn time(nanos: u32) -> NaiveTime {
    NaiveTime::from_num_seconds_from_midnight_opt(60, nanos).expect("a time")
}

/// Before 1970, where rounding down and rounding to zero differ.
const NANOS: i64 = -1_500_000_999;
const MICROS: i64 = -1_500_001_000;

fn happening() -> Happening {
    Happening {
        at: instant(NANOS),
        name: "one".to_owned(),
        seen: Some(instant(1_999).naive_utc()),
        all: vec![Some(instant(4_999)), None],
        open: Some(Span {
            from: time(1_999),
            to: Some(time(2_999)),
        }),
        due: Due::By {
            by: instant(3_999).naive_utc(),
        },
    }
}

fn session() -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Happening].create_all(&engine)?;
    Ok(Session::new(&engine))
}

#[track_caller]
fn check_stored(happening: &Happening) {
    assert_eq!(happening.at, instant(MICROS));
    assert_eq!(happening.seen, Some(instant(1_000).naive_utc()));
    assert_eq!(happening.all, [Some(instant(4_000)), None]);
    let open = happening.open.as_ref().expect("is present");
    assert_eq!((open.from, open.to), (time(1_000), Some(time(2_000))));
    let by = instant(3_000).naive_utc();
    assert_eq!(happening.due, Due::By { by });
}

#[test]
fn a_new_object_has_the_times_that_are_stored() -> Result<()> {
    let mut session = session()?;
    let one = session.add(happening());
    session.flush()?;
    check_stored(&session[one]);
    session.commit()?;
    check_stored(&session[one]);
    session.refresh(one)?;
    check_stored(&session[one]);
    Ok(())
}

#[test]
fn a_changed_object_has_the_times_that_are_stored() -> Result<()> {
    let mut session = session()?;
    let one = session.add(happening());
    session.flush()?;
    let mut other = happening();
    other.seen = Some(instant(7_999).naive_utc());
    other.at = instant(-1);
    session[one] = other;
    session.flush()?;
    let (seen, at) = (session[one].seen, session[one].at);
    session.refresh(one)?;
    assert_eq!((session[one].seen, session[one].at), (seen, at));
    assert_eq!(seen, Some(instant(7_000).naive_utc()));
    assert_eq!(at, instant(-1_000));
    Ok(())
}

/// Nothing is sent, as the row has that microsecond already.
#[test]
fn a_time_that_differs_in_nanoseconds_is_not_a_change() -> Result<()> {
    let mut session = session()?;
    let one = session.add(happening());
    session.commit()?;
    session.refresh(one)?;
    let before = session.statements();
    session[one].seen = Some(instant(1_500).naive_utc());
    session.flush()?;
    assert_eq!(session.statements(), before);
    check_stored(&session[one]);
    Ok(())
}

#[test]
fn a_hook_that_sets_the_time_sets_what_is_stored() -> Result<()> {
    let mut session = session()?;
    session.hook(Hook::before_update(|happening: &mut Happening| {
        happening.seen = Some(instant(5_999).naive_utc());
        Ok(())
    }));
    let one = session.add(happening());
    session.flush()?;
    session[one].name = "another".to_owned();
    session.flush()?;
    assert_eq!(session[one].seen, Some(instant(5_000).naive_utc()));
    Ok(())
}

#[test]
fn keys_and_filters_count_microseconds() -> Result<()> {
    let mut session = session()?;
    let one = session.add(happening());
    session.commit()?;
    assert_eq!(session.get::<Happening>(instant(NANOS))?, Some(one));
    let same = Happening::query().filter(Happening::AT.eq(instant(NANOS)));
    assert_eq!(same.all(&mut session)?, [one]);
    let before = Happening::query().filter(Happening::AT.lt(instant(NANOS)));
    assert!(before.all(&mut session)?.is_empty());
    Ok(())
}

#[cfg(feature = "jiff")]
#[test]
fn both_crates_round_down() {
    use selfsame::value::{ColumnValue, ValueRef};
    for nanos in [NANOS, -1, -1_000, 1_999] {
        let stamp = jiff::Timestamp::from_nanosecond(nanos.into()).expect("in range");
        let micros = |value: ValueRef<'_>| match value {
            ValueRef::TimestampTz(instant) => instant.0,
            other => panic!("{other:?} is not a timestamp"),
        };
        let of = |param: selfsame::value::Param<'_>| param.value().map(micros);
        assert_eq!(of(stamp.to_param()), Some(nanos.div_euclid(1_000)));
        assert_eq!(of(instant(nanos).to_param()), Some(nanos.div_euclid(1_000)));
    }
}
