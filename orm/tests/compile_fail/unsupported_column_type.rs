use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Clone)]
struct Point;

#[derive(Entity, Clone)]
struct Place {
    #[orm(primary_key)]
    id: Auto<i64>,
    at: Point,
    path: Option<Vec<Point>>,
}

fn main() {
    let _ = Place::new(Point);
}
