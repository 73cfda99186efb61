//! A blocking client: `tokio-postgres` and a runtime of one thread, the caller's.
//!
//! The runtime runs only inside a call. Rows come out of it a few at a time, so that a sink runs outside of it and may use
//! another connection, and a large result is never held whole.

use std::future::{Future, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use postgres_types::Type;
use selfsame::error::{Error, ErrorKind, Result};
use tokio::runtime::Runtime;
use tokio_postgres::tls::{MakeTlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, Config, Connection, NoTls, Row, RowStream, Socket, Statement};

use crate::classify::{Phase, classify};
use crate::param::Bound;
use crate::runtime;

/// How many rows leave the runtime at a time.
const CHUNK: usize = 64;
/// How long a goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);

type DriverResult<T> = Result<T, tokio_postgres::Error>;
/// `tokio_postgres::Connection::poll_message`, whatever the connection runs over.
type Serving = dyn FnMut(&mut Context<'_>) -> Poll<Option<DriverResult<AsyncMessage>>> + Send;

/// One connection to a server.
pub(crate) struct Client {
    /// `None` only while it is dropped.
    inner: Option<Inner>,
}

struct Inner {
    runtime: Runtime,
    client: tokio_postgres::Client,
    socket: ServerSocket,
}

impl Client {
    /// Connects, within `timeout` from looking up the name to the server's greeting.
    pub(crate) fn connect(config: &Config, timeout: Duration) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(format!("no event loop: {error}")))?;
        let connected = runtime.block_on(async {
            match tokio::time::timeout(timeout, open(config)).await {
                Ok(connected) => connected,
                Err(_) => Err(unreachable(format!(
                    "the server did not answer within {timeout:?}"
                ))),
            }
        });
        match connected {
            Ok((client, socket)) => Ok(Self {
                inner: Some(Inner {
                    runtime,
                    client,
                    socket,
                }),
            }),
            Err(error) => {
                // Looking up a name cannot be interrupted, and is not waited for.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Runs a text of one or more statements without parameters.
    pub(crate) fn batch_execute(&mut self, text: &str) -> DriverResult<()> {
        let Inner {
            runtime,
            client,
            socket,
        } = self.inner();
        socket.wait(runtime, client.batch_execute(text))
    }

    pub(crate) fn prepare(&mut self, text: &str, types: &[Type]) -> DriverResult<Statement> {
        let Inner {
            runtime,
            client,
            socket,
        } = self.inner();
        socket.wait(runtime, client.prepare_typed(text, types))
    }

    /// Runs a prepared statement.
    pub(crate) fn query<'a>(
        &mut self,
        statement: &Statement,
        params: impl ExactSizeIterator<Item = Bound<'a>>,
    ) -> DriverResult<Rows<'_>> {
        let Inner {
            runtime,
            client,
            socket,
        } = self.inner();
        Rows::start(runtime, socket, client.query_raw(statement, params))
    }

    /// Runs a statement without keeping it, in one round trip.
    pub(crate) fn query_once(
        &mut self,
        text: &str,
        params: Vec<(Bound<'_>, Type)>,
    ) -> DriverResult<Rows<'_>> {
        let Inner {
            runtime,
            client,
            socket,
        } = self.inner();
        Rows::start(runtime, socket, client.query_typed_raw(text, params))
    }

    /// Whether the server is there, as far as the socket tells.
    pub(crate) fn is_open(&mut self) -> bool {
        let Inner {
            runtime, socket, ..
        } = self.inner();
        runtime.block_on(async {
            // Giving way lets the runtime look at the socket. Why it closed does not matter here.
            let _ = poll_fn(|cx| Poll::Ready(socket.serve(cx))).await;
            tokio::task::yield_now().await;
            let _ = poll_fn(|cx| Poll::Ready(socket.serve(cx))).await;
        });
        socket.serving.is_some()
    }

    fn inner(&mut self) -> &mut Inner {
        self.inner.as_mut().expect("only dropping takes it")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else {
            return;
        };
        if !runtime::is_async() {
            return inner.close();
        }
        // Here the runtime would panic. If no thread can be had, the socket is left to the end of the process.
        let inner = ManuallyDrop::new(inner);
        let closing =
            std::thread::Builder::new().spawn(move || ManuallyDrop::into_inner(inner).close());
        drop(closing);
    }
}

impl Inner {
    /// Says goodbye, so that the server does not log a broken connection.
    fn close(self) {
        let Self {
            runtime,
            client,
            mut socket,
        } = self;
        drop(client);
        let ended = poll_fn(|cx| {
            let _ = socket.serve(cx);
            if socket.serving.is_some() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        // Late or never, the connection ends with its socket.
        let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, ended).await });
        runtime.shutdown_background();
    }
}

