//! Relations over an association table that is not mapped itself.

use selfsame::ErrorKind;
use selfsame::dialect::Batch;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Sent, World};

/// An article and its topics.
#[derive(Entity, Clone, Debug)]
#[orm(table = "articles")]
pub(super) struct Article {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) title: String,
    #[orm(secondary = "article_topics(article_id, topic_id)", back_populates = articles, order_by = "name desc")]
    pub(super) topics: ManyToMany<Topic>,
}

/// A topic of articles. The program assigns its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "topics")]
pub(super) struct Topic {
    #[orm(primary_key)]
    pub(super) name: String,
    #[orm(back_populates = topics)]
    pub(super) articles: ManyToMany<Article>,
}

/// A person who knows others.
#[derive(Entity, Clone, Debug)]
#[orm(table = "members")]
struct Member {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(secondary = "acquaintances(member_id, known_id)", back_populates = known_by)]
    knows: ManyToMany<Member>,
    #[orm(back_populates = knows)]
    known_by: ManyToMany<Member>,
}

pub(super) const CASES: &[Case] = &[
    Case::core("relations.many_to_many.both_sides", both_sides)
        .promise("Relating or unrelating two objects changes both sides at once, and an unloaded side stays unloaded.")
        .suspects_orm()
        .covers(&[Rule(22), Rule(23)])
        .since(6),
    Case::core("relations.many_to_many.inserted", inserted)
        .promise("The association rows of new objects are written after both ends, by a number of statements that does not depend on their number.")
        .hint("Enforced foreign keys reveal a wrong order; one batch writes an association table.")
        .covers(&[Rule(15), Rule(13), Rule(24)])
        .since(6),
    Case::core("relations.many_to_many.difference", difference)
        .promise("Replacing a collection deletes the association rows that are gone, inserts the new ones, and touches no other.")
        .hint("The DELETE goes by both columns of the association table's key.")
        .covers(&[Rule(15), Rule(23)])
        .since(6),
    Case::core("relations.many_to_many.again", again)
        .promise("An association row that exists already is not written a second time, even if it was not loaded.")
        .hint("Association rows that are not loaded are looked up by both columns.")
        .covers(&[Rule(15)])
        .since(6),
    Case::core("relations.many_to_many.deleted", deleted)
        .promise("Deleting an object first deletes its association rows, from either side, loaded or not.")
        .hint("Enforced foreign keys reveal a wrong order.")
        .covers(&[Rule(15), Rule(25)])
        .since(6),
    Case::core("relations.many_to_many.within", within)
        .promise("A self-referential many-to-many relation keeps its two directions apart.")
        .hint("The association table is joined by one column and searched by the other.")
        .covers(&[Rule(22), Rule(25)])
        .since(6),
    Case::core("relations.many_to_many.rollback", rollback)
        .promise("A rollback restores both sides of a many-to-many relation, whether or not its changes were flushed.")
        .hint("Of the backend, only ROLLBACK matters here.")
        .needs(&[Capability::Transactions])
        .covers(&[Rule(31)])
        .since(6),
    Case::core("relations.many_to_many.savepoint", savepoint)
        .promise("Rolling back to a savepoint restores exactly the association rows that changed inside it.")
        .hint("Of the backend, only savepoints matter here.")
        .needs(&[Capability::Savepoints])
        .covers(&[Rule(32)])
        .since(6),
    Case::core("relations.many_to_many.stale", stale)
        .promise("Unrelating two objects whose association row no longer exists is `StaleData`.")
        .hint("A DELETE must report how many rows it matched.")
        .covers(&[Rule(19)])
        .since(6),
    Case::core("relations.many_to_many.loading", loading)
        .promise("Many-to-many collections load lazily, by selectin and by a join with equal graphs in the declared order, each with its own number of statements.")
        .hint("Selectin joins the association table and the target in one statement for each batch of owners.")
        .covers(&[Rule(27), Rule(29)])
        .since(6),
];

