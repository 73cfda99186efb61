//! Filtered loading: views of some members, which `load` and flushes do not use as the collection.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result, assert_statements};

use crate::fixture::{Album, Author, Book, Fixture, Mark, Node, Post, Region, Shop, Tag, Track};

/// Albums with three, one and no tracks, committed; the session is empty.
fn albums() -> Result<Fixture> {
    let f = Fixture::new()?;
    f.in_another_session(|s| {
        for (title, tracks) in [
            ("one", &["a", "b", "c"][..]),
            ("two", &["a"]),
            ("none", &[]),
        ] {
            let tracks = tracks.iter().map(|title| Track {
                marks: [Mark::new(1, 0), Mark::new(2, 0)].into(),
                ..Track::new(*title, 0)
            });
            let tracks = tracks.collect();
            s.add(Album {
                tracks,
                ..Album::new(title)
            });
        }
        Ok(())
    })?;
    Ok(f)
}

fn titles(session: &Session, tracks: &[Handle<Track>]) -> Vec<String> {
    tracks.iter().map(|&t| session[t].title.clone()).collect()
}

/// The titles of the tracks in the view of each album.
fn views(session: &Session, albums: &[Handle<Album>]) -> Result<Vec<Option<Vec<String>>>> {
    let views = albums.iter().map(|&album| {
        let view = session.filtered(album, Album::TRACKS)?;
        Ok(view.map(|tracks| titles(session, &tracks)))
    });
    views.collect()
}

fn some(titles: &[&str]) -> Option<Vec<String>> {
    Some(titles.iter().map(|title| (*title).to_owned()).collect())
}

#[test]
fn one_statement_fills_the_views_of_all_owners() -> Result<()> {
    let mut f = albums()?;
    let found = Album::query()
        .order_by(Album::ID.asc())
        .with(
            Album::TRACKS
                .filter(Track::TITLE.ne("b"))
                .order_by(Track::TITLE.desc()),
        )
        .all(&mut f.session)?;
    f.sends(&[
        "BEGIN",
        "SELECT albums ORDER BY id",
        "SELECT tracks WHERE album_id IN (?, ?, ?, ?) AND title <> ? ORDER BY title DESC, id",
    ]);
    let expected = [some(&["c", "a"]), some(&["a"]), some(&[])];
    assert_eq!(views(&f.session, &found)?, expected);
    // The collections themselves are unchanged.
    for &album in &found {
        assert_eq!(f.session.loaded(album, Album::TRACKS)?, None);
    }
    assert_eq!(f.session.load(found[0], Album::TRACKS)?.len(), 3);
    assert_eq!(views(&f.session, &found)?, expected);
    Ok(())
}

#[test]
fn members_are_the_objects_of_their_rows() -> Result<()> {
    let mut f = albums()?;
    let track = f.session.get::<Track>(3)?.expect("a row");
    let query = Album::query().with(Album::TRACKS.filter(Track::TITLE.eq("c")));
    let album = query.all(&mut f.session)?[0];
    assert_eq!(f.session.filtered(album, Album::TRACKS)?, Some(vec![track]));
    f.session[track].title = "d".to_owned();
    f.forget();
    f.session.flush()?;
    f.sends(&["UPDATE tracks SET title = ? WHERE id = ?"]);
    // The view does not change.
    assert_eq!(f.session.filtered(album, Album::TRACKS)?, Some(vec![track]));
    assert_eq!(query.all(&mut f.session)?[0], album);
    assert_eq!(f.session.filtered(album, Album::TRACKS)?, Some(vec![]));
    Ok(())
}

#[test]
fn a_limit_counts_for_each_owner() -> Result<()> {
    let mut f = albums()?;
    let first = Album::TRACKS
        .filter(true)
        .order_by(Track::TITLE.desc())
        .limit(2);
    let query = Album::query().order_by(Album::ID.asc()).with(first);
    f.forget();
    let found = assert_statements!(f.session, 2, { query.all(&mut f.session)? });
    let sent = f.sent();
    // Rows of a subquery have no defined order.
    let last = sent.last().and_then(|sent| sent.rsplit_once(')'));
    assert!(
        last.is_some_and(|(_, end)| end.contains("ORDER BY")),
        "{sent:?}"
    );
    let expected = [some(&["c", "b"]), some(&["a"]), some(&[])];
    assert_eq!(views(&f.session, &found)?, expected);
    let tags = Post::TAGS.filter(Tag::LABEL.ne("x")).limit(1);
    f.session.commit()?;
    f.in_another_session(|s| {
        let [a, b] = s.add_all(["a", "b"].map(Tag::new));
        let both = [a, b].into();
        s.add(Post {
            tags: both,
            ..Post::new("first")
        });
        s.add(Post {
            tags: [a].into(),
            ..Post::new("second")
        });
        Ok(())
    })?;
    let posts = Post::query().order_by(Post::ID.asc()).with(tags);
    let posts = posts.all(&mut f.session)?;
    let labels = posts.iter().map(|&post| {
        let tags = f.session.filtered(post, Post::TAGS)?.unwrap_or_default();
        let labels = tags.iter().map(|&tag| f.session[tag].label.clone());
        Ok(labels.collect::<String>())
    });
    // In the order of the relation: descending labels.
    assert_eq!(labels.collect::<Result<Vec<_>>>()?, ["b", "a"]);
    Ok(())
}

