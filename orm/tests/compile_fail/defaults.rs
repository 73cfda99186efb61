use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct Page {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(default = "none")]
    note: Option<String>,
    #[orm(default = "many")]
    words: i32,
}

fn main() {
    let _: Page = Page::new("title");
}
