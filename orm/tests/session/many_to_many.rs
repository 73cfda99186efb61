//! Many-to-many relations: both sides in memory, and the rows of the association table.

mod ends;

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Fixture, Post, Seat, Site, Tag};

fn tags<const N: usize>(labels: [&str; N]) -> [Tag; N] {
    labels.map(Tag::new)
}

fn labels(session: &Session, tags: &[Handle<Tag>]) -> Vec<String> {
    tags.iter().map(|&t| session[t].label.clone()).collect()
}

/// A post with the tags a and b, committed, and c; nothing is loaded.
fn tagged() -> Result<(Fixture, Handle<Post>, [Handle<Tag>; 3])> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(tags(["a", "b", "c"]));
    let post = f.session.add(Post {
        tags: [a, b].into(),
        ..Post::new("first")
    });
    f.session.commit()?;
    f.session.get_many::<Tag>([1, 2, 3])?;
    f.session.get::<Post>(1)?;
    f.forget();
    Ok((f, post, [a, b, c]))
}

/// The labels of a post's tags in the database.
#[track_caller]
fn rows(f: &Fixture, post: i64) -> String {
    let mut session = Session::new(&f.outside);
    let post = session.get::<Post>(post).expect("a query").expect("a post");
    let tags = session.load(post, Post::TAGS).expect("its tags");
    labels(&session, &tags).join(" ")
}

#[test]
fn new_objects_and_their_pairs_are_three_inserts() -> Result<()> {
    let mut f = Fixture::new()?;
    let shared = f.session.add(Tag::new("shared"));
    let mut posts = Vec::new();
    for n in 0..3 {
        let mut post = Post::new(format!("post {n}"));
        post.tags.push(shared);
        post.tags.push(Tag::new(format!("tag {n}")));
        posts.push(f.session.add(post));
    }
    assert_eq!(f.session.load(shared, Tag::POSTS)?, posts);
    f.sends(&[]);
    f.session.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "LAST KEY",
        "INSERT INTO tags (label) 4",
        "LAST KEY",
        "INSERT INTO posts (title) 3",
        "INSERT INTO post_tags (post_id, tag_id) 6",
        "COMMIT",
    ]);
    assert_eq!(rows(&f, 2), "tag 1 shared");
    Ok(())
}

#[test]
fn both_sides_change_at_once() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, a]);
    assert_eq!(f.session.load(c, Tag::POSTS)?, []);
    f.forget();
    f.session.push(post, Post::TAGS, c)?;
    f.session.remove(post, Post::TAGS, a)?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, c]);
    assert_eq!(f.session.load(c, Tag::POSTS)?, [post]);
    f.session.remove(c, Tag::POSTS, post)?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b]);
    let error = f.session.remove(post, Post::TAGS, c).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(error.to_string().contains("Post.tags"), "{error}");
    f.sends(&[]);
    f.session.commit()?;
    f.sends(&[
        "DELETE FROM post_tags WHERE post_id = ? AND tag_id = ?",
        "COMMIT",
    ]);
    assert_eq!(rows(&f, 1), "b");
    Ok(())
}

#[test]
fn changes_to_a_side_that_is_not_loaded_are_merged() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.no_autoflush(|s| {
        s.push(c, Tag::POSTS, post)?;
        s.remove(a, Tag::POSTS, post)?;
        assert_eq!(s.loaded(post, Post::TAGS)?, None);
        assert_eq!(s.load(post, Post::TAGS)?, [b, c]);
        assert_eq!(s.load(c, Tag::POSTS)?, [post]);
        assert_eq!(s.load(a, Tag::POSTS)?, []);
        Ok(())
    })?;
    f.forget();
    f.session.flush()?;
    f.sends(&[
        "DELETE FROM post_tags WHERE post_id = ? AND tag_id = ?",
        "INSERT INTO post_tags (post_id, tag_id) 1",
    ]);
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, c]);
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "c b");
    Ok(())
}

