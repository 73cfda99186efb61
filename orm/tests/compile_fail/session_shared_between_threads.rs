mod models;
use selfsame::session::Session;

fn two_at_once(session: &Session) {
    std::thread::scope(|scope| {
        scope.spawn(|| session.statements());
    });
}

fn main() {}
