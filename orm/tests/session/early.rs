//! Unique values of deleted rows that other rows take, so that some writes come before all others.

use selfsame::Result;
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "firms")]
struct Firm {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique)]
    name: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "plans")]
struct Plan {
    #[orm(primary_key)]
    code: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "projects")]
struct Project {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "workers")]
struct Worker {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "firms.id")]
    firm_id: i64,
    #[orm(references = "projects.id")]
    project_id: Option<i64>,
    project: BelongsTo<Project>,
    #[orm(references = "plans.code")]
    plan_code: Option<String>,
}

/// A shelf of a firm, with a unique label.
#[derive(Entity, Clone, Debug)]
#[orm(table = "racks")]
struct Rack {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "firms.id")]
    firm_id: i64,
    #[orm(unique)]
    label: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "boxes")]
struct Crate {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "racks.id")]
    rack_id: i64,
    rack: BelongsTo<Rack>,
}

fn firms() -> Result<(Session, [Handle<Firm>; 3])> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Firm, Plan, Project, Worker, Rack, Crate].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let firms = s.add_all(["x", "y", "z"].map(Firm::new));
    s.commit()?;
    for firm in firms {
        s.refresh(firm)?;
    }
    Ok((s, firms))
}

#[test]
fn a_row_that_waits_for_a_new_one_is_written_after_it() -> Result<()> {
    let (mut s, [gone, _, kept]) = firms()?;
    let [one, two] = s.add_all([Worker::new(1), Worker::new(1)]);
    s.commit()?;
    s.refresh(one)?;
    s.refresh(two)?;
    let kept = s[kept].id.get().copied().expect("a key");
    s[two].firm_id = kept;
    s.flush()?;
    s.delete(gone)?;
    s.add(Firm::new("x"));
    s[one].firm_id = kept;
    let project = s.add(Project::new());
    s.set(two, Worker::PROJECT, Some(project))?;
    s.commit()?;
    s.refresh(project)?;
    let project = s[project].id.get().copied();
    let rows: Vec<(i64, Option<i64>)> = s
        .sql("SELECT firm_id, project_id FROM workers ORDER BY id", ())
        .all()?;
    assert_eq!(rows, [(kept, None), (kept, project)]);
    Ok(())
}

#[test]
fn a_unique_value_that_was_null_in_between_is_there_afterwards() -> Result<()> {
    let (mut s, [gone, _, kept]) = firms()?;
    let rack = |firm, label: &str| Rack {
        label: Some(label.to_owned()),
        ..Rack::new(firm)
    };
    let [first, last] = s.add_all([rack(1, "a"), rack(1, "g")]);
    s.commit()?;
    let held = s.add(Crate::new(2));
    s.commit()?;
    s.refresh(first)?;
    s.refresh(last)?;
    s.refresh(held)?;
    let kept = s[kept].id.get().copied().expect("a key");
    s.delete(gone)?;
    s.delete(last)?;
    s.add(Firm::new("x"));
    s[first].firm_id = kept;
    s[first].label = Some("b".to_owned());
    let new = s.add(rack(kept, "a"));
    s.set(held, Crate::RACK, new)?;
    s.commit()?;
    let rows: Vec<(i64, Option<String>)> = s
        .sql("SELECT firm_id, label FROM racks ORDER BY label", ())
        .all()?;
    assert_eq!(
        rows,
        [(kept, Some("a".to_owned())), (kept, Some("b".to_owned()))]
    );
    Ok(())
}

#[test]
fn a_row_waits_for_a_new_one_that_it_references_by_its_key() -> Result<()> {
    let (mut s, [gone, renamed, _]) = firms()?;
    let worker = s.add(Worker::new(1));
    s.commit()?;
    s.refresh(worker)?;
    let kept = s[renamed].id.get().copied().expect("a key");
    s.delete(gone)?;
    s[renamed].name = "x".to_owned();
    s.add(Plan::new("p"));
    s[worker].firm_id = kept;
    s[worker].plan_code = Some("p".to_owned());
    s.commit()?;
    s.refresh(worker)?;
    assert_eq!(
        (s[worker].firm_id, s[worker].plan_code.as_deref()),
        (kept, Some("p"))
    );
    Ok(())
}

/// A deleted object shows the row that it had, even if a column was NULL before the DELETE, so that another row could take the value.
#[test]
fn a_deleted_object_shows_the_value_that_an_early_row_takes() -> Result<()> {
    for in_savepoint in [true, false] {
        let (mut s, [gone, _, kept]) = firms()?;
        let rack = |firm, label: &str| Rack {
            label: Some(label.to_owned()),
            ..Rack::new(firm)
        };
        let [first, last] = s.add_all([rack(1, "a"), rack(1, "g")]);
        s.commit()?;
        let held = s.add(Crate::new(1));
        s.commit()?;
        for rack in [first, last] {
            s.refresh(rack)?;
        }
        s.refresh(held)?;
        let kept = s[kept].id.get().copied().expect("a key");
        let work = |s: &mut Session| -> Result<()> {
            s.delete(gone)?;
            s.delete(first)?;
            s.add(Firm::new("x"));
            s[last].firm_id = kept;
            let new = s.add(rack(kept, "a"));
            s.set(held, Crate::RACK, new)?;
            s.flush()?;
            assert_eq!(s[first].label.as_deref(), Some("a"));
            assert_eq!(s.history(first, Rack::LABEL)?, None);
            Err(selfsame::Error::new(selfsame::ErrorKind::Database, "undo"))
        };
        match in_savepoint {
            true => assert!(s.savepoint(work).is_err()),
            false => {
                assert!(work(&mut s).is_err());
                s.rollback()?;
            }
        }
        assert_eq!(s[first].label.as_deref(), Some("a"));
        s.commit()?;
        let rows: Vec<String> = s.sql("SELECT label FROM racks ORDER BY label", ()).all()?;
        assert_eq!(rows, ["a", "g"]);
    }
    Ok(())
}
