use selfsame::prelude::*;

use crate::schema::{User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    // ANCHOR: query
    let adults = User::query()
        .filter(User::AGE.ge(18).or(User::NAME.starts_with("b")))
        .order_by(User::NAME.asc())
        .limit(20)
        .all(&mut session)?;
    for user in &adults {
        println!("{}", session[*user].name);
    }
    // ANCHOR_END: query
    assert_eq!(adults.len(), 2);
    // ANCHOR: one
    let ann = User::query()
        .filter(User::NAME.eq("ann"))
        .one(&mut session)?;
    let nobody = User::query()
        .filter(User::NAME.eq("zoe"))
        .one_or_none(&mut session)?;
    assert_eq!(nobody, None);
    // ANCHOR_END: one
    // ANCHOR: identity
    let key = *session[ann].id;
    assert_eq!(session.get::<User>(key)?, Some(ann)); // no statement
    // ANCHOR_END: identity
    // ANCHOR: page
    let second_page = User::query()
        .order_by(User::NAME.asc())
        .order_by(User::ID.asc())
        .after(("ann", key))
        .limit(20)
        .all(&mut session)?;
    // ANCHOR_END: page
    assert_eq!(session[second_page[0]].name, "bob");
    // ANCHOR: rows
    let names: Vec<String> = User::query()
        .order_by(User::NAME.asc())
        .select(User::NAME)
        .all(&mut session)?;
    // ANCHOR_END: rows
    assert_eq!(names, ["ann", "bob"]);
    Ok(())
}
