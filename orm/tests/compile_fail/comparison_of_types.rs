mod models;
use models::User;

fn main() {
    let _ = User::AGE.gt("x");
    let _ = User::NAME.eq(3);
}
