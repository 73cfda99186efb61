mod models;
use models::User;
use selfsame::session::{Handle, Session};

fn name(session: &mut Session, user: Handle<User>) -> selfsame::Result<usize> {
    let ann = &session[user];
    session.flush()?;
    Ok(ann.name.len())
}

fn main() {}
