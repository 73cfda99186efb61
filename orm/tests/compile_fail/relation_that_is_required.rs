mod models;
use models::Task;
use selfsame::session::{Handle, Session};

fn a_task_needs_its_user(session: &mut Session, task: Handle<Task>) {
    let _ = session.set(task, Task::USER, None);
}

fn main() {}
