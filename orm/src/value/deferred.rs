//! `Deferred`: a column that is loaded on request.

use std::fmt;

/// An entity's field whose column is loaded on request, not with its row: a long text, a picture.
///
/// It is unloaded, or holds a value. Queries omit its column unless they [`undefer`](crate::query::Query::undefer) it;
/// [`Session::undefer`](crate::Session::undefer) loads it later. Setting a value does not load it first. An unloaded field is never
/// written; in a new row the column gets its default, or NULL. Reading the row again with a statement that omits the column unloads the
/// field.
///
/// `Deferred` must be outermost: `Deferred<Option<String>>`. The column's constant has the inner type.
///
/// ```
/// use selfsame::prelude::*;
///
/// #[derive(Entity, Clone, Debug)]
/// #[orm(table = "books")]
/// struct Book {
///     #[orm(primary_key)]
///     id: Auto<i64>,
///     title: String,
///     text: Deferred<String>,
///     cover: Deferred<Option<Vec<u8>>>,
/// }
///
/// # fn main() -> selfsame::Result<()> {
/// let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
/// metadata![Book].create_all(&engine)?;
/// let mut session = Session::new(&engine);
/// session.add(Book::new("Emma", "Emma Woodhouse, handsome, clever, and rich"));
/// session.commit()?;
/// session.clear();
///
/// let emma = Book::query().one(&mut session)?; // SELECT id, title FROM books
/// assert!(!session[emma].text.is_loaded());
/// assert!(session.undefer(emma, Book::TEXT)?.ends_with("rich")); // one SELECT
/// assert_eq!(session[emma].cover.get(), None);
///
/// session[emma].cover.set(Some(vec![1, 2, 3]));
/// session.commit()?; // UPDATE books SET cover = ?
///
/// let with_text = Book::query().filter(Book::TEXT.contains("clever")).undefer(Book::TEXT);
/// assert_eq!(with_text.all(&mut session)?, [emma]);
/// assert!(session[emma].text.is_loaded());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deferred<T>(Option<T>);

impl<T> Deferred<T> {
    /// An unloaded field.
    pub const UNLOADED: Self = Self(None);

    /// Creates a field that holds a value.
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Returns whether it holds a value.
    pub const fn is_loaded(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the value, if it is loaded.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Returns the value to change in place, if it is loaded.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }

    /// Sets the value, loaded or not.
    pub fn set(&mut self, value: T) {
        self.0 = Some(value);
    }

    /// Takes the value and leaves the field unloaded. The column is not changed.
    pub const fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    /// Returns the value, if it is loaded.
    pub fn into_inner(self) -> Option<T> {
        self.0
    }
}

impl<T> Default for Deferred<T> {
    fn default() -> Self {
        Self::UNLOADED
    }
}

impl<T> From<T> for Deferred<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Deferred<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl<T: PartialEq> PartialEq<T> for Deferred<T> {
    fn eq(&self, other: &T) -> bool {
        self.0.as_ref() == Some(other)
    }
}

impl<T: fmt::Debug> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("Deferred(unloaded)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_unloaded_or_holds_a_value() {
        let mut text = Deferred::<String>::default();
        assert_eq!((text.is_loaded(), text.get()), (false, None));
        assert_eq!(format!("{text:?}"), "Deferred(unloaded)");
        assert_eq!(text, Deferred::UNLOADED);
        text.set("a".to_owned());
        text.get_mut().expect("a value").push('b');
        assert_eq!(text, "ab".to_owned());
        assert_eq!(text, Deferred::from("ab"));
        assert_eq!(format!("{text:?}"), "\"ab\"");
        assert_eq!(text.clone().into_inner().as_deref(), Some("ab"));
        assert_eq!(text.take().as_deref(), Some("ab"));
        assert!(!text.is_loaded());
    }
}
