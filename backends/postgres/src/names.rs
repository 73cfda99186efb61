//! Unique names of prepared statements.
//!
//! The driver names its statements `s0`, `s1` … in every process. Through a pooler, where a server connection serves many clients,
//! another program's `s0` could run instead. So a stream between the driver and the socket adds a random number of this process to every
//! name: on the wrong server connection the name is unknown, which is an error instead of a wrong statement.
//!
//! In the other direction, the stream reads the server's process id from the greeting.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use crate::wire::Traffic;

/// The maximum number of held bytes. Messages are written together, so that the messages of one statement are one packet.
const MOST_HELD: usize = 64 * 1024;

/// A stream that renames prepared statements.
pub(crate) struct Names<S> {
    inner: S,
    outgoing: Outgoing,
    greeting: Greeting,
    traffic: Arc<Traffic>,
}

impl<S> Names<S> {
    pub(crate) fn new(inner: S, traffic: Arc<Traffic>) -> Self {
        Self {
            inner,
            outgoing: Outgoing::new(suffix()),
            greeting: Greeting::default(),
            traffic,
        }
    }
}

/// Random for this process: two 64-bit numbers.
fn suffix() -> &'static str {
    static SUFFIX: OnceLock<String> = OnceLock::new();
    SUFFIX.get_or_init(|| {
        let random = || RandomState::new().hash_one(std::process::id());
        format!("_{:x}{:x}", random(), random())
    })
}

/// The client's messages while they are renamed.
struct Outgoing {
    suffix: &'static str,
    /// The bytes to write.
    ready: BytesMut,
    /// The beginning of a message whose names are not complete yet.
    head: Vec<u8>,
    /// The number of bytes of the message's body that are still missing, to be copied unchanged.
    body: usize,
    /// Whether the first message, which has no type letter, has passed.
    started: bool,
}

impl Outgoing {
    fn new(suffix: &'static str) -> Self {
        Self {
            suffix,
            ready: BytesMut::new(),
            head: Vec::new(),
            body: 0,
            started: false,
        }
    }

    /// Takes as many bytes as there is room for, and returns their number.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && self.ready.len() < MOST_HELD {
            if self.body > 0 {
                let count = self.body.min(rest.len()).min(MOST_HELD);
                self.ready.extend_from_slice(&rest[..count]);
                self.body -= count;
                rest = &rest[count..];
                continue;
            }
            self.head.push(rest[0]);
            rest = &rest[1..];
            if let Some(length) = self.header() {
                self.ready.extend_from_slice(&self.head);
                let letter = usize::from(self.started);
                self.body = (length + letter).saturating_sub(self.head.len());
                self.head.clear();
                self.started = true;
            }
        }
        bytes.len() - rest.len()
    }

    /// Returns the message's length once the head contains the length and the names; appends the suffix to the name of a statement.
    fn header(&mut self) -> Option<usize> {
        let letter = usize::from(self.started);
        let length = self.head.get(letter..letter + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if !self.started {
            return Some(length);
        }
        // The position of the statement's name among the texts after the length.
        let (skipped, before) = match self.head[0] {
            b'P' => (0, 0),
            b'B' => (0, 1),
            // The first byte distinguishes a statement from a portal.
            b'C' | b'D' => match self.head.get(5)? {
                b'S' => (1, 0),
                _ => return Some(length),
            },
            _ => return Some(length),
        };
        let mut end = 5 + skipped;
        for _ in 0..before {
            end += self.head.get(end..)?.iter().position(|byte| *byte == 0)? + 1;
        }
        let start = end;
        end += self.head.get(start..)?.iter().position(|byte| *byte == 0)?;
        if start == end {
            return Some(length);
        }
        let own = length + self.suffix.len();
        // The driver refuses a message that is too long for its length field.
        let written = u32::try_from(own).unwrap_or(u32::MAX).to_be_bytes();
        self.head[1..5].copy_from_slice(&written);
        self.head.splice(end..end, self.suffix.bytes());
        Some(own)
    }
}

/// The server's messages up to the first ReadyForQuery.
#[derive(Default)]
struct Greeting {
    held: Vec<u8>,
    over: bool,
}

