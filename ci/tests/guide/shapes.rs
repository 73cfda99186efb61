// ANCHOR: entities
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "books")]
pub struct Book {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub title: String,
    #[orm(references = "shelves.id", default = 0)]
    pub shelf_id: i64, // NOT NULL: a book stands on a shelf
    #[orm(back_populates = books)]
    pub shelf: BelongsTo<Shelf>,
    #[orm(back_populates = book, cascade = "all, delete-orphan")]
    pub cover: HasOne<Cover>,
    #[orm(secondary = "book_subjects(book_id, subject_id)", back_populates = books)]
    pub subjects: ManyToMany<Subject>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shelves")]
pub struct Shelf {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub label: String,
    #[orm(back_populates = shelf, order_by = "title")]
    pub books: HasMany<Book>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "covers")]
pub struct Cover {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub color: String,
    #[orm(references = "books.id", unique, default = 0)]
    pub book_id: i64, // UNIQUE: one cover for each book
    #[orm(back_populates = cover)]
    pub book: BelongsTo<Book>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "subjects")]
pub struct Subject {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    #[orm(references = "subjects.id")]
    pub parent_id: Option<i64>, // NULL for the root of a tree
    #[orm(back_populates = children)]
    pub parent: BelongsTo<Subject>,
    #[orm(back_populates = parent)]
    pub children: HasMany<Subject>,
    #[orm(back_populates = subjects)]
    pub books: ManyToMany<Book>,
}
// ANCHOR_END: entities

pub(crate) fn run(engine: Engine) -> Result<()> {
    metadata![Shelf, Book, Cover, Subject].create_all(&engine)?;
    let mut session = Session::new(&engine);
    // ANCHOR: use
    let shelf = session.add(Shelf::new("A1"));
    let rust = session.add(Subject {
        parent: Subject::new("computing").into(),
        ..Subject::new("rust")
    });
    let book = session.add(Book {
        shelf: shelf.into(), // a handle, or a new value as below
        cover: Cover::new("red").into(),
        subjects: [rust].into(),
        ..Book::new("Ownership")
    });
    session.commit()?; // parents first, then children, then `book_subjects`

    let about_computing = Book::query()
        .filter(Book::SUBJECTS.any(Subject::PARENT.has(Subject::NAME.eq("computing"))))
        .with(Book::SUBJECTS.selectin().then(Subject::PARENT.selectin()))
        .all(&mut session)?;
    assert_eq!(about_computing, [book]);
    // ANCHOR_END: use
    // ANCHOR: forgotten
    session.add(Book::new("Lost"));
    let error = match session.commit() {
        Ok(()) => unreachable!("there is no shelf 0"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    let hint = "`shelf_id` must refer to a row of `shelves`; the relation `shelf` sets it";
    assert_eq!(error.hint_text(), Some(hint)); // also part of the error's text
    session.rollback()?;
    // ANCHOR_END: forgotten
    Ok(())
}
