//! Users, their posts, and the comments on the posts, loaded eagerly.

use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::orm;
use crate::raw;
use crate::rows;
use crate::workload::{Arm, Backend, Declaration, PLAIN, Round, Way};

/// Ten posts per user, ten comments per post.
pub(crate) static ASSOCIATIONS: Declaration = Declaration {
    name: "associations",
    sizes: &[9, 100],
    telling: &[9, 100],
    gate: 9,
    growth: &[1, 10, 100, 1_000],
    law: |backend| match backend {
        Backend::Sqlite | Backend::MariaDb => Law::Batches(64),
        Backend::Postgres => Law::Constant,
    },
    rows: rows::users_posts_comments,
    arms: &[
        (Arm::Raw, Way::Client(raw)),
        (
            Arm::Tracked,
            Way::Engine(|engine, _, digest| orm::associations(engine, digest)),
        ),
    ],
    ..PLAIN
};

fn raw(client: &mut dyn raw::Client, _: &Round, digest: &mut Digest) -> Result<()> {
    let tree = client.tree()?;
    digest.take(tree, |tree, rows| {
        for (user, posts) in tree {
            rows.raw_user(user);
            for (post, comments) in posts {
                rows.raw_post(user.id, post);
                comments
                    .iter()
                    .for_each(|comment| rows.raw_comment(post.id, comment));
            }
        }
    });
    Ok(())
}
