use selfsame::prelude::*;

#[derive(DbEnum, Clone, Debug)]
enum Colour {
    Red,
}

fn short(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lamps")]
struct Lamp {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 5)]
    colour: Option<Colour>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "words")]
struct Word {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(validate = "short")]
    text: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "numbers")]
struct Number {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(validate = short)]
    number: i32,
}

fn main() {}
