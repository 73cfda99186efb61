//! The socket: never blocks, and reports the traffic over it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Token};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The number of bytes sent and received before the limit is checked again: a server that never stops sending must not be read forever,
/// and a large statement must not be sent after a cancellation.
const TURN: u64 = 1024 * 1024;

/// The number of unsent bytes that the system may buffer, so that the accepted bytes are approximately those that the peer has received.
/// Bytes in transit are not included.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

/// The system counts the milliseconds of one wait in 31 bits; longer waits are split.
const LONGEST_POLL: Duration = Duration::from_secs(3_600);

const SOCKET: Token = Token(0);
const INTERRUPTION: Token = Token(1);

/// The traffic over a socket.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
    /// The number of moved bytes at which this turn ends.
    turn: AtomicU64,
    /// Whether there may be bytes to receive; if not, no system call tries to.
    readable: AtomicBool,
    /// Whether the peer has closed the stream or it has failed: it stays readable, because nothing more is reported.
    ended: AtomicBool,
    server: AtomicU32,
}

impl Traffic {
    /// Returns the number of bytes passed to the operating system.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes moved in both directions.
    fn moved(&self) -> u64 {
        self.sent() + self.received.load(Ordering::Relaxed)
    }

    fn begin_turn(&self) {
        self.turn.store(self.moved() + TURN, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.moved() >= self.turn.load(Ordering::Relaxed)
    }

    /// The server process named in the greeting; 0 before it.
    pub(crate) fn server(&self) -> u32 {
        self.server.load(Ordering::Relaxed)
    }

    pub(crate) fn greeted_by(&self, server: u32) {
        self.server.store(server, Ordering::Relaxed);
    }
}

/// A connected stream.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    /// A second handle of the same stream.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            #[cfg(unix)]
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }
}

/// The address of the other end of a stream.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    #[cfg(feature = "tls")]
    Encrypted(SocketAddr, crate::connect::Encryption),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Peer {
    fn of(stream: &Stream) -> Option<Self> {
        match stream {
            Stream::Tcp(stream) => stream.peer_addr().ok().map(Self::Tcp),
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let address = stream.peer_addr().ok()?;
                address
                    .as_pathname()
                    .map(|path| Self::Unix(path.to_owned()))
            }
        }
    }

    /// Connects another stream, unencrypted so far, to the same address; each of its calls takes at most this long.
    pub(crate) fn reach(&self, patience: Duration) -> io::Result<Stream> {
        let tcp = |address: &SocketAddr| {
            let stream = TcpStream::connect_timeout(address, patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            Ok::<_, io::Error>(Stream::Tcp(stream))
        };
        Ok(match self {
            Self::Tcp(address) => tcp(address)?,
            #[cfg(feature = "tls")]
            Self::Encrypted(address, _) => tcp(address)?,
            #[cfg(unix)]
            Self::Unix(path) => {
                let stream = connect_unix(path, patience)?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                Stream::Unix(stream)
            }
        })
    }
}

