//! `Digest`: a checksum of what an arm read or wrote. The arms' checksums are compared before they are timed.

use std::hash::{Hash, Hasher};
use std::hint::black_box;

use rustc_hash::FxHasher;

use crate::raw;
use crate::schema::{Comment, Post, User};

/// A checksum of rows that does not depend on their order. It is off while an arm is timed: it then computes nothing, and only keeps results
/// from being optimised away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(Option<u64>);

impl Digest {
    /// Computes a checksum.
    pub fn on() -> Self {
        Self(Some(0))
    }

    /// Only consumes results, for timed runs.
    pub fn off() -> Self {
        Self(None)
    }

    /// The checksum; `None` if it was off.
    pub fn sum(self) -> Option<u64> {
        self.0
    }

    /// Adds a value, if a checksum is computed.
    pub(crate) fn peek(&mut self, rows: impl FnOnce(&mut Rows)) {
        if let Some(sum) = &mut self.0 {
            let mut found = Rows(*sum);
            rows(&mut found);
            *sum = found.0;
        }
    }

    /// Consumes a whole result; `rows` adds its rows, if a checksum is computed.
    pub(crate) fn take<T>(&mut self, result: T, rows: impl FnOnce(&T, &mut Rows)) {
        if let Some(sum) = &mut self.0 {
            let mut found = Rows(*sum);
            rows(&result, &mut found);
            *sum = found.0;
        }
        drop(black_box(result));
    }
}

/// The rows of a result as they are added.
pub(crate) struct Rows(u64);

impl Rows {
    /// Adds one row of any columns.
    pub(crate) fn add(&mut self, row: impl Hash) {
        let mut hasher = FxHasher::default();
        row.hash(&mut hasher);
        // Addition commutes; the rotation gives two rows another sum than the same rows with exchanged halves.
        self.0 = self.0.wrapping_add(
            hasher
                .finish()
                .rotate_left(17)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
    }

    pub(crate) fn user(&mut self, user: &User) {
        self.add(("user", *user.id, &user.name, &user.hair_color));
    }

    /// A post with the user whose collection it was found in.
    pub(crate) fn post(&mut self, user: i64, post: &Post) {
        self.add((
            "post",
            user,
            *post.id,
            post.user_id,
            &post.title,
            &post.body,
        ));
    }

    /// A comment with the post whose collection it was found in.
    pub(crate) fn comment(&mut self, post: i64, comment: &Comment) {
        self.add(("comment", post, *comment.id, comment.post_id, &comment.text));
    }

    pub(crate) fn raw_user(&mut self, user: &raw::User) {
        self.add(("user", user.id, &user.name, &user.hair_color));
    }

    pub(crate) fn raw_post(&mut self, user: i64, post: &raw::Post) {
        self.add(("post", user, post.id, post.user_id, &post.title, &post.body));
    }

    pub(crate) fn raw_comment(&mut self, post: i64, comment: &raw::Comment) {
        self.add(("comment", post, comment.id, comment.post_id, &comment.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[(i64, &str)]) -> Option<u64> {
        let mut digest = Digest::on();
        digest.take(rows, |rows, out| rows.iter().for_each(|row| out.add(row)));
        digest.sum()
    }

    #[test]
    fn order_does_not_matter_and_all_else_does() {
        assert_eq!(sum(&[(1, "a"), (2, "b")]), sum(&[(2, "b"), (1, "a")]));
        assert_ne!(sum(&[(1, "a"), (2, "b")]), sum(&[(1, "b"), (2, "a")]));
        assert_ne!(sum(&[(1, "a")]), sum(&[(1, "a"), (1, "a")]));
        assert_ne!(sum(&[]), sum(&[(0, "")]));
    }

    #[test]
    fn off_is_off() {
        let mut digest = Digest::off();
        digest.take(1, |_, _| unreachable!("nobody wants to know"));
        assert_eq!(digest.sum(), None);
    }
}
