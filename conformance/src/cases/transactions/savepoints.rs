//! Savepoints.

use selfsame::ErrorKind;

use super::{insert, keys, with_row};
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::int;

const NEEDS: &[Capability] = &[Capability::Transactions, Capability::Savepoints];

pub(super) const CASES: &[Case] = &[
    Case::full("transactions.savepoint.rollback", rollback_to)
        .needs(NEEDS)
        .promise("Rolling back to a savepoint undoes what came after it, and nothing else.")
        .hint("ROLLBACK TO leaves the savepoint and the transaction open.")
        .covers(&[Contract(66), Rule(32)]),
    Case::full("transactions.savepoint.release", release)
        .needs(NEEDS)
        .promise("Releasing a savepoint keeps its changes as part of the enclosing savepoint or transaction.")
        .hint("RELEASE must reach the database: its name is then free for the outer one.")
        .covers(&[Contract(66), Rule(32)]),
    Case::full("transactions.savepoint.nested", nested)
        .needs(NEEDS)
        .promise("Savepoints nest: each undoes its own part, including the savepoints inside it.")
        .hint("Names may repeat; the innermost is used.")
        .covers(&[Contract(66), Rule(32)]),
    Case::full("transactions.savepoint.after_error", after_error)
        .needs(NEEDS)
        .promise("After an error inside a savepoint, rolling back to it makes the transaction usable again, with everything from before.")
        .hint("The error must not end the transaction on the client's side.")
        .covers(&[Contract(67), Rule(18)]),
    Case::full("transactions.savepoint.odd_name", odd_name)
        .needs(NEEDS)
        .promise("A savepoint's name is quoted like any name.")
        .hint("See `Dialect::transaction`.")
        .covers(&[Contract(41), Contract(66)]),
    Case::full("transactions.savepoint.names", names)
        .since(29)
        .needs(NEEDS)
        .promise("Savepoints whose names differ only in a space, a punctuation mark, a quote or a letter beyond ASCII are different savepoints.")
        .hint("Quote names; do not replace characters in them.")
        .covers(&[Contract(41), Contract(66)]),
    Case::full("transactions.savepoint.deep", deep)
        .since(22)
        .needs(NEEDS)
        .promise("Savepoints nest a dozen levels deep, with names that differ only in their last characters, and each can be rolled back to, released and left open at the end.")
        .hint("Names are not cut, and no level is emulated.")
        .covers(&[Contract(41), Contract(66), Rule(32)]),
    Case::full("transactions.savepoint.again", again)
        .since(26)
        .needs(NEEDS)
        .promise("Each of several nested savepoints can be rolled back to again and again, with savepoints set and released in between.")
        .hint("ROLLBACK TO keeps its savepoint open, and ends those inside it.")
        .covers(&[Contract(66), Rule(32)]),
];

fn rollback_to(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    insert(&mut database, 2, 20)?;
    database.savepoint("s")?;
    insert(&mut database, 3, 30)?;
    database.rollback_to("s")?;
    check_eq!(
        keys(&mut database)?,
        [1, 2],
        "what came after the savepoint must be undone, and only that"
    );
    insert(&mut database, 4, 40)?;
    database.rollback_to("s")?;
    check_eq!(
        keys(&mut database)?,
        [1, 2],
        "the savepoint must stay open after a rollback to it"
    );
    insert(&mut database, 5, 50)?;
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(5)])?;
    check_eq!(found, [50], "conditions must match as before");
    let outcome = database.execute("UPDATE [t] SET [v] = 51 WHERE [id] = ?", &[int(5)])?;
    check_eq!(outcome.matched, 1, "an UPDATE must match as before");
    let outcome = database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
    check_eq!(outcome.matched, 1, "a DELETE must match as before");
    database.commit()?;
    check_eq!(
        keys(&mut database)?,
        [1, 5],
        "the transaction must continue and commit"
    );
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(5)])?;
    check_eq!(found, [51], "with what was changed after the rollback");
    Ok(())
}

fn again(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    for (depth, target) in
        (1..=4_i64).flat_map(|depth| (1..=depth).map(move |target| (depth, target)))
    {
        database.begin_write()?;
        for level in 1..=depth {
            database.savepoint(&format!("s{level}"))?;
            insert(&mut database, 1 + level, level)?;
        }
        // The first rollback restores the rows from when its savepoint was set.
        let left: Vec<i64> = (1..=target).collect();
        for round in 1..=5 {
            insert(&mut database, 100, round)?;
            if round % 2 == 0 {
                database.savepoint("inside")?;
                insert(&mut database, 101, round)?;
            }
            if round == 4 {
                database.release("inside")?;
            }
            database.rollback_to(&format!("s{target}"))?;
            check_eq!(
                keys(&mut database)?,
                left,
                "rollback {round} to savepoint {target} of {depth} must undo what came after the savepoint, and only that"
            );
        }
        insert(&mut database, 100, 0)?;
        database.release(&format!("s{target}"))?;
        let kept = [left, vec![100]].concat();
        check_eq!(keys(&mut database)?, kept, "releasing must keep the work");
        database.commit()?;
        check_eq!(keys(&mut database)?, kept, "the commit must keep the work");
        database.execute("DELETE FROM [t] WHERE [id] > ?", &[int(1)])?;
    }
    Ok(())
}