/// The article "first" about a and b, and the topic c; the article's key.
fn library(context: &Context) -> CaseResult<(World, i64)> {
    let world = World::of(context, &metadata![Article, Topic, Member])?;
    let mut session = world.session();
    session.add(Topic::new("c"));
    let article = session.add(Article {
        topics: ["a", "b"].map(Topic::new).into(),
        ..Article::new("first")
    });
    session.commit()?;
    let key = session[article].id.get().copied().unwrap_or(-1);
    drop(session);
    world.sent();
    Ok((world, key))
}

/// An article, and the topics a, b and c.
fn open(session: &mut Session, key: i64) -> CaseResult<(Handle<Article>, [Handle<Topic>; 3])> {
    let article = Article::query().filter(Article::ID.eq(key)).one(session)?;
    let topics = Topic::query().order_by(Topic::NAME.asc()).all(session)?;
    match topics[..] {
        [a, b, c] => Ok((article, [a, b, c])),
        _ => Err(failed("there must be three topics")),
    }
}

fn failed(message: &str) -> crate::case::Failure {
    crate::case::Failure::Assertion(message.to_owned())
}

/// Returns the sorted names of an article's topics in the database.
fn stored(world: &World, key: i64) -> CaseResult<Vec<String>> {
    let mut session = world.session();
    let article = session
        .get::<Article>(key)?
        .ok_or_else(|| failed("the article must be there"))?;
    let topics = session.load(article, Article::TOPICS)?;
    let names = topics.iter().map(|&t| session[t].name.clone()).collect();
    drop(session);
    world.sent();
    Ok(names)
}

fn both_sides(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, b, c]) = open(&mut session, key)?;
    session.load(article, Article::TOPICS)?;
    session.load(c, Topic::ARTICLES)?;
    world.sent();
    session.push(c, Topic::ARTICLES, article)?;
    session.remove(article, Article::TOPICS, a)?;
    check_eq!(
        session.load(article, Article::TOPICS)?,
        [b, c],
        "the loaded collection must show changes of either side"
    );
    check_eq!(
        session.load(c, Topic::ARTICLES)?,
        [article],
        "the topic must have the article at once"
    );
    check_eq!(
        session.loaded(a, Topic::ARTICLES)?,
        None,
        "an unloaded side must stay unloaded"
    );
    check_eq!(world.sent(), Sent::NOTHING, "nothing may be sent");
    let unloaded = session.no_autoflush(|session| session.load(a, Topic::ARTICLES))?;
    check_eq!(unloaded, [], "the change must be merged when it is loaded");
    let refused = session.remove(article, Article::TOPICS, a);
    check_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::InvalidState),
        "an object that is not in a loaded collection cannot be removed from it"
    );
    session.commit()?;
    check_eq!(
        stored(&world, key)?,
        ["c", "b"],
        "the rows must be those of the collection"
    );
    Ok(())
}

fn inserted(context: &mut Context) -> CaseResult {
    let (world, _) = library(context)?;
    let mut counts = Vec::new();
    for count in [2, 20] {
        let mut session = world.session();
        let shared = session.add(Topic::new(format!("shared {count}")));
        let articles: Vec<Handle<Article>> = (0..count)
            .map(|n| {
                let mut topics = ManyToMany::from([shared]);
                topics.push(Topic::new(format!("own {count}.{n:02}")));
                session.add(Article {
                    topics,
                    ..Article::new(format!("{count}.{n:02}"))
                })
            })
            .collect();
        world.sent();
        session.commit()?;
        counts.push(world.sent().rows());
        check_eq!(
            session.load(shared, Topic::ARTICLES)?,
            articles,
            "the shared topic must have all articles"
        );
        for (n, &article) in articles.iter().enumerate() {
            let topics = session.load(article, Article::TOPICS)?;
            let names: Vec<&str> = topics.iter().map(|&t| &*session[t].name).collect();
            check_eq!(
                names,
                [format!("shared {count}"), format!("own {count}.{n:02}")],
                "each article must have its own pairs"
            );
        }
    }
    check_eq!(
        counts[0],
        counts[1],
        "many new objects and pairs must take as many statements as few"
    );
    Ok(())
}

