//! Rows of tables that a session does not know.

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::world::World;

#[derive(Entity, Clone, Debug)]
#[orm(table = "harbors")]
struct Harbor {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique, length = 20)]
    name: Option<String>,
}

/// Follows the name of its harbor. Only other sessions use it than the one that changes names.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ferries")]
struct Ferry {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "harbors.name", on_update = "cascade", length = 20)]
    harbor: Option<String>,
}

pub(super) const CASES: &[Case] = &[Case::core("flush.unique.unknown_followers", followers)
    .since(29)
    .needs(&[Capability::ForeignKeys, Capability::Transactions])
    .promise("Rows of a table that the session does not know, which follow a unique value by ON UPDATE CASCADE, do not become NULL when it is exchanged for another: they follow, or the flush fails. Rows that follow other values do not stop it.")
    .hint("See `Dialect::referring_tables`.")
    .covers(&[Rule(17)])];

fn followers(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Harbor, Ferry])?;
    let backend = context.backend();
    let asked = backend
        .dialect()
        .referring_tables(&mut *backend.connect()?, Harbor::mapper().table());
    if let Err(error) = asked {
        return Err(match error.kind() {
            ErrorKind::Unsupported => Failure::Skipped(
                "the backend does not tell which tables reference another, and reports so"
                    .to_owned(),
            ),
            _ => error.into(),
        });
    }
    let owned = |name: &str| Some(name.to_owned());
    for (followed, after) in [("a", "b"), ("b", "a"), ("c", "c")] {
        world.empty(&["ferries", "harbors"])?;
        let mut others = world.session();
        others.add_all([(1, "a"), (2, "b"), (3, "c")].map(|(id, name)| Harbor {
            name: owned(name),
            ..Harbor::new(id)
        }));
        others.add(Ferry {
            harbor: owned(followed),
            ..Ferry::new(1)
        });
        others.commit()?;
        drop(others);

        let mut session = world.session();
        let (one, two) = match (session.get::<Harbor>(1)?, session.get::<Harbor>(2)?) {
            (Some(one), Some(two)) => (one, two),
            _ => return Err(Failure::Assertion("both harbors must be found".to_owned())),
        };
        (session[one].name, session[two].name) = (owned("b"), owned("a"));
        let exchanged = session.commit();
        let expected = match &exchanged {
            Ok(()) => after,
            Err(error) => {
                check_eq!(
                    (error.kind(), followed == after),
                    (ErrorKind::UniqueViolation, false),
                    "an exchange of a and b while a row follows {followed}: its error, and whether it was not concerned"
                );
                followed
            }
        };
        drop(session);
        let harbors = Ferry::query()
            .select(Ferry::HARBOR)
            .all(&mut world.session())?;
        check_eq!(
            harbors,
            [owned(expected)],
            "the value of the row that follows {followed}, after an exchange of a and b that returned {exchanged:?}"
        );
    }
    Ok(())
}
