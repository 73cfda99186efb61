use selfsame::prelude::*;

use crate::schema::{User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    drop(filled(&engine)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
    let names = runtime.block_on(handler(engine))?;
    assert_eq!(names, ["ann", "bob"]);
    Ok(())
}

// ANCHOR: blocking
async fn handler(engine: Engine) -> Result<Vec<String>> {
    let work = |session: &mut Session| {
        let users = User::query().order_by(User::NAME.asc()).all(session)?;
        let names = users.iter().map(|&user| session[user].name.clone());
        Ok(names.collect())
    };
    engine.run(work).await
}
// ANCHOR_END: blocking