fn difference(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [_, b, c]) = open(&mut session, key)?;
    session.load(article, Article::TOPICS)?;
    world.sent();
    session.replace(article, Article::TOPICS, [c, b])?;
    session.flush()?;
    let sent = world.sent();
    check_eq!(
        (sent.select, sent.insert, sent.update, sent.delete),
        (0, 1, 0, 1),
        "one pair is new and one is gone"
    );
    session.replace(article, Article::TOPICS, [b, c])?;
    session.commit()?;
    check_eq!(
        world.sent().rows(),
        0,
        "equal collections must send nothing"
    );
    check_eq!(
        stored(&world, key)?,
        ["c", "b"],
        "the rows must be those of the collection"
    );
    Ok(())
}

fn again(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, _, c]) = open(&mut session, key)?;
    world.sent();
    session.push(article, Article::TOPICS, a)?;
    session.push(article, Article::TOPICS, c)?;
    session.push(c, Topic::ARTICLES, article)?;
    session.commit()?;
    check_eq!(
        world.sent().insert,
        1,
        "only the pair that is new may be inserted"
    );
    check_eq!(
        stored(&world, key)?,
        ["c", "b", "a"],
        "each pair must be there once"
    );
    session.push(article, Article::TOPICS, a)?;
    session.remove(article, Article::TOPICS, a)?;
    session.commit()?;
    check_eq!(
        stored(&world, key)?,
        ["c", "b"],
        "an object added to and removed from an unloaded collection must not be in it"
    );
    Ok(())
}

fn deleted(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, b, c]) = open(&mut session, key)?;
    session.delete(a)?;
    session.flush()?;
    check_eq!(
        session.load(article, Article::TOPICS)?,
        [b],
        "the pair of a deleted topic must be gone"
    );
    session.delete(b)?;
    session.push(article, Article::TOPICS, c)?;
    session.commit()?;
    check_eq!(
        session.load(article, Article::TOPICS)?,
        [c],
        "a deleted topic must leave the loaded collection"
    );
    session.commit()?;
    drop(session);
    let mut session = world.session();
    let article = session
        .get::<Article>(key)?
        .ok_or_else(|| failed("the article must be there"))?;
    session.delete(article)?;
    session.commit()?;
    let topics = Topic::query().all(&mut session)?;
    check_eq!(topics.len(), 1, "the topic must stay");
    check_eq!(
        session.load(topics[0], Topic::ARTICLES)?,
        [],
        "the topic must no longer have an article"
    );
    Ok(())
}

fn within(context: &mut Context) -> CaseResult {
    let (world, _) = library(context)?;
    let mut session = world.session();
    let [ann, bob, carl] = session.add_all(["ann", "bob", "carl"].map(Member::new));
    session.push(ann, Member::KNOWS, bob)?;
    session.push(ann, Member::KNOWS, ann)?;
    session.push(bob, Member::KNOWN_BY, carl)?;
    check_eq!(
        session.load(bob, Member::KNOWN_BY)?,
        [ann, carl],
        "both directions must be seen before they are written"
    );
    session.commit()?;
    for (member, knows, known_by) in [
        (ann, vec![ann, bob], vec![ann]),
        (bob, vec![], vec![ann, carl]),
        (carl, vec![bob], vec![]),
    ] {
        check_eq!(
            session.load(member, Member::KNOWS)?,
            knows,
            "each must know those it was related to"
        );
        check_eq!(
            session.load(member, Member::KNOWN_BY)?,
            known_by,
            "each must be known by those that were related to it"
        );
    }
    session.delete(ann)?;
    session.commit()?;
    check_eq!(
        session.load(bob, Member::KNOWN_BY)?,
        [carl],
        "the pairs of both directions must be deleted with their member"
    );
    Ok(())
}

