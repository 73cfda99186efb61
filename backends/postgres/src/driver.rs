//! A blocking client: `tokio-postgres`, driven on the caller's thread without a runtime.
//!
//! Bytes move only inside a call, and every wait for them has a limit. Rows come out a few at a time, so that a sink runs between
//! two waits and may use another connection, and a large result is never held whole. It never enters a runtime, so a client can
//! be used and dropped on any thread.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use postgres_types::{ToSql, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{
    AsyncMessage, CancelToken, Connection, Row, RowStream, SimpleQueryMessage, Statement,
};

use crate::param::Bound;
use crate::wire::{Interruption, Limit, Peer, Silence, Waiter};

/// The number of rows that are taken at a time.
const CHUNK: usize = 64;
/// The time limit for sending the Terminate message to the server.
const TERMINATE_LIMIT: Duration = Duration::from_millis(500);

type DriverResult<T> = Result<T, tokio_postgres::Error>;
/// `tokio_postgres::Connection::poll_message`, whatever the connection runs over.
type Serving = dyn FnMut(&mut Context<'_>) -> Poll<Option<DriverResult<AsyncMessage>>> + Send;

/// The reason why there was no answer.
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    /// Whether nothing was passed to the operating system, so that the server has not seen the request.
    pub(crate) unsent: bool,
}

impl Fault {
    /// Returns whether the server answered.
    pub(crate) fn is_reported(&self) -> bool {
        matches!(&self.cause, Cause::Driver(error) if error.as_db_error().is_some())
    }
}

/// The cause of a fault.
pub(crate) enum Cause {
    Driver(tokio_postgres::Error),
    /// Nothing was received or accepted for this long; the socket is closed.
    Silent(Duration),
    /// Another thread interrupted the wait; the socket is closed.
    Interrupted,
}

/// One connection to a server.
pub(crate) struct Client {
    /// `None` only while it is dropped.
    client: Option<tokio_postgres::Client>,
    link: Link,
}

impl Client {
    pub(crate) fn new(client: tokio_postgres::Client, link: Link) -> Self {
        Self {
            client: Some(client),
            link,
        }
    }

    /// Sets how long the server may be silent while an answer is awaited.
    pub(crate) fn set_silence_limit(&mut self, silence: Duration) {
        self.link.limit = Limit {
            silence,
            until: None,
        };
    }

    /// Whether a statement has unread rows because a sink panicked.
    pub(crate) fn has_unread(&self) -> bool {
        self.link.unread
    }

    /// The server process named in the greeting.
    pub(crate) fn server(&self) -> u32 {
        self.link.waiter.traffic.server()
    }

    /// Runs a text of one or more statements without parameters.
    pub(crate) fn batch_execute(&mut self, text: &str) -> Result<(), Fault> {
        let (client, link) = self.parts();
        link.wait(client.batch_execute(text))
    }

    /// Runs a text like [`batch_execute`](Self::batch_execute), with this limit for the wait.
    pub(crate) fn batch_execute_within(
        &mut self,
        text: &str,
        limit: Duration,
    ) -> Result<(), Fault> {
        self.within(limit, |client| client.batch_execute(text))
    }

    /// Limits the waits of `work`.
    fn within<T>(&mut self, limit: Duration, run: impl FnOnce(&mut Self) -> T) -> T {
        let usual = self.link.limit;
        self.link.limit = Limit::within(usual.silence.min(limit));
        let done = run(self);
        self.link.limit = usual;
        done
    }

    /// Runs a text of several statements, and returns the last row of all results, as text.
    pub(crate) fn last_row(&mut self, text: &str) -> Result<Vec<Option<String>>, Fault> {
        let (client, link) = self.parts();
        let messages = link.wait(client.simple_query(text))?;
        let last = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(last.map_or_else(Vec::new, |row| {
            let columns = 0..row.len();
            columns.map(|at| row.get(at).map(str::to_owned)).collect()
        }))
    }

    /// Runs a text like [`last_row`](Self::last_row), with this limit for the wait.
    pub(crate) fn last_row_within(
        &mut self,
        text: &str,
        limit: Duration,
    ) -> Result<Vec<Option<String>>, Fault> {
        self.within(limit, |client| client.last_row(text))
    }

    pub(crate) fn prepare(&mut self, text: &str, types: &[Type]) -> Result<Statement, Fault> {
        let (client, link) = self.parts();
        link.wait(client.prepare_typed(text, types))
    }