#[test]
fn no_flush_takes_the_part_for_the_whole() -> Result<()> {
    let mut f = albums()?;
    let query = Album::query()
        .order_by(Album::ID.asc())
        .with(Album::TRACKS.filter(Track::TITLE.eq("a")));
    let [one, two, _] = query.all(&mut f.session)?[..] else {
        panic!("three albums");
    };
    // Replacing loads the collection first: members excluded by the filter are removed too.
    let kept = f.session.filtered(one, Album::TRACKS)?.expect("a view");
    f.session.replace(one, Album::TRACKS, kept.clone())?;
    f.session.commit()?;
    f.holds::<Track>(2);
    // A deletion cascades to every track, including those not in a view.
    f.in_another_session(|s| {
        let one = s.get::<Album>(1)?.expect("a row");
        let track = s.add(Track::new("late", 0));
        s.push(one, Album::TRACKS, track)
    })?;
    query.all(&mut f.session)?;
    f.session.delete(one)?;
    f.session.delete(two)?;
    f.session.commit()?;
    f.holds::<Track>(0);
    f.holds::<Mark>(0);
    Ok(())
}

#[test]
fn a_collection_that_was_loaded_stays_whole() -> Result<()> {
    let mut f = albums()?;
    let query = Album::query()
        .order_by(Album::ID.asc())
        .with(Album::TRACKS.selectin())
        .with(Album::TRACKS.filter(Track::TITLE.eq("b")));
    let album = query.all(&mut f.session)?[0];
    f.sends(&[
        "BEGIN",
        "SELECT albums ORDER BY id",
        "SELECT tracks WHERE album_id IN (?, ?, ?, ?)",
        "SELECT tracks WHERE album_id IN (?, ?, ?, ?) AND title = ? ORDER BY id",
    ]);
    let loaded = f.session.loaded(album, Album::TRACKS)?.expect("loaded");
    assert_eq!(titles(&f.session, &loaded), ["a", "b", "c"]);
    assert_eq!(views(&f.session, &[album])?, [some(&["b"])]);
    let track = f.session.add(Track::new("d", 0));
    f.session.push(album, Album::TRACKS, track)?;
    query.all(&mut f.session)?;
    assert_eq!(f.session.load(album, Album::TRACKS)?.len(), 4);
    Ok(())
}

#[test]
fn members_added_before_loading_stay_changes() -> Result<()> {
    let mut f = albums()?;
    let (one, two) = (f.session.get::<Album>(1)?, f.session.get::<Album>(2)?);
    let (one, two) = (one.expect("a row"), two.expect("a row"));
    let moved = f.session.get::<Track>(1)?.expect("a row");
    f.session.push(two, Album::TRACKS, moved)?;
    let query = Album::query()
        .order_by(Album::ID.asc())
        .with(Album::TRACKS.filter(Track::TITLE.eq("a")));
    // Without a flush the rows are unchanged.
    let found = f.session.no_autoflush(|s| query.all(s))?;
    assert_eq!(found[..2], [one, two]);
    let view = f.session.filtered(one, Album::TRACKS)?;
    assert_eq!(view, Some(vec![moved]));
    f.session.commit()?;
    let found = query.all(&mut f.session)?;
    assert_eq!(
        views(&f.session, &found)?[..2],
        [some(&[]), some(&["a", "a"])]
    );
    Ok(())
}

#[test]
fn a_view_ends_with_what_its_owner_shows() -> Result<()> {
    let mut f = albums()?;
    let query = Album::query()
        .order_by(Album::ID.asc())
        .with(Album::TRACKS.filter(Track::TITLE.eq("a")));
    let album = query.all(&mut f.session)?[0];
    let view = |f: &Fixture| f.session.filtered(album, Album::TRACKS);
    assert!(view(&f)?.is_some());
    f.session.expire(album)?;
    assert_eq!(view(&f)?, None);
    f.session.refresh(album)?;
    assert_eq!(view(&f)?, None);
    for end in [Session::commit, Session::rollback] {
        query.all(&mut f.session)?;
        assert!(view(&f)?.is_some());
        end(&mut f.session)?;
        assert_eq!(view(&f)?, None);
        f.session.get::<Album>(1)?;
        assert_eq!(view(&f)?, None);
    }
    query.all(&mut f.session)?;
    let undone = f.session.savepoint(|s| {
        query.all(s)?;
        Err::<(), _>(selfsame::Error::new(ErrorKind::InvalidState, "enough"))
    });
    assert!(undone.is_err());
    assert_eq!(view(&f)?, None);
    query.all(&mut f.session)?;
    f.session.set_expr(album, Album::TITLE, "other")?;
    f.session.flush()?;
    f.session.get::<Album>(1)?;
    assert_eq!(view(&f)?, None);
    Ok(())
}

