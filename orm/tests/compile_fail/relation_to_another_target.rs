mod models;
use models::{Task, User};
use selfsame::session::{Handle, Session};

fn a_user_is_no_task(session: &mut Session, user: Handle<User>) {
    let _ = session.push(user, User::TASKS, user);
}

fn a_task_is_no_user(session: &mut Session, task: Handle<Task>) {
    let _ = session.set(task, Task::USER, task);
}

fn main() {}
