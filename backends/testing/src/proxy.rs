//! A proxy on the loopback interface that cuts connections after a number of bytes, stops forwarding, lets answers through byte by byte, or
//! limits the rate of requests.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The direction in which bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// Forwards to a server, until a method stops, slows or cuts the traffic.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    to_server: Left,
    to_client: Left,
    stalled: AtomicBool,
    /// The pause after each byte to the client, in milliseconds.
    dripping: AtomicU64,
    /// The number of bytes per second that are sent to the server; 0 for no limit.
    rate: AtomicU64,
    over: AtomicBool,
}

/// The number of bytes that may pass before the cut.
#[derive(Debug)]
struct Left(AtomicI64);

impl Default for Left {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Proxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Panics
    ///
    /// Without a free port.
    pub fn to(host: &str, port: u16) -> Self {
        let target = (host.to_owned(), port);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listens");
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

    /// Returns its port of the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection after this many more bytes.
    pub fn cut_after(&self, direction: Direction, bytes: i64) {
        self.state.left(direction).store(bytes, Ordering::SeqCst);
    }

    /// Returns whether it has cut the connections in this direction.
    pub fn has_cut(&self, direction: Direction) -> bool {
        self.state.left(direction).load(Ordering::SeqCst) < 0
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        self.cut_after(Direction::ToServer, i64::MAX);
        self.cut_after(Direction::ToClient, i64::MAX);
        self.state.stalled.store(false, Ordering::SeqCst);
        self.state.dripping.store(0, Ordering::SeqCst);
        self.state.rate.store(0, Ordering::SeqCst);
    }

    /// Keeps the sockets open and forwards nothing.
    pub fn stall(&self) {
        self.state.stalled.store(true, Ordering::SeqCst);
    }

    /// Forwards nothing, or everything again.
    pub fn set_silent(&self, is_silent: bool) {
        match is_silent {
            true => self.stall(),
            false => self.mend(),
        }
    }

    /// Lets answers through byte by byte, with a pause after each.
    pub fn drip(&self, pause: Duration) {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.state.dripping.store(pause, Ordering::SeqCst);
    }

    /// Lets at most this many bytes a second through to the server.
    pub fn throttle(&self, bytes_a_second: u64) {
        self.state.rate.store(bytes_a_second, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn left(&self, direction: Direction) -> &AtomicI64 {
        match direction {
            Direction::ToServer => &self.to_server.0,
            Direction::ToClient => &self.to_client.0,
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Sleeps for as long as this many bytes take.
    fn keep_to_the_rate(&self, bytes: usize) {
        let rate = self.rate.load(Ordering::SeqCst);
        if let Some(pause) = (bytes as u64 * 1_000_000).checked_div(rate) {
            std::thread::sleep(Duration::from_micros(pause));
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, direction: Direction, state: &State) {
    let mut buffer = [0; 4096];
    let left = state.left(direction);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while state.stalled.load(Ordering::SeqCst) && !state.is_over() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let counted = i64::try_from(count).unwrap_or(i64::MAX);
        let before = match left.load(Ordering::SeqCst) {
            i64::MAX => i64::MAX,
            _ => left.fetch_sub(counted, Ordering::SeqCst),
        };
        let passed = usize::try_from(before.clamp(0, counted)).unwrap_or(0);
        if direction == Direction::ToServer {
            state.keep_to_the_rate(passed);
        }
        let sent = match (direction, state.dripping.load(Ordering::SeqCst)) {
            (Direction::ToClient, pause @ 1..) => drip(&mut to, &buffer[..passed], pause, state),
            _ => to.write_all(&buffer[..passed]),
        };
        if sent.is_err() || passed < count {
            break;
        }
    }
    // Data forwarded before arrives before the end of the stream.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn drip(to: &mut TcpStream, bytes: &[u8], pause: u64, state: &State) -> std::io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte])?;
        if !state.is_over() {
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
    Ok(())
}