#[test]
fn missing_objects_are_omitted() -> Result<()> {
    let mut f = albums()?;
    let query = Album::query()
        .order_by(Album::ID.asc())
        .with(Album::TRACKS.filter(true));
    let album = query.all(&mut f.session)?[0];
    let tracks = f.session.filtered(album, Album::TRACKS)?.expect("a view");
    f.session.delete(tracks[0])?;
    f.session.flush()?;
    f.session.expunge(tracks[1])?;
    let left = f.session.filtered(album, Album::TRACKS)?;
    assert_eq!(left, Some(vec![tracks[2]]));
    f.session.expunge(album)?;
    let error = f.session.filtered(album, Album::TRACKS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleHandle);
    let other = Session::new(&f.engine);
    let error = other.filtered(album, Album::TRACKS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignHandle);
    Ok(())
}

#[test]
fn pairs_are_filtered_by_what_they_lead_to() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Tag::new));
    let tags = [a, b, c].into();
    let post = f.session.add(Post {
        tags,
        ..Post::new("first")
    });
    let other = f.session.add(Post {
        tags: [b].into(),
        ..Post::new("second")
    });
    f.session.commit()?;
    f.forget();
    let query = Post::query().order_by(Post::ID.asc()).with(
        Post::TAGS
            .filter(Tag::LABEL.ne("b"))
            .then(Tag::POSTS.selectin()),
    );
    query.all(&mut f.session)?;
    f.sends(&[
        "BEGIN",
        "SELECT posts ORDER BY id",
        "SELECT tags JOIN post_tags ON tags.id = post_tags.tag_id \
         WHERE post_tags.post_id IN (?, ?) AND tags.label <> ? ORDER BY tags.label DESC, tags.id",
        "SELECT post_tags AS a JOIN posts AS t ON t.id = a.post_id WHERE a.tag_id IN (?, ?) ORDER BY t.id",
    ]);
    assert_eq!(f.session.filtered(post, Post::TAGS)?, Some(vec![c, a]));
    assert_eq!(f.session.filtered(other, Post::TAGS)?, Some(vec![]));
    assert_eq!(f.session.loaded(post, Post::TAGS)?, None);
    assert_eq!(f.session.loaded(a, Tag::POSTS)?, Some(vec![post]));
    // Removing a tag of the view keeps the others.
    f.session.remove(post, Post::TAGS, a)?;
    f.session.commit()?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [c, b]);
    Ok(())
}

#[test]
fn a_table_that_refers_to_itself_is_filtered_by_its_own_columns() -> Result<()> {
    let mut f = Fixture::new()?;
    let leaf = |label: &str| Node {
        children: [Node::new("deep")].into(),
        ..Node::new(label)
    };
    let root = f.session.add(Node {
        children: [leaf("x"), leaf("y")].into(),
        ..Node::new("root")
    });
    f.session.commit()?;
    let load = Node::CHILDREN
        .filter(Node::LABEL.eq("x"))
        .filter(Node::CHILDREN.any(true))
        .then(Node::CHILDREN.filter(Node::PARENT.has(Node::LABEL.eq("x"))));
    let query = Node::query().filter(Node::LABEL.eq("root")).with(load);
    assert_statements!(f.session, 3, { query.all(&mut f.session)? });
    let [x] = f.session.filtered(root, Node::CHILDREN)?.expect("a view")[..] else {
        panic!("one child");
    };
    assert_eq!(
        f.session
            .filtered(x, Node::CHILDREN)?
            .map(|deep| deep.len()),
        Some(1)
    );
    Ok(())
}

#[test]
fn owners_with_keys_of_several_columns() -> Result<()> {
    let mut f = Fixture::new()?;
    let regions = ["a", "b"].map(|code| Region {
        shops: [1, 2]
            .map(|number| Shop {
                region_code: code.to_owned(),
                number,
                open: number == 1,
                region: BelongsTo::default(),
            })
            .into(),
        code: code.to_owned(),
    });
    f.session.add_all(regions);
    f.session.commit()?;
    let query = Region::query().order_by(Region::CODE.asc()).with(
        Region::SHOPS
            .filter(Shop::OPEN)
            .then(Shop::REGION.selectin()),
    );
    let regions = query.all(&mut f.session)?;
    for region in regions {
        let [shop] = f.session.filtered(region, Region::SHOPS)?.expect("a view")[..] else {
            panic!("one open shop");
        };
        assert_eq!(f.session[shop].number, 1);
        assert_eq!(f.session[shop].region_code, f.session[region].code);
    }
    Ok(())
}

