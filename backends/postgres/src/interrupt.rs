//! Breaking off what runs: the wait on this side at once, and the statement on the server by a request of its own.

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use selfsame::backend::Interrupter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{CancelToken, NoTls};

use crate::driver::Client;
use crate::wire::{Peer, Stream};

/// How long each step of the request may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What stops a client's statement. Its connection is given up with it.
///
/// The request to the server travels as the connection does. Over TLS it is not sent, since it holds a secret of the connection: the
/// server then notices that nobody listens when the statement has ended, and rolls back.
pub(crate) fn interrupter(client: &Client) -> Interrupter {
    let interruption = client.interruption();
    let asking = client.peer().map(|peer| (peer, client.cancel_token()));
    Interrupter::new(move || {
        interruption.interrupt();
        if let Some((peer, token)) = asking.clone() {
            // Without the thread the server goes on for a while; nothing of it is committed.
            let _ = std::thread::Builder::new()
                .name("selfsame-postgres-cancel".to_owned())
                .spawn(move || ask_to_stop(&peer, &token));
        }
    })
}

fn ask_to_stop(peer: &Peer, token: &CancelToken) -> io::Result<()> {
    let stream = Blocking(peer.reach(PATIENCE)?);
    let mut asking = pin!(token.cancel_query_raw(stream, NoTls));
    match asking
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(asked) => asked.map_err(io::Error::other),
        // Nothing of it waits but for the stream, which blocks.
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// A stream whose calls block, within limits.
struct Blocking(Stream);

impl AsyncRead for Blocking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buffer.initialize_unfilled();
        let read = match &mut self.0 {
            Stream::Tcp(stream) => stream.read(free),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(free),
        };
        Poll::Ready(read.map(|count| buffer.advance(count)))
    }
}

impl AsyncWrite for Blocking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(match &mut self.0 {
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let write = std::net::Shutdown::Write;
        Poll::Ready(match &self.0 {
            Stream::Tcp(stream) => stream.shutdown(write),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.shutdown(write),
        })
    }
}