#[test]
fn replacing_writes_the_difference() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.replace(post, Post::TAGS, [c, b])?;
    let new = f.session.add(Tag::new("d"));
    f.session.push(post, Post::TAGS, new)?;
    f.session.commit()?;
    f.sends(&[
        "SELECT post_tags AS a JOIN tags AS t ON t.id = a.tag_id WHERE a.post_id IN (?) ORDER BY t.label DESC, t.id",
        "DELETE FROM post_tags WHERE post_id = ? AND tag_id = ?",
        "INSERT INTO tags (label) 1",
        "INSERT INTO post_tags (post_id, tag_id) 2",
        "COMMIT",
    ]);
    assert_eq!(rows(&f, 1), "d c b");
    f.session.replace(post, Post::TAGS, [b, c, new])?;
    f.forget();
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    assert_eq!(f.session.load(a, Tag::POSTS)?, []);
    Ok(())
}

#[test]
fn a_pair_that_is_there_is_not_written_again() -> Result<()> {
    let (mut f, post, [a, _, c]) = tagged()?;
    // From both sides, neither of which is loaded.
    f.session.push(post, Post::TAGS, a)?;
    f.session.push(c, Tag::POSTS, post)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.commit()?;
    f.sends(&[
        "SELECT post_tags WHERE (post_id, tag_id) IN (VALUES (?, ?), (?, ?))",
        "INSERT INTO post_tags (post_id, tag_id) 1",
        "COMMIT",
    ]);
    // It was unknown that the pair exists, and it is deleted.
    f.session.push(post, Post::TAGS, a)?;
    f.session.remove(post, Post::TAGS, a)?;
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "c b");
    // A loaded collection needs no query.
    f.session.load(post, Post::TAGS)?;
    f.forget();
    f.session.push(post, Post::TAGS, c)?;
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    Ok(())
}

#[test]
fn reading_one_relation_resolves_its_pairs_alone() -> Result<()> {
    let (mut f, post, [a, _, c]) = tagged()?;
    f.session.rollback()?;
    f.in_another_session(|s| {
        let post = s.get::<Post>(1)?.expect("a post");
        let seat = s.add(Seat::new(1, "x", false));
        s.push(post, Post::SEATS, seat)
    })?;
    f.session.get_many::<Tag>([1, 2, 3])?;
    f.session.get::<Post>(1)?;
    let seat = f.session.get::<Seat>((1, "x".to_owned()))?.expect("a seat");
    f.session.push(post, Post::TAGS, a)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.push(post, Post::SEATS, seat)?;
    let found = f.session.no_autoflush(|s| s.load(post, Post::TAGS))?;
    assert_eq!(labels(&f.session, &found), ["b", "a", "c"]);
    f.forget();
    f.session.commit()?;
    let sent = f.sent();
    let of =
        |what: &str| -> Vec<&String> { sent.iter().filter(|text| text.contains(what)).collect() };
    assert_eq!(
        of("post_tags"),
        ["INSERT INTO post_tags (post_id, tag_id) 1"]
    );
    let [seats] = of("post_seats")[..] else {
        panic!("{sent:?}");
    };
    assert!(seats.starts_with("SELECT post_seats"), "{seats}");
    assert_eq!(rows(&f, 1), "c b a");
    Ok(())
}

#[test]
fn a_single_pair_needs_no_transaction() -> Result<()> {
    let (mut f, post, [a, ..]) = tagged()?;
    f.session.load(post, Post::TAGS)?;
    f.session.commit()?;
    f.forget();
    f.session.remove(post, Post::TAGS, a)?;
    f.session.commit()?;
    f.sends(&["DELETE FROM post_tags WHERE post_id = ? AND tag_id = ?"]);
    Ok(())
}

#[test]
fn an_object_can_be_related_to_its_own_kind() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Site::new));
    f.session.push(a, Site::LINKS, b)?;
    f.session.push(a, Site::LINKS, a)?;
    f.session.push(b, Site::LINKED_BY, c)?;
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, [a, c]);
    f.session.commit()?;
    assert_eq!(f.session.load(a, Site::LINKS)?, [a, b]);
    assert_eq!(f.session.load(a, Site::LINKED_BY)?, [a]);
    assert_eq!(f.session.load(b, Site::LINKS)?, []);
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, [a, c]);
    f.session.delete(a)?;
    f.forget();
    f.session.flush()?;
    let sent = f.sent();
    assert_eq!(
        sent[sent.len() - 4..],
        [
            "DELETE FROM links WHERE source = ?",
            "DELETE FROM links WHERE target = ?",
            "DELETE FROM site_tags WHERE site = ?",
            "DELETE FROM sites WHERE name = ?",
        ]
    );
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, [c]);
    f.session.commit()?;
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, [c]);
    Ok(())
}

