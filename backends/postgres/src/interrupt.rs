//! Interrupts a running statement: ends the wait on this side at once, and the statement on the server by a separate request.

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use selfsame::backend::Interrupter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{CancelToken, NoTls};

use crate::driver::Client;
use crate::wire::{Peer, Stream};

/// The time limit for each step of the request.
const STEP_LIMIT: Duration = Duration::from_secs(2);

/// Returns an interrupter for a client's statement. It also closes the connection.
///
/// The request uses TLS if the connection does, because it contains a secret of the connection.
pub(crate) fn interrupter(client: &Client) -> Interrupter {
    let interruption = client.interruption();
    let request = client.peer().map(|peer| (peer, client.cancel_token()));
    Interrupter::new(move || {
        interruption.interrupt();
        if let Some((peer, token)) = request.clone() {
            // Without the thread, the server continues for a while, but commits nothing.
            let _ = std::thread::Builder::new()
                .name("selfsame-postgres-cancel".to_owned())
                .spawn(move || request_cancellation(&peer, &token));
        }
    })
}

fn request_cancellation(peer: &Peer, token: &CancelToken) -> io::Result<()> {
    let stream = peer.reach(STEP_LIMIT)?;
    let mut rest = Blocking(stream.try_clone()?);
    let stream = Blocking(stream);
    match peer {
        #[cfg(feature = "tls")]
        Peer::Encrypted(_, encryption) => {
            let mut stream = stream;
            let connector = encryption.connector(&mut stream)?;
            send(token.cancel_query_raw(stream, connector))?;
        }
        _ => send(token.cancel_query_raw(stream, NoTls))?,
    }
    // Let the server close the connection: PgBouncer 1.18 can fail if the client closes it first.
    let mut byte = [0];
    let until = Instant::now() + STEP_LIMIT;
    while Instant::now() < until && rest.read(&mut byte)? > 0 {}
    Ok(())
}

fn send(request: impl Future<Output = Result<(), tokio_postgres::Error>>) -> io::Result<()> {
    let mut request = pin!(request);
    match request
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(sent) => sent.map_err(io::Error::other),
        // Only the stream can make it wait, and that blocks; so it has timed out.
        Poll::Pending => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// A stream whose calls block, with time limits.
struct Blocking(Stream);

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stream::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Blocking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.read(buffer.initialize_unfilled());
        Poll::Ready(read.map(|count| buffer.advance(count)))
    }
}

impl AsyncWrite for Blocking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing, because the server closes the connection.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
