use selfsame::dialect::Isolation;
use selfsame::prelude::*;

use crate::schema::{User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    let ann = User::query()
        .filter(User::NAME.eq("ann"))
        .one(&mut session)?;
    session.commit()?;
    // ANCHOR: closure
    session.transaction(|session| {
        session[ann].age = Some(40);
        session.add(User::new("carl"));
        Ok(()) // commits; an error rolls back, and restores the objects
    })?;
    // ANCHOR_END: closure
    // ANCHOR: savepoint
    let refused: Result<()> = session.savepoint(|session| {
        session[ann].age = Some(-1);
        Err(Error::new(ErrorKind::Validation, "an age is not negative"))
    });
    assert!(refused.is_err());
    assert_eq!(session[ann].age, Some(40)); // the object is restored too
    session.commit()?;
    // ANCHOR_END: savepoint
    // ANCHOR: retry
    let options = TransactionOptions::new().isolation(Isolation::Serializable);
    session.retry_with(options, 5, |session| {
        session.refresh(ann)?; // each attempt reads the row again
        session[ann].age = session[ann].age.map(|age| age + 1);
        Ok(())
    })?;
    // ANCHOR_END: retry
    assert_eq!(session[ann].age, Some(41));
    // ANCHOR: rollback
    session[ann].name = "anne".to_owned();
    session.rollback()?;
    assert_eq!(session[ann].name, "ann");
    // ANCHOR_END: rollback
    Ok(())
}