/// The rows of a statement that runs. Dropping them leaves the rest to be read before the next statement.
pub(crate) struct Rows<'c> {
    runtime: &'c Runtime,
    socket: &'c mut ServerSocket,
    stream: Pin<Box<RowStream>>,
    /// The rows that have arrived.
    chunk: Vec<Row>,
    ended: bool,
}

impl<'c> Rows<'c> {
    /// Waits for the first rows together with the server's acceptance: they mostly arrive together.
    fn start(
        runtime: &'c Runtime,
        socket: &'c mut ServerSocket,
        query: impl Future<Output = DriverResult<RowStream>>,
    ) -> DriverResult<Self> {
        let mut chunk = Vec::new();
        let started = async {
            let mut stream = Box::pin(query.await?);
            let ended = fill(&mut chunk, stream.as_mut()).await?;
            Ok((stream, ended))
        };
        let (stream, ended) = socket.wait(runtime, started)?;
        Ok(Self {
            runtime,
            socket,
            stream,
            chunk,
            ended,
        })
    }

    /// The rows that have arrived; none at the end only.
    pub(crate) fn chunk(&self) -> &[Row] {
        &self.chunk
    }

    /// Lets go of these rows and waits for the next ones.
    pub(crate) fn advance(&mut self) -> DriverResult<()> {
        self.chunk.clear();
        if !self.ended {
            let more = fill(&mut self.chunk, self.stream.as_mut());
            self.ended = self.socket.wait(self.runtime, more)?;
        }
        Ok(())
    }

    /// How many rows the statement matched; known at the end.
    pub(crate) fn matched(&self) -> u64 {
        self.stream.rows_affected().unwrap_or_default()
    }
}

/// Takes what rows have arrived, waiting for the first; whether they were the last ones.
async fn fill(chunk: &mut Vec<Row>, mut stream: Pin<&mut RowStream>) -> DriverResult<bool> {
    poll_fn(|cx| {
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

/// What moves bytes between the client and the server.
struct ServerSocket {
    /// `None` once the connection has ended.
    serving: Option<Box<Serving>>,
}

impl ServerSocket {
    fn new<S>(mut connection: Connection<Socket, S>) -> Self
    where
        S: TlsStream + Unpin + Send + 'static,
    {
        Self {
            serving: Some(Box::new(move |cx| connection.poll_message(cx))),
        }
    }

    /// Waits for an answer, moving bytes meanwhile.
    fn wait<T>(
        &mut self,
        runtime: &Runtime,
        answer: impl Future<Output = DriverResult<T>>,
    ) -> DriverResult<T> {
        let mut answer = pin!(answer);
        runtime.block_on(poll_fn(|cx| {
            let served = self.serve(cx);
            match (answer.as_mut().poll(cx), served) {
                // Why the connection closed says more than that it did.
                (Poll::Ready(Err(closed)), Err(error)) if closed.is_closed() => {
                    Poll::Ready(Err(error))
                }
                (Poll::Pending, Err(error)) => Poll::Ready(Err(error)),
                (answer, _) => answer,
            }
        }))
    }

    /// Moves what bytes there are. What the server says unasked (notices, notifications) has no listener.
    fn serve(&mut self, cx: &mut Context<'_>) -> DriverResult<()> {
        while let Some(serving) = &mut self.serving {
            match serving(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => {
                    self.serving = None;
                    return Err(error);
                }
                Poll::Ready(None) => self.serving = None,
            }
        }
        Ok(())
    }
}

#[cfg(not(feature = "tls"))]
async fn open(config: &Config) -> Result<(tokio_postgres::Client, ServerSocket)> {
    open_with(config, NoTls).await
}

#[cfg(feature = "tls")]
async fn open(config: &Config) -> Result<(tokio_postgres::Client, ServerSocket)> {
    use tokio_postgres::config::SslMode;

    let mode = config.get_ssl_mode();
    if mode == SslMode::Disable {
        return open_with(config, NoTls).await;
    }
    let connector = native_tls::TlsConnector::builder()
        // As in libpq: `prefer` falls back to plain text anyway, so that a certificate would prove nothing.
        .danger_accept_invalid_certs(mode == SslMode::Prefer)
        .build()
        .map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!("TLS cannot be used: {error}"),
            )
        })?;
    open_with(
        config,
        postgres_native_tls::MakeTlsConnector::new(connector),
    )
    .await
}

async fn open_with<T>(config: &Config, tls: T) -> Result<(tokio_postgres::Client, ServerSocket)>
where
    T: MakeTlsConnect<Socket> + 'static,
    T::Stream: Send,
{
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| classify(error, Phase::Connect))?;
    Ok((client, ServerSocket::new(connection)))
}

#[cold]
fn unreachable(message: String) -> Error {
    Error::new(ErrorKind::Unreachable, message)
}