impl Greeting {
    fn hear(&mut self, bytes: &[u8], traffic: &Traffic) {
        if self.over {
            return;
        }
        self.held.extend_from_slice(bytes);
        while let Some(header) = self.held.get(1..5) {
            let length: [u8; 4] = header.try_into().unwrap_or_default();
            let end = u32::from_be_bytes(length) as usize + 1;
            let Some(message) = self.held.get(..end) else {
                return;
            };
            match (message[0], message.get(5..9)) {
                (b'K', Some(process)) => {
                    let process: [u8; 4] = process.try_into().unwrap_or_default();
                    traffic.greeted_by(u32::from_be_bytes(process));
                }
                (b'Z' | b'E', _) => {
                    self.over = true;
                    self.held = Vec::new();
                    return;
                }
                _ => {}
            }
            self.held.drain(..end.max(1));
        }
    }
}

impl<S: AsyncWrite + Unpin> Names<S> {
    fn write_until(&mut self, left: usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outgoing.ready.len() > left {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.outgoing.ready))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.ready.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Names<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        this.greeting
            .hear(&buffer.filled()[before..], &this.traffic);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Names<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.outgoing.ready.len() >= MOST_HELD {
            ready!(self.write_until(0, cx))?;
        }
        Poll::Ready(Ok(self.outgoing.take(bytes)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_until(0, cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_until(0, cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Names<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(letter: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![letter];
        out.extend_from_slice(&u32::try_from(body.len() + 4).expect("short").to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn names_of_statements_are_made_ours_wherever_the_bytes_are_cut() {
        let startup = [0, 0, 0, 9, 0, 3, 0, 0, 0];
        let sent: Vec<Vec<u8>> = vec![
            startup.to_vec(),
            message(b'p', b"secret\0"),
            message(b'P', b"s7\0SELECT $1\0\0\0"),
            message(b'B', b"\0s7\0\0\0s7\0"),
            message(b'D', b"Ss7\0"),
            message(b'D', b"Ps7\0"),
            message(b'C', b"Ss7\0"),
            message(b'P', b"\0SELECT 1\0\0\0"),
            message(b'Q', b"BEGIN\0"),
            message(b'S', b""),
        ];
        let expected: Vec<Vec<u8>> = vec![
            startup.to_vec(),
            message(b'p', b"secret\0"),
            message(b'P', b"s7_x\0SELECT $1\0\0\0"),
            message(b'B', b"\0s7_x\0\0\0s7\0"),
            message(b'D', b"Ss7_x\0"),
            message(b'D', b"Ps7\0"),
            message(b'C', b"Ss7_x\0"),
            message(b'P', b"\0SELECT 1\0\0\0"),
            message(b'Q', b"BEGIN\0"),
            message(b'S', b""),
        ];
        let (sent, expected) = (sent.concat(), expected.concat());
        for piece in 1..=sent.len() {
            let mut outgoing = Outgoing::new("_x");
            for bytes in sent.chunks(piece) {
                assert_eq!(outgoing.take(bytes), bytes.len());
            }
            assert_eq!(outgoing.ready[..], expected[..], "in pieces of {piece}");
        }
    }

    #[test]
    fn no_more_is_held_than_was_allowed() {
        let mut outgoing = Outgoing::new("_x");
        outgoing.started = true;
        let long = message(b'Q', &vec![b'x'; 10 * MOST_HELD]);
        let taken = outgoing.take(&long);
        assert!(taken < 2 * MOST_HELD + 16, "{taken}");
        assert_eq!(outgoing.take(&long[taken..]), 0);
    }

    #[test]
    fn the_greeting_names_the_server() {
        let heard = [
            message(b'R', &[0, 0, 0, 0]),
            message(b'K', &[0, 0, 1, 2, 9, 9, 9, 9]),
            message(b'Z', b"I"),
            message(b'K', &[0, 0, 7, 7, 9, 9, 9, 9]),
        ]
        .concat();
        for piece in 1..heard.len() {
            let traffic = Traffic::default();
            let mut greeting = Greeting::default();
            heard
                .chunks(piece)
                .for_each(|bytes| greeting.hear(bytes, &traffic));
            assert_eq!(traffic.server(), 258);
        }
    }

    #[test]
    fn processes_differ() {
        assert!(suffix().len() > 17 && suffix().len() < 40, "{}", suffix());
        assert_eq!(suffix(), suffix());
    }
}
