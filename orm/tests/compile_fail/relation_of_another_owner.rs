mod models;
use models::{Task, User};
use selfsame::session::{Handle, Session};

fn tasks_of_a_task(session: &mut Session, task: Handle<Task>) {
    let _ = session.load(task, User::TASKS);
}

fn main() {}
