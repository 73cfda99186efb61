use selfsame::DbEnum;

#[derive(DbEnum, Clone)]
enum Status {
    Active,
    #[orm(label = "active")]
    Running,
    Failed(String),
}

#[derive(DbEnum, Clone)]
#[orm(rename_all = "Title Case", table = "x")]
enum Priority {
    #[orm(name = "low")]
    Low,
}

#[derive(DbEnum, Clone)]
enum Never {}

#[derive(DbEnum, Clone)]
struct Point;

fn main() {}