#[test]
fn hundreds_of_owners_take_a_few_lists() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = (0..700).map(|n| Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new(format!("author {n}"))
    });
    f.session.add_all(authors.collect::<Vec<_>>());
    f.session.commit()?;
    let query = Author::query().with(Author::BOOKS.filter(Book::TITLE.eq("b")));
    let authors = assert_statements!(f.session, 3, { query.all(&mut f.session)? });
    for author in authors {
        let books = f.session.filtered(author, Author::BOOKS)?.expect("a view");
        assert_eq!(books.len(), 1);
        assert_eq!(
            f.session[books[0]].author_id,
            Some(*f.session[author].id.get().expect("a key"))
        );
    }
    Ok(())
}

/// Has a key of two columns, which its boxes reference.
#[derive(Entity, Clone, Debug)]
#[orm(table = "depots")]
struct Depot {
    #[orm(primary_key)]
    town: String,
    #[orm(primary_key)]
    number: i32,
    #[orm(key = "depot_town, depot_number")]
    boxes: HasMany<Crate>,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "crates",
    foreign_key(columns(depot_town, depot_number), references = "depots(town, number)")
)]
struct Crate {
    #[orm(primary_key)]
    id: Auto<i64>,
    depot_town: String,
    depot_number: i32,
    label: String,
}

#[test]
fn owners_with_keys_of_two_columns_have_their_views() -> Result<()> {
    let mut f = Fixture::new()?;
    metadata![Depot, Crate].create_all(&f.engine)?;
    f.in_another_session(|s| {
        for number in 1..=5 {
            s.add(Depot::new("a", number));
            s.add_all(["x", "y"].map(|label| Crate::new("a", number, label)));
        }
        Ok(())
    })?;
    let depots = Depot::query()
        .order_by(Depot::NUMBER.asc())
        .with(Depot::BOXES.filter(Crate::LABEL.eq("x")))
        .all(&mut f.session)?;
    assert_eq!(depots.len(), 5);
    for depot in depots {
        let view = f.session.filtered(depot, Depot::BOXES)?.expect("a view");
        let boxes: Vec<_> = view
            .into_iter()
            .map(|it| (f.session[it].depot_number, &*f.session[it].label))
            .collect();
        assert_eq!(boxes, [(f.session[depot].number, "x")]);
    }
    Ok(())
}

#[test]
fn bounds_of_joined_queries_count_the_owners() -> Result<()> {
    let mut f = Fixture::new()?;
    metadata![Depot, Crate].create_all(&f.engine)?;
    f.in_another_session(|s| {
        for number in 1..=4 {
            s.add(Depot::new("a", number));
            s.add_all(["x", "y"].map(|label| Crate::new("a", number, label)));
            let tracks = ["x", "y"].map(|title| Track::new(title, 0));
            s.add(Album {
                tracks: tracks.into(),
                ..Album::new(number.to_string())
            });
        }
        Ok(())
    })?;
    let depots = || Depot::query().order_by(Depot::NUMBER.asc());
    let albums = || Album::query().order_by(Album::ID.asc());
    // LIMIT and OFFSET of a join with owners of two key columns would count its rows.
    for (depots, albums, numbers, statements) in [
        (depots(), albums(), vec![1, 2, 3, 4], 1),
        (depots().limit(2), albums().limit(2), vec![1, 2], 2),
        (depots().offset(1), albums().offset(1), vec![2, 3, 4], 2),
        (
            depots().limit(2).offset(1),
            albums().limit(2).offset(1),
            vec![2, 3],
            2,
        ),
    ] {
        let s = &mut f.session;
        s.rollback()?;
        s.clear();
        s.get::<Author>(1)?;
        let depots = depots.with(Depot::BOXES.joined());
        let depots = assert_statements!(s, statements, { depots.all(s)? });
        let found: Vec<i32> = depots.iter().map(|&depot| s[depot].number).collect();
        assert_eq!(found, numbers);
        for depot in depots {
            let boxes = s.loaded(depot, Depot::BOXES)?.expect("loaded");
            assert_eq!(boxes.len(), 2);
        }
        let albums = albums.with(Album::TRACKS.joined());
        let albums = assert_statements!(s, 1, { albums.all(s)? });
        let found: Vec<String> = albums.iter().map(|&album| s[album].title.clone()).collect();
        assert!(
            found.iter().eq(numbers
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .iter())
        );
        for album in albums {
            let tracks = s.loaded(album, Album::TRACKS)?.expect("loaded");
            assert_eq!(titles(s, &tracks), ["x", "y"]);
        }
    }
    Ok(())
}