    /// Prepares a statement, and runs a query with one text parameter in the same round trip.
    pub(crate) fn prepare_and_query(
        &mut self,
        text: &str,
        types: &[Type],
        query: &str,
        about: &str,
    ) -> Result<(Statement, Vec<Row>), Fault> {
        let (client, link) = self.parts();
        let params: [(&(dyn ToSql + Sync), Type); 1] = [(&about, Type::TEXT)];
        let description = client.query_typed(query, &params);
        link.wait(both(client.prepare_typed(text, types), description))
    }

    /// Runs a query with one text parameter.
    pub(crate) fn query_with_text(&mut self, query: &str, about: &str) -> Result<Vec<Row>, Fault> {
        let (client, link) = self.parts();
        link.wait(client.query_typed(query, &[(&about, Type::TEXT)]))
    }

    /// Runs a prepared statement.
    pub(crate) fn query<'a>(
        &mut self,
        statement: &Statement,
        params: impl ExactSizeIterator<Item = Bound<'a>>,
    ) -> Result<Rows<'_>, Fault> {
        let (client, link) = self.parts();
        Rows::start(link, client.query_raw(statement, params))
    }

    /// Runs a statement without a name, in one round trip.
    pub(crate) fn query_once(
        &mut self,
        text: &str,
        params: Vec<(Bound<'_>, Type)>,
    ) -> Result<Rows<'_>, Fault> {
        let (client, link) = self.parts();
        Rows::start(link, client.query_typed_raw(text, params))
    }

    /// The number of requests whose answers were awaited.
    pub(crate) fn round_trips(&self) -> u64 {
        self.link.round_trips
    }

    /// Removes the last requests from the count.
    pub(crate) fn uncount(&mut self, round_trips: u64) {
        self.link.round_trips -= round_trips;
    }

    /// Returns whether the connection is open, according to the socket.
    pub(crate) fn is_open(&mut self) -> bool {
        self.link.look();
        self.link.serving.is_some() && !self.link.waiter.interruption.is_set()
    }

    /// Returns the handle that interrupts a wait for an answer.
    pub(crate) fn interruption(&self) -> Arc<Interruption> {
        Arc::clone(&self.link.waiter.interruption)
    }

    /// Requests cancellation, over a separate connection.
    pub(crate) fn cancel_token(&self) -> CancelToken {
        let client = self.client.as_ref().expect("only dropping takes it");
        client.cancel_token()
    }

    /// Returns the address for such a request.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.link.waiter.peer.clone()
    }

    fn parts(&mut self) -> (&tokio_postgres::Client, &mut Link) {
        let client = self.client.as_ref().expect("only dropping takes it");
        (client, &mut self.link)
    }
}

/// Sends Terminate, so that the server does not log a broken connection.
impl Drop for Client {
    fn drop(&mut self) {
        drop(self.client.take());
        let Link {
            serving, waiter, ..
        } = &mut self.link;
        // If it cannot be sent, the connection ends with its socket.
        let _ = waiter.wait(Limit::within(TERMINATE_LIMIT), |cx| {
            let _ = serve(serving, cx);
            match serving {
                Some(_) => Poll::Pending,
                None => Poll::Ready(()),
            }
        });
    }
}

/// The rows of a running statement. Dropping them leaves the rest to be read before the next statement.
pub(crate) struct Rows<'c> {
    link: &'c mut Link,
    stream: Pin<Box<RowStream>>,
    /// The rows that have arrived.
    chunk: Vec<Row>,
    ended: bool,
}

impl<'c> Rows<'c> {
    /// Waits for the first rows together with the server's acceptance: they usually arrive together.
    fn start(
        link: &'c mut Link,
        query: impl Future<Output = DriverResult<RowStream>>,
    ) -> Result<Self, Fault> {
        let mut chunk = Vec::new();
        let started = async {
            let mut stream = Box::pin(query.await?);
            let ended = fill(&mut chunk, stream.as_mut()).await?;
            Ok((stream, ended))
        };
        let (stream, ended) = link.wait(started)?;
        link.unread = !ended;
        Ok(Self {
            link,
            stream,
            chunk,
            ended,
        })
    }

    /// The rows that have arrived; empty only at the end.
    pub(crate) fn chunk(&self) -> &[Row] {
        &self.chunk
    }

