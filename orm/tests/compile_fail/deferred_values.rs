use selfsame::prelude::*;

#[derive(Entity, Clone)]
#[orm(table = "papers")]
struct Paper {
    #[orm(primary_key)]
    id: Auto<i64>,
    body: Deferred<String>,
}

#[derive(Entity, Clone)]
#[orm(table = "moods")]
struct Mood {
    #[orm(primary_key)]
    id: Auto<i64>,
    since: Deferred<std::time::Instant>,
}

fn read(paper: Paper) -> String {
    paper.body
}

fn main() {
    let _ = Paper::query().filter(Paper::BODY.eq(1));
    let _ = Paper::new(Deferred::new("a".to_owned()));
    let _ = Paper::query().undefer(Mood::SINCE);
}