#[test]
fn an_object_whose_row_is_deleted_cannot_be_put_in() -> Result<()> {
    let (mut f, post, _) = tagged()?;
    let lost = f.session.add(Tag::new("lost"));
    f.session.flush()?;
    f.session.delete(lost)?;
    f.session.flush()?;
    let error = f.session.push(post, Post::TAGS, lost).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    Ok(())
}

#[test]
fn all_ways_of_loading_give_the_same_graph() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = f.session.add_all(tags(["a", "b", "c", "d"]));
    for n in 0..5 {
        f.session.add(Post {
            tags: all.iter().copied().take(n).collect(),
            ..Post::new(format!("post {n}"))
        });
    }
    f.session.commit()?;
    let mut graph = |query: selfsame::query::Query<Post>| -> Result<(Vec<String>, usize)> {
        f.session.close();
        f.forget();
        let mut found = Vec::new();
        for post in query.order_by(Post::ID.asc()).all(&mut f.session)? {
            let tags = f.session.load(post, Post::TAGS)?;
            found.push(labels(&f.session, &tags).join(""));
        }
        let selects = f.sent().iter().filter(|s| s.starts_with("SELECT")).count();
        Ok((found, selects))
    };
    let whole: Vec<String> = ["", "a", "ba", "cba", "dcba"].map(str::to_owned).into();
    assert_eq!(graph(Post::query())?, (whole.clone(), 6));
    assert_eq!(
        graph(Post::query().with(Post::TAGS.selectin()))?,
        (whole.clone(), 2)
    );
    assert_eq!(
        graph(Post::query().with(Post::TAGS.joined()))?,
        (whole.clone(), 1)
    );
    let joined = Post::query().with(Post::TAGS.joined()).offset(1).limit(2);
    assert_eq!(graph(joined)?, (whole[1..3].to_vec(), 1));
    let nested = Post::TAGS.selectin().then(Tag::POSTS.selectin());
    f.session.close();
    let posts = Post::query().with(nested).all(&mut f.session)?;
    f.forget();
    let a = f.session.load(posts[4], Post::TAGS)?[3];
    assert_eq!(f.session.load(a, Tag::POSTS)?, posts[1..]);
    let joined = Post::TAGS.joined().then(Tag::POSTS.joined());
    f.session.close();
    let posts = Post::query().with(joined).all(&mut f.session)?;
    f.forget();
    let a = f.session.load(posts[4], Post::TAGS)?[3];
    assert_eq!(f.session.load(a, Tag::POSTS)?, posts[1..]);
    f.sends(&[]);
    Ok(())
}

#[test]
fn a_pending_relation_of_a_persistent_object_is_attached() -> Result<()> {
    let (mut f, post, [.., c]) = tagged()?;
    f.session[post].tags.push(c);
    f.session[post].tags.push(Tag::new("new"));
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "new c b a");
    Ok(())
}

#[test]
fn merging_adds_the_pairs_that_are_missing() -> Result<()> {
    let (mut f, post, [a, _, c]) = tagged()?;
    let merged = f.session.merge(Post {
        id: Auto::set(1),
        tags: [f.session[a].clone(), f.session[c].clone()].into(),
        ..Post::new("first")
    })?;
    assert_eq!(merged, post);
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "c b a");
    f.holds::<Tag>(3);
    Ok(())
}

#[test]
fn queries_follow_pairs() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    let other = f.session.add(Post {
        tags: [b, c].into(),
        ..Post::new("second")
    });
    f.session.commit()?;
    f.forget();
    let with_a = Post::query().filter(Post::TAGS.any(Tag::LABEL.eq("a")));
    assert_eq!(with_a.all(&mut f.session)?, [post]);
    f.sends(&[
        "BEGIN",
        "SELECT posts WHERE EXISTS (SELECT 1 FROM post_tags JOIN tags ON tags.id = post_tags.tag_id WHERE post_tags.post_id = posts.id AND tags.label = ?)",
    ]);
    let near_a = Tag::POSTS.any(Post::TAGS.any(Tag::LABEL.eq("a")));
    let near_a = Tag::query().filter(near_a).order_by(Tag::ID.asc());
    assert_eq!(near_a.all(&mut f.session)?, [a, b]);
    let by_tag = Post::query()
        .join(Post::TAGS)
        .filter(Tag::LABEL.ge("b"))
        .order_by(Post::ID.desc());
    assert_eq!(by_tag.all(&mut f.session)?, [other, post]);
    let [x, y] = f.session.add_all(["x", "y"].map(Site::new));
    f.session.push(x, Site::LINKS, y)?;
    let linked = Site::query().filter(Site::LINKED_BY.any(Site::NAME.eq("x")));
    assert_eq!(linked.all(&mut f.session)?, [y]);
    Ok(())
}

