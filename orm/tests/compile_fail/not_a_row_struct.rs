use selfsame::FromRow;

#[derive(FromRow)]
struct Pair(i64, i64);

#[derive(FromRow)]
enum Either {
    Left,
}

fn main() {}