fn release(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    database.savepoint("s")?;
    insert(&mut database, 2, 20)?;
    database.savepoint("s")?;
    insert(&mut database, 3, 30)?;
    database.release("s")?;
    check_eq!(
        keys(&mut database)?,
        [1, 2, 3],
        "releasing must keep the work"
    );
    database.rollback_to("s")?;
    check_eq!(
        keys(&mut database)?,
        [1],
        "after a release the name must refer to the outer savepoint"
    );
    database.release("s")?;
    let gone = database.rollback_to("s");
    check!(gone.is_err(), "a released savepoint must be gone");
    database.rollback()?;
    Ok(())
}

fn nested(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    database.savepoint("outer")?;
    insert(&mut database, 2, 20)?;
    database.savepoint("inner")?;
    insert(&mut database, 3, 30)?;
    database.rollback_to("inner")?;
    database.release("inner")?;
    check_eq!(
        keys(&mut database)?,
        [1, 2],
        "the inner savepoint must undo its own part"
    );
    insert(&mut database, 4, 40)?;
    database.rollback_to("outer")?;
    check_eq!(
        keys(&mut database)?,
        [1],
        "the outer savepoint must undo everything inside"
    );
    database.release("outer")?;
    insert(&mut database, 5, 50)?;
    database.commit()?;
    check_eq!(
        keys(&mut database)?,
        [1, 5],
        "the transaction must commit what is left"
    );
    Ok(())
}

fn after_error(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    insert(&mut database, 2, 20)?;
    database.savepoint("s")?;
    let refused = database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(0)],
    );
    check!(
        matches!(&refused, Err(error) if error.kind() == ErrorKind::UniqueViolation),
        "an existing key must be refused, returned {refused:?}"
    );
    let back = database.rollback_to("s");
    check!(
        back.is_ok(),
        "rolling back to the savepoint must work after an error, returned {back:?}"
    );
    insert(&mut database, 3, 30)?;
    database.commit()?;
    check_eq!(
        keys(&mut database)?,
        [1, 2, 3],
        "the transaction must continue unaffected"
    );
    Ok(())
}

fn odd_name(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    database.savepoint("a \"b\" é; ROLLBACK")?;
    insert(&mut database, 2, 20)?;
    database.rollback_to("a \"b\" é; ROLLBACK")?;
    database.release("a \"b\" é; ROLLBACK")?;
    database.commit()?;
    check_eq!(
        keys(&mut database)?,
        [1],
        "a savepoint with an unusual name must work"
    );
    Ok(())
}

/// Names of which no two may be taken for the same.
const NAMES: [&str; 14] = [
    "ab", "a b", "a_b", "a-b", "a.b", "a'b", "a`b", "a\"b", "a;b", "aéb", "aèb", "1", "select",
    "日",
];

fn names(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    for outer in NAMES {
        for inner in NAMES.into_iter().filter(|inner| *inner != outer) {
            database.begin_write()?;
            database.savepoint(outer)?;
            insert(&mut database, 2, 20)?;
            database.savepoint(inner)?;
            insert(&mut database, 3, 30)?;
            database.rollback_to(outer)?;
            let found = keys(&mut database)?;
            check_eq!(
                found,
                [1],
                "the rows after a rollback to {outer:?} with {inner:?} inside it"
            );
            database.rollback()?;
        }
    }
    Ok(())
}

fn deep(context: &mut Context) -> CaseResult {
    const LEVELS: i64 = 12;
    let long = context.capabilities().max_identifier.unwrap_or(60).min(60) - 2;
    let longest = "x".repeat(long);
    let prefixes = ["s", "savepoint_", "selfsame_1_", longest.as_str()];
    let mut next = 1;
    for (prefix, ending) in prefixes.into_iter().zip([true, false].into_iter().cycle()) {
        for back in [1, 2, 5, 8, LEVELS] {
            let mut database = with_row_once(context, next)?;
            let before = keys(&mut database)?;
            let name = |level: i64| format!("{prefix}{level}");
            database.begin_write()?;
            let mut wanted = before.clone();
            for level in 1..=LEVELS {
                database.savepoint(&name(level))?;
                next += 1;
                insert(&mut database, next, level)?;
                if level < back {
                    wanted.push(next);
                }
            }
            database.rollback_to(&name(back))?;
            check_eq!(
                keys(&mut database)?,
                wanted,
                "the rows after ROLLBACK TO level {back} of {LEVELS}"
            );
            // The savepoint to which was rolled back is still open, and so are those around it.
            next += 1;
            insert(&mut database, next, 0)?;
            if back > 2 {
                database.release(&name(back - 1))?;
                let gone = database.rollback_to(&name(back));
                check!(
                    gone.is_err(),
                    "RELEASE of level {} must end level {back}",
                    back - 1
                );
                database.rollback_to(&name(back - 2))?;
                wanted.truncate(before.len() + usize::try_from(back - 3).unwrap_or_default());
            } else {
                wanted.push(next);
            }
            check_eq!(
                keys(&mut database)?,
                wanted,
                "the rows of the levels that are left"
            );
            match ending {
                true => database.commit()?,
                false => database.rollback()?,
            }
            let wanted = if ending { wanted } else { before };
            check_eq!(
                keys(&mut database)?,
                wanted,
                "the rows after the transaction ended with savepoints open"
            );
        }
    }
    Ok(())
}

/// The table `t`, which is created before the first row.
fn with_row_once(context: &Context, next: i64) -> CaseResult<crate::database::Database> {
    match next {
        1 => with_row(context),
        _ => Ok(crate::database::Database::open(context)?),
    }
}