fn rollback(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, b, c]) = open(&mut session, key)?;
    session.replace(article, Article::TOPICS, [c])?;
    session.flush()?;
    session.push(article, Article::TOPICS, a)?;
    session.delete(b)?;
    session.rollback()?;
    check_eq!(
        session.load(article, Article::TOPICS)?,
        [b, a],
        "the article must have the topics that it had"
    );
    check_eq!(
        session.load(c, Topic::ARTICLES)?,
        [],
        "the topic must have no article, as it had"
    );
    session.commit()?;
    check_eq!(
        stored(&world, key)?,
        ["b", "a"],
        "the rows must be unchanged"
    );
    Ok(())
}

fn savepoint(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, b, c]) = open(&mut session, key)?;
    session.load(article, Article::TOPICS)?;
    session.remove(article, Article::TOPICS, a)?;
    let undone: selfsame::Result<()> = session.savepoint(|session| {
        session.push(article, Article::TOPICS, c)?;
        session.flush()?;
        session.remove(article, Article::TOPICS, b)?;
        session.flush()?;
        Err(selfsame::Error::new(ErrorKind::Database, "undo this"))
    });
    check!(undone.is_err(), "the savepoint must return its error");
    check_eq!(
        session.load(article, Article::TOPICS)?,
        [b],
        "changes inside must be undone, and earlier ones kept"
    );
    session.savepoint(|session| session.push(article, Article::TOPICS, c))?;
    session.commit()?;
    check_eq!(
        stored(&world, key)?,
        ["c", "b"],
        "the rows must be those of the collection"
    );
    Ok(())
}

fn stale(context: &mut Context) -> CaseResult {
    let (world, key) = library(context)?;
    let mut session = world.session();
    let (article, [a, _, c]) = open(&mut session, key)?;
    // The session does not know that the row is gone.
    session.remove(article, Article::TOPICS, c)?;
    session.remove(article, Article::TOPICS, a)?;
    let error = session.flush().err();
    check_eq!(
        error.as_ref().map(selfsame::Error::kind),
        Some(ErrorKind::StaleData),
        "a missing pair cannot be deleted"
    );
    check_eq!(
        error.as_ref().and_then(selfsame::Error::entity_name),
        Some("article_topics"),
        "the error must name the association table"
    );
    session.rollback()?;
    session.commit()?;
    check_eq!(
        stored(&world, key)?,
        ["b", "a"],
        "the other pair must still exist"
    );
    Ok(())
}

fn loading(context: &mut Context) -> CaseResult {
    const COUNT: usize = 5;
    let (world, first) = library(context)?;
    let mut session = world.session();
    let (_, topics) = open(&mut session, first)?;
    for n in 1..COUNT {
        session.add(Article {
            topics: topics.iter().copied().take(n - 1).collect(),
            ..Article::new(format!("more {n}"))
        });
    }
    session.commit()?;
    drop(session);
    let wanted = ["ba", "", "a", "ba", "cba"].map(str::to_owned);
    // A dialect without lists as parameters looks up one owner per statement.
    let lookups = match context.dialect().batch() {
        Batch::Rows => COUNT,
        _ => 1,
    };
    let query = || Article::query().order_by(Article::ID.asc());
    for (how, query, statements) in [
        ("lazily", query(), 1 + COUNT),
        (
            "by selectin",
            query().with(Article::TOPICS.selectin()),
            1 + lookups,
        ),
        ("joined", query().with(Article::TOPICS.joined()), 1),
    ] {
        let mut session = world.session();
        world.sent();
        let mut found = Vec::new();
        for article in query.all(&mut session)? {
            let topics = session.load(article, Article::TOPICS)?;
            found.push(
                topics
                    .iter()
                    .map(|&t| &*session[t].name)
                    .collect::<String>(),
            );
        }
        check_eq!(
            found,
            wanted,
            "the graph loaded {how} must be complete and in order"
        );
        check_eq!(
            world.sent().rows(),
            statements,
            "the number of statements for the graph loaded {how}"
        );
    }
    let mut session = world.session();
    let page = query().offset(2).limit(2).with(Article::TOPICS.joined());
    let page = page.all(&mut session)?;
    check_eq!(page.len(), 2, "a limit of two must give two owners");
    check_eq!(
        session.load(page[1], Article::TOPICS)?.len(),
        2,
        "each with all its members"
    );
    Ok(())
}
