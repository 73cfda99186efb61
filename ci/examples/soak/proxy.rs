//! A proxy that cuts connections anywhere, and stalls all of them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::ledger::Dice;

/// One chunk of this many is cut in the middle, and its connection with it.
const CUT_ONE_OF: u64 = 400;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    is_stalled: AtomicBool,
    cuts: AtomicU64,
    seed: AtomicU64,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            target,
            is_stalled: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            seed: AtomicU64::new(1),
        });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(accepting.target) else {
                    continue;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                        let state = Arc::clone(&accepting);
                        std::thread::spawn(move || state.forward(from, to));
                    }
                }
            }
        });
        Ok(Self { address, state })
    }

    pub(crate) fn stall(&self, is_stalled: bool) {
        self.state.is_stalled.store(is_stalled, Ordering::Relaxed);
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

impl State {
    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut dice = Dice::new(self.seed.fetch_add(1, Ordering::Relaxed));
        let mut buffer = [0; 16 * 1024];
        let _ = to.set_nodelay(true);
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            while self.is_stalled.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let is_cut = dice.below(CUT_ONE_OF) == 0;
            let length = match is_cut {
                true => usize::try_from(dice.below(read as u64 + 1)).unwrap_or(0),
                false => read,
            };
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
            if is_cut {
                self.cuts.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
