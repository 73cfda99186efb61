//! A relationship field only holds what the session has not taken over yet, so it has no methods that could be mistaken for those of the
//! relation.

mod models;
use models::{Task, User};
use selfsame::{Handle, Session};

fn count(session: &Session, user: Handle<User>) -> usize {
    session[user].tasks.len()
}

fn has_user(session: &Session, task: Handle<Task>) -> bool {
    session[task].user.is_set()
}

fn main() {}
