//! A proxy on the loopback interface that cuts after so many bytes, or forwards nothing any more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use selfsame_postgres::Postgres;
use selfsame_postgres::testing::{Database, Server};

/// In which direction bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// Forwards to a server as long as it is not told otherwise.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    to_server: Left,
    to_client: Left,
    stalled: AtomicBool,
    over: AtomicBool,
}

/// How many bytes may pass before the cut.
struct Left(AtomicI64);

impl Default for Left {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Proxy {
    pub(crate) fn new(server: &Server) -> Self {
        let url = url::Url::parse(server.url()).expect("a URL");
        let target = (
            url.host_str().expect("a host").to_owned(),
            url.port().unwrap_or(5432),
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(server) = TcpStream::connect((&*target.0, target.1)) else {
                    continue;
                };
                for direction in [Direction::ToServer, Direction::ToClient] {
                    let (from, to) = match direction {
                        Direction::ToServer => (&client, &server),
                        Direction::ToClient => (&server, &client),
                    };
                    let (from, to) = (
                        from.try_clone().expect("clones"),
                        to.try_clone().expect("clones"),
                    );
                    let state = Arc::clone(&shared);
                    std::thread::spawn(move || forward(from, to, direction, &state));
                }
            }
        });
        Self { port, state }
    }

    /// The backend of a database, by way of the proxy.
    pub(crate) fn backend(&self, server: &Server, database: &Database) -> Postgres {
        let mut url = url::Url::parse(server.url()).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("has a host");
        url.set_port(Some(self.port)).expect("has a host");
        Postgres::url(url.as_str())
            .expect("a URL")
            .application_name(database.name())
            .schema(database.name())
    }

    /// Cuts every connection after so many more bytes.
    pub(crate) fn cut_after(&self, direction: Direction, bytes: i64) {
        self.state.left(direction).store(bytes, Ordering::SeqCst);
    }

    /// Whether so many bytes have passed.
    pub(crate) fn has_cut(&self, direction: Direction) -> bool {
        self.state.left(direction).load(Ordering::SeqCst) < 0
    }

    /// Lets everything pass again.
    pub(crate) fn mend(&self) {
        self.cut_after(Direction::ToServer, i64::MAX);
        self.cut_after(Direction::ToClient, i64::MAX);
        self.state.stalled.store(false, Ordering::SeqCst);
    }

    /// Keeps the sockets open and forwards nothing.
    pub(crate) fn stall(&self) {
        self.state.stalled.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn left(&self, direction: Direction) -> &AtomicI64 {
        match direction {
            Direction::ToServer => &self.to_server.0,
            Direction::ToClient => &self.to_client.0,
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, direction: Direction, state: &State) {
    let mut buffer = [0; 4096];
    let left = state.left(direction);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while state.stalled.load(Ordering::SeqCst) && !state.over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let count_i64 = i64::try_from(count).expect("a small number");
        let before = match left.load(Ordering::SeqCst) {
            i64::MAX => i64::MAX,
            _ => left.fetch_sub(count_i64, Ordering::SeqCst),
        };
        let passed = usize::try_from(before.clamp(0, count_i64)).expect("a small number");
        if to.write_all(&buffer[..passed]).is_err() || passed < count {
            break;
        }
    }
    // What was forwarded arrives before the end.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
