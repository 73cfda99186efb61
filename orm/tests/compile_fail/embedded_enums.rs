use selfsame::value::Auto;
use selfsame::{Embedded, Entity};

#[derive(Embedded, Clone)]
enum Generic<T> {
    One { value: T },
}

#[derive(Embedded, Clone)]
enum Nothing {}

#[derive(Embedded, Clone)]
enum Tuple {
    Pair(i32, i32),
}

#[derive(Embedded, Clone)]
#[orm(table = "kinds")]
enum Labels {
    #[orm(label = "b", column = "x")]
    A,
    B,
    Tag {
        #[orm(primary_key)]
        id: i64,
    },
}

#[derive(Embedded, Clone)]
enum Clash {
    A { size: i32 },
    B { size: i32 },
}

#[derive(Embedded, Clone)]
enum Made {
    A {
        #[orm(server_default = "1")]
        at: Auto<i64>,
    },
    B,
}

#[derive(Entity, Clone)]
struct Two {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    clash: Clash,
}

#[derive(Entity, Clone)]
struct Three {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    made: Made,
}

fn main() {
    let _ = Two::CLASH.a.size.eq("1");
    let _ = Two::CLASH.is_c();
}
