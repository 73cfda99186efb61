use selfsame::Entity;
use selfsame::sql::{Condition, sum};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    age: Option<i32>,
}

#[derive(Entity, Clone)]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    done: bool,
}

fn filter_users(_: impl Condition<User>) {}

fn main() {
    filter_users(User::AGE.gt("x"));
    filter_users(User::NAME.eq(1_i64));
    filter_users(User::ID.eq(Task::ID));
    filter_users(Task::ID.eq(1));
    filter_users(Task::DONE);
    filter_users(User::NAME);
    filter_users(User::AGE.eq(1).and(Task::ID.eq(1)));
    filter_users(User::AGE.like("a%"));
    filter_users((User::NAME + 1).eq("a"));
    sum(User::NAME);
}