/// Connects to a Unix socket. The system would wait forever for a server whose queue is full.
#[cfg(unix)]
pub(crate) fn connect_unix(
    path: &std::path::Path,
    patience: Duration,
) -> io::Result<std::os::unix::net::UnixStream> {
    /// The pause before the next attempt at a full queue.
    const PAUSE: Duration = Duration::from_millis(10);
    let address = socket2::SockAddr::unix(path)?;
    let until = Instant::now() + patience;
    loop {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address) {
            Ok(()) => {
                socket.set_nonblocking(false)?;
                return Ok(socket.into());
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && Instant::now() + PAUSE < until =>
            {
                std::thread::sleep(PAUSE);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
}

/// A socket that is polled by hand.
pub(crate) struct Socket {
    inner: Inner,
    /// Bytes are received here and then copied, because reading into the caller's buffer would require zeroing its free space first.
    received: Box<[u8]>,
    traffic: Arc<Traffic>,
}

/// The maximum number of bytes received at a time.
const MOST_RECEIVED: usize = 16 * 1024;

enum Inner {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

/// Waits until a socket is readable or writable.
pub(crate) struct Waiter {
    poll: mio::Poll,
    events: Events,
    alarm: Arc<Alarm>,
    waker: Waker,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) interruption: Arc<Interruption>,
    /// The address to which a request outside the connection is sent, and the way to reach it.
    pub(crate) peer: Option<Peer>,
}

/// Wakes the waiter for progress that does not depend on the socket.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The time limit of a wait for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The time that the peer may be silent, neither sending nor accepting anything.
    pub(crate) silence: Duration,
    /// The deadline for the whole answer, regardless of traffic.
    pub(crate) until: Option<Instant>,
}

impl Limit {
    /// The answer must arrive before this time.
    pub(crate) fn until(until: Instant) -> Self {
        Self {
            silence: until.saturating_duration_since(Instant::now()),
            until: Some(until),
        }
    }

    /// The answer must arrive within this time.
    pub(crate) fn within(limit: Duration) -> Self {
        Self::until(Instant::now() + limit)
    }
}

/// The wait ended without traffic for the allowed time, or was interrupted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence(pub(crate) Duration);

/// Interrupts a wait from another thread, and every later one.
pub(crate) struct Interruption {
    is_set: AtomicBool,
    waker: mio::Waker,
}

impl Interruption {
    pub(crate) fn interrupt(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        // The flag is checked when the wait ends, at the latest.
        let _ = self.waker.wake();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }
}

impl Socket {
    /// Takes over a stream, with its pending bytes.
    pub(crate) fn new(stream: Stream) -> io::Result<(Self, Waiter)> {
        let peer = Peer::of(&stream);
        let mut inner = match stream {
            Stream::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                #[cfg(any(target_os = "linux", target_os = "android"))]
                socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT)?;
                Inner::Tcp(mio::net::TcpStream::from_std(stream))
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                stream.set_nonblocking(true)?;
                Inner::Unix(mio::net::UnixStream::from_std(stream))
            }
        };
        let poll = mio::Poll::new()?;
        let both = Interest::READABLE | Interest::WRITABLE;
        let source: &mut dyn Source = match &mut inner {
            Inner::Tcp(stream) => stream,
            #[cfg(unix)]
            Inner::Unix(stream) => stream,
        };
        source.register(poll.registry(), SOCKET, both)?;
        let waker = mio::Waker::new(poll.registry(), INTERRUPTION)?;
        let is_set = AtomicBool::new(false);
        let interruption = Arc::new(Interruption { is_set, waker });
        let traffic = Arc::new(Traffic {
            readable: AtomicBool::new(true),
            ..Traffic::default()
        });
        let alarm = Arc::new(Alarm::default());
        let waiter = Waiter {
            poll,
            events: Events::with_capacity(4),
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
            traffic: Arc::clone(&traffic),
            interruption,
            peer,
        };
        let socket = Self {
            inner,
            received: vec![0; MOST_RECEIVED].into_boxed_slice(),
            traffic,
        };
        Ok((socket, waiter))
    }
}

impl Waiter {
    /// Runs `turn` until it is ready, and waits for the socket between turns; stops at the limit.
    pub(crate) fn wait<T>(
        &mut self,
        limit: Limit,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Silence> {
        let waker = self.waker.clone();
        let mut context = Context::from_waker(&waker);
        let mut moved = self.traffic.moved();
        let mut since = None;
        loop {
            self.alarm.0.store(false, Ordering::Relaxed);
            self.traffic.begin_turn();
            if let Poll::Ready(value) = turn(&mut context) {
                return Ok(value);
            }
            let now = Instant::now();
            if self.interruption.is_set() {
                return Err(Silence(now.duration_since(since.unwrap_or(now))));
            }
            let now_moved = self.traffic.moved();
            if now_moved != moved {
                moved = now_moved;
                since = None;
            }
            let waited = now.duration_since(*since.get_or_insert(now));
            let mut left = limit.silence.saturating_sub(waited);
            if let Some(until) = limit.until {
                left = left.min(until.saturating_duration_since(now));
            }
            if left.is_zero() {
                return Err(Silence(limit.silence));
            }
            if self.alarm.0.load(Ordering::Relaxed) {
                continue;
            }
            self.poll(left.min(LONGEST_POLL));
        }
    }

    /// Waits for the socket, and records whether it may be read. Its end and its errors are read too.
    fn poll(&mut self, timeout: Duration) {
        // An error here is an interruption: an error of the socket is reported by the next read.
        let _ = self.poll.poll(&mut self.events, Some(timeout));
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            let ended = event.is_read_closed() || event.is_error();
            let traffic = &self.traffic;
            traffic.ended.fetch_or(ended, Ordering::Relaxed);
            let readable = ended || event.is_readable();
            traffic.readable.fetch_or(readable, Ordering::Relaxed);
        }
    }

