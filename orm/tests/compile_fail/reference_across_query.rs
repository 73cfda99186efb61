mod models;
use models::User;
use selfsame::Entity;
use selfsame::session::{Handle, Session};

fn name(session: &mut Session, user: Handle<User>) -> selfsame::Result<usize> {
    let ann = &mut session[user];
    let others = User::query().all(session)?;
    ann.name.clear();
    Ok(others.len())
}

fn main() {}