#[test]
fn association_tables_come_and_go_with_their_entities() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    let metadata = metadata![Post, Tag, Site, Seat];
    let names: Vec<&str> = metadata.table_names().collect();
    let all = [
        "posts",
        "tags",
        "sites",
        "seats",
        "post_tags",
        "post_seats",
        "links",
        "site_tags",
    ];
    assert_eq!(names, all);
    metadata.create_all(&engine)?;
    metadata.create_all(&engine)?;
    assert!(metadata.diff(&engine)?.is_empty());
    let tables = || -> Result<usize> { Ok(engine.connect()?.reflect()?.len()) };
    assert_eq!(tables()?, 8);
    metadata.drop_all(&engine)?;
    assert_eq!(tables()?, 0);
    let error = metadata![Post, Seat].create_all(&engine).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mapping);
    let message = "it references Tag (table `tags`), which is not listed";
    assert_eq!(
        (error.entity_name(), error.message()),
        (Some("post_tags"), message)
    );
    Ok(())
}

#[test]
fn nothing_is_read_to_pair_a_new_object_with_a_persistent_one() -> Result<()> {
    let (mut f, post, [a, ..]) = tagged()?;
    let new = f.session.add(Post::new("second"));
    f.session.push(new, Post::TAGS, a)?;
    let tag = f.session.add(Tag::new("d"));
    f.session.push(post, Post::TAGS, tag)?;
    f.session.commit()?;
    f.sends(&[
        "INSERT INTO tags (label) 1",
        "INSERT INTO posts (title) 1",
        "INSERT INTO post_tags (post_id, tag_id) 2",
        "COMMIT",
    ]);
    Ok(())
}

#[test]
fn a_removal_that_is_taken_back_does_not_hide_what_others_did() -> Result<()> {
    let (mut f, post, [a, _, _]) = tagged()?;
    f.session.commit()?;
    f.session.remove(post, Post::TAGS, a)?;
    f.session.push(a, Tag::POSTS, post)?;
    let mut other = Session::new(&f.outside);
    let (it, tag) = (other.get::<Post>(1)?, other.get::<Tag>(1)?);
    let (it, tag) = (it.expect("a post"), tag.expect("a tag"));
    other.remove(it, Post::TAGS, tag)?;
    other.commit()?;
    let tags = f.session.load(post, Post::TAGS)?;
    assert_eq!(labels(&f.session, &tags), ["b"]);
    Ok(())
}

#[test]
fn a_pair_that_is_there_twice_relates_once() -> Result<()> {
    let (mut f, post, [a, b, _]) = tagged()?;
    f.session.commit()?;
    for sql in [
        "DROP TABLE post_tags",
        "CREATE TABLE post_tags (post_id BIGINT NOT NULL, tag_id BIGINT NOT NULL)",
        "INSERT INTO post_tags VALUES (1, 1), (1, 2), (1, 1)",
    ] {
        f.session.sql(sql, ()).execute()?;
    }
    f.session.commit()?;
    for way in ["lazy", "selectin", "joined"] {
        f.session.expire_all();
        let query = Post::query();
        let query = match way {
            "lazy" => query,
            "selectin" => query.with(Post::TAGS.selectin()),
            _ => query.with(Post::TAGS.joined()),
        };
        let query = query.with(Post::TAGS.filter(true));
        query.all(&mut f.session)?;
        let tags = f.session.load(post, Post::TAGS)?;
        assert_eq!(tags, [b, a], "{way}");
        assert_eq!(
            f.session.filtered(post, Post::TAGS)?,
            Some(vec![b, a]),
            "{way}"
        );
    }
    Ok(())
}