    /// One turn, without waiting.
    pub(crate) fn look<T>(&mut self, turn: impl FnOnce(&mut Context<'_>) -> T) -> T {
        self.poll(Duration::ZERO);
        self.traffic.begin_turn();
        turn(&mut Context::from_waker(&self.waker))
    }
}

/// The outcome of a system call that does not block.
fn ready<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.traffic.is_over() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.traffic.readable.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let this = &mut *self;
        let most = buffer.remaining().min(this.received.len());
        let received = &mut this.received[..most];
        let read = match &mut this.inner {
            Inner::Tcp(stream) => ready(|| stream.read(received)),
            #[cfg(unix)]
            Inner::Unix(stream) => ready(|| stream.read(received)),
        };
        // The poll reports only what happens after the socket was drained. On Unix, a read that leaves room in the buffer has drained it;
        // elsewhere only a read that would block.
        let drained = match &read {
            Poll::Ready(Ok(count)) => cfg!(unix) && (1..most).contains(count),
            Poll::Ready(Err(_)) => false,
            Poll::Pending => true,
        };
        if drained && !this.traffic.ended.load(Ordering::Relaxed) {
            this.traffic.readable.store(false, Ordering::Relaxed);
        }
        read.map_ok(|count| {
            this.traffic
                .received
                .fetch_add(count as u64, Ordering::Relaxed);
            buffer.put_slice(&this.received[..count]);
        })
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.traffic.is_over() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = match &mut self.inner {
            Inner::Tcp(stream) => ready(|| stream.write(buffer)),
            #[cfg(unix)]
            Inner::Unix(stream) => ready(|| stream.write(buffer)),
        };
        if let Poll::Ready(Ok(count)) = written {
            self.traffic.sent.fetch_add(count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let both = std::net::Shutdown::Write;
        Poll::Ready(match &self.inner {
            Inner::Tcp(stream) => stream.shutdown(both),
            #[cfg(unix)]
            Inner::Unix(stream) => stream.shutdown(both),
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    /// The bytes that are received in one read; `None` if it has to wait.
    fn receive(socket: &mut Socket, cx: &mut Context<'_>) -> Option<Vec<u8>> {
        let mut space = [0; 8];
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(socket).poll_read(cx, &mut buffer) {
            Poll::Ready(read) => {
                read.expect("the stream is open");
                Some(buffer.filled().to_vec())
            }
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_drained_socket_is_read_again_only_after_the_poll_reports_it() {
        let (near, mut far) = UnixStream::pair().expect("a pair of streams");
        let (mut socket, mut waiter) = Socket::new(Stream::Unix(near)).expect("a socket");
        let socket = &mut socket;
        assert_eq!(waiter.look(|cx| receive(socket, cx)), None);
        far.write_all(b"one").expect("room for three bytes");
        assert_eq!(
            waiter.look(|cx| {
                let first = receive(socket, cx);
                far.write_all(b"eight bytes").expect("room");
                // Not polled since.
                assert_eq!(receive(socket, cx), None);
                first
            }),
            Some(b"one".to_vec())
        );
        let rest = waiter.look(|cx| {
            let full = receive(socket, cx).expect("more bytes than fit");
            // A full buffer says nothing about what is left.
            [full, receive(socket, cx).expect("the rest")].concat()
        });
        assert_eq!(rest, b"eight bytes");
        // The end is reported once, together with what came before it.
        far.write_all(b"end").expect("room");
        drop(far);
        assert_eq!(waiter.look(|cx| receive(socket, cx)), Some(b"end".to_vec()));
        for _ in 0..2 {
            assert_eq!(waiter.look(|cx| receive(socket, cx)), Some(Vec::new()));
        }
    }
}
