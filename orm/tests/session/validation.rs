//! Values that validation functions reject, before a statement is sent.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "accounts")]
struct Account {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 8, validate = rules::is_a_name)]
    name: String,
    #[orm(validate = rules::is_an_age)]
    age: Option<i32>,
    #[orm(server_default = "1", validate = rules::is_an_age)]
    rank: Auto<i32>,
    #[orm(server_default = "NULL", validate = rules::is_an_age)]
    floor: Auto<Option<i32>>,
    note: Option<String>,
}

mod rules {
    pub(super) fn is_a_name(name: &str) -> Result<(), &'static str> {
        match name.trim() == name {
            true => Ok(()),
            false => Err("a name has no space around it"),
        }
    }

    pub(super) fn is_an_age(age: &i32) -> Result<(), String> {
        match (0..150).contains(age) {
            true => Ok(()),
            false => Err("between 0 and 149".to_owned()),
        }
    }
}

fn session() -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Account].create_all(&engine)?;
    Ok(Session::new(&engine))
}

/// The outcome of committing one new object: the error's kind and text, and the number of statements sent.
fn refused(account: Account) -> Result<Option<(ErrorKind, String, u64)>> {
    let mut session = session()?;
    session.add(account);
    let error = session.commit().err();
    Ok(error.map(|error| (error.kind(), error.to_string(), session.statements())))
}

#[test]
fn a_bad_value_is_refused_by_the_name_of_its_rule_and_nothing_is_sent() -> Result<()> {
    let validation = |line: &str| Some((ErrorKind::Validation, line.to_owned(), 0));
    let age = "between 0 and 149 (rejected by rules::is_an_age)";
    assert_eq!(
        refused(Account::new(" ann"))?,
        validation("Account.name: a name has no space around it (rejected by rules::is_a_name)")
    );
    let ann = || Account::new("ann");
    let (bad_age, bad_rank, bad_floor) = (
        Account {
            age: Some(-1),
            ..ann()
        },
        Account {
            rank: Auto::set(150),
            ..ann()
        },
        Account {
            floor: Auto::set(Some(-1)),
            ..ann()
        },
    );
    for (account, column) in [(bad_age, "age"), (bad_rank, "rank"), (bad_floor, "floor")] {
        let line = format!("Account.{column}: {age}");
        assert_eq!(refused(account)?, validation(&line));
    }
    let good = Account {
        age: Some(149),
        floor: Auto::set(None),
        ..ann()
    };
    assert_eq!(refused(good)?, None);
    assert_eq!(refused(ann())?, None);
    let long = refused(Account::new("annabelle"))?;
    assert_eq!(
        long,
        Some((
            ErrorKind::OutOfRange,
            "Account.name: the text has 9 characters, but the column allows 8".to_owned(),
            0
        ))
    );
    Ok(())
}

#[test]
fn an_update_asks_about_the_columns_that_it_writes() -> Result<()> {
    let mut session = session()?;
    let ann = session.add(Account::new("ann"));
    session.commit()?;
    session.refresh(ann)?;
    // The database may hold a value that the rule would reject: an unchanged value is not validated.
    let rename = "UPDATE accounts SET name = ' old '";
    let sql = selfsame::backend::Sql::new(selfsame::backend::StatementKind::Update, rename, [], []);
    session.commit()?;
    session.engine().connect()?.execute(&sql, &[])?;
    session.refresh(ann)?;
    session[ann].note = Some("seen".to_owned());
    session.commit()?;
    session[ann].age = Some(-3);
    let error = session.commit().expect_err("a bad age");
    assert_eq!(
        (error.kind(), error.column_name(), error.key_text()),
        (ErrorKind::Validation, Some("age"), Some("1"))
    );
    session.rollback()?;
    assert_eq!(session[ann].age, None);
    Ok(())
}

#[test]
fn bulk_inserts_are_validated_too() -> Result<()> {
    let mut session = session()?;
    let rows = [Account::new("ann"), Account::new("bob ")];
    let error = session.insert_all(rows).expect_err("a bad name");
    assert_eq!(error.kind(), ErrorKind::Validation);
    session.rollback()?;
    assert_eq!(Account::query().count(&mut session)?, 0);
    Ok(())
}