    /// Drops these rows and waits for the next ones.
    pub(crate) fn advance(&mut self) -> Result<(), Fault> {
        self.chunk.clear();
        if !self.ended {
            let more = fill(&mut self.chunk, self.stream.as_mut());
            let more = self.link.wait_on(more);
            self.ended = !matches!(more, Ok(false));
            self.link.unread = !self.ended;
            more?;
        }
        Ok(())
    }

    /// The number of rows that the statement matched; known at the end.
    pub(crate) fn matched(&self) -> u64 {
        self.stream.rows_affected().unwrap_or_default()
    }
}

/// Takes the rows that have arrived, waiting for the first; returns whether they were the last.
async fn fill(chunk: &mut Vec<Row>, mut stream: Pin<&mut RowStream>) -> DriverResult<bool> {
    std::future::poll_fn(|cx| {
        while chunk.len() < CHUNK {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(row)) => chunk.push(row?),
                Poll::Ready(None) => return Poll::Ready(Ok(true)),
                Poll::Pending if chunk.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(false))
    })
    .await
}

/// Waits for the answers to two requests sent in succession. If both fail, the first error caused the second.
async fn both<A, B>(
    one: impl Future<Output = DriverResult<A>>,
    other: impl Future<Output = DriverResult<B>>,
) -> DriverResult<(A, B)> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(cx)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(cx)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready(one.and_then(|one| Ok((one, other?)))),
            waiting => {
                (first, second) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}

/// Moves bytes between the client and the server.
pub(crate) struct Link {
    /// `None` once the connection has ended.
    serving: Option<Box<Serving>>,
    waiter: Waiter,
    limit: Limit,
    /// Whether the server is sending rows that have not been read.
    unread: bool,
    round_trips: u64,
}

impl Link {
    pub(crate) fn new<S, T>(mut connection: Connection<S, T>, waiter: Waiter, limit: Limit) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: TlsStream + Unpin + Send + 'static,
    {
        Self {
            serving: Some(Box::new(move |cx| connection.poll_message(cx))),
            waiter,
            limit,
            unread: false,
            round_trips: 0,
        }
    }

    fn look(&mut self) {
        let Self {
            serving, waiter, ..
        } = self;
        // The reason does not matter here.
        let _ = waiter.look(|cx| serve(serving, cx));
    }

    /// Sends a request and waits for its answer. Nothing is sent on a connection that is known to have ended.
    fn wait<T>(&mut self, answer: impl Future<Output = DriverResult<T>>) -> Result<T, Fault> {
        let before = self.waiter.traffic.sent();
        self.round_trips += 1;
        if let Err(error) = self.waiter.look(|cx| serve(&mut self.serving, cx)) {
            return Err(Fault {
                cause: Cause::Driver(error),
                unsent: true,
            });
        }
        let answer = self.wait_on(answer).map_err(|fault| Fault {
            unsent: self.waiter.traffic.sent() == before,
            ..fault
        })?;
        // Answers come in the order of their requests.
        self.unread = false;
        Ok(answer)
    }

    /// Waits for an answer to what was sent, moving bytes meanwhile.
    fn wait_on<T>(&mut self, answer: impl Future<Output = DriverResult<T>>) -> Result<T, Fault> {
        let Self {
            serving,
            waiter,
            limit,
            ..
        } = self;
        let mut answer = pin!(answer);
        let waited = waiter.wait(*limit, |cx| {
            let served = serve(serving, cx);
            match (answer.as_mut().poll(cx), served) {
                // The reason why the connection closed is more useful than the closed error itself.
                (Poll::Ready(Err(closed)), Err(error)) if closed.is_closed() => {
                    Poll::Ready(Err(error))
                }
                (Poll::Pending, Err(error)) => Poll::Ready(Err(error)),
                (answer, _) => answer,
            }
        });
        let cause = match waited {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Cause::Driver(error),
            Err(Silence(waited)) => {
                // A late answer would be mistaken for the answer to a later request.
                *serving = None;
                match waiter.interruption.is_set() {
                    true => Cause::Interrupted,
                    false => Cause::Silent(waited),
                }
            }
        };
        Err(Fault {
            cause,
            unsent: false,
        })
    }
}

/// Moves the available bytes. Unsolicited messages of the server (notices, notifications) have no listener.
fn serve(link: &mut Option<Box<Serving>>, cx: &mut Context<'_>) -> DriverResult<()> {
    while let Some(serving) = link {
        match serving(cx) {
            Poll::Pending => break,
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(error))) => {
                *link = None;
                return Err(error);
            }
            Poll::Ready(None) => *link = None,
        }
    }
    Ok(())
}
