//! Opens a connection: tries hosts in order, negotiates TLS, and checks that this is the requested kind of server.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use selfsame::error::{Error, ErrorKind, Result};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::Config;
use tokio_postgres::NoTls;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, SslNegotiation};
use tokio_postgres::tls::{TlsConnect, TlsStream};

use crate::classify::{Phase, classify, classify_fault};
use crate::driver::{Client, Link};
use crate::names::Names;
use crate::options::{Options, Target, TlsMode};
use crate::settings::Settings;
#[cfg(feature = "tls")]
use crate::wire::Peer;
#[cfg(unix)]
use crate::wire::connect_unix;
use crate::wire::{Limit, Socket, Stream, Waiter};

const PORT: u16 = 5432;
/// `SSLRequest`: its length, and the code that identifies it.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A connection, and what is known about its server.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Whether the server connection may differ from transaction to transaction, because of a pooler.
    pub(crate) pooled: bool,
}

/// Connects to the first host that answers and is of the requested kind, within one time limit for all hosts.
pub(crate) fn connect(options: &Options, settings: &Settings) -> Result<Connected> {
    let deadline = Instant::now() + options.connect_limit();
    let mut places = places(options.config());
    if options.config().get_load_balance_hosts() == LoadBalanceHosts::Random {
        shuffle(&mut places);
    }
    let mut failures: Vec<Error> = Vec::new();
    let mut second_choice = None;
    for (index, place) in places.iter().enumerate() {
        let others = u32::try_from(places.len() - index).unwrap_or(1);
        let until = Instant::now() + deadline.saturating_duration_since(Instant::now()) / others;
        match attempt(options, settings, place, until) {
            Ok((connected, true)) => return Ok(connected),
            Ok((connected, false)) => {
                second_choice.get_or_insert(connected);
            }
            // The next host would refuse for the same reason.
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => failures.push(error),
        }
    }
    if let Some(connected) = second_choice {
        return Ok(connected);
    }
    let Some(last) = failures.pop() else {
        return Err(Error::new(ErrorKind::Configuration, "the URL has no host"));
    };
    if failures.is_empty() {
        return Err(last);
    }
    failures.push(last);
    let said: Vec<String> = places
        .iter()
        .zip(&failures)
        .map(|(place, error)| format!("{}: {}", place.name(), error.message()))
        .collect();
    Err(Error::new(ErrorKind::Unreachable, said.join("; ")))
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Authentication | ErrorKind::Configuration
    )
}

/// An address of a server.
struct Place {
    host: Option<Host>,
    address: Option<IpAddr>,
    port: u16,
}

impl Place {
    fn name(&self) -> String {
        match (&self.host, self.address) {
            (Some(Host::Tcp(name)), _) => format!("{name}:{}", self.port),
            #[cfg(unix)]
            (Some(Host::Unix(path)), _) => path.display().to_string(),
            (None, Some(address)) => SocketAddr::new(address, self.port).to_string(),
            (None, None) => String::new(),
        }
    }
}

/// Each `RandomState` has a new seed.
fn shuffle(places: &mut [Place]) {
    let random = RandomState::new();
    places.sort_by_cached_key(|place| random.hash_one(place.name()));
}

fn places(config: &Config) -> Vec<Place> {
    let (hosts, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    (0..hosts.len().max(addresses.len()))
        .map(|at| Place {
            host: hosts.get(at).cloned(),
            address: addresses.get(at).copied(),
            // A single port applies to every host.
            port: ports.get(at).or(ports.first()).copied().unwrap_or(PORT),
        })
        .collect()
}

/// Connects to one host; returns whether it has the preferred role.
fn attempt(
    options: &Options,
    settings: &Settings,
    place: &Place,
    until: Instant,
) -> Result<(Connected, bool)> {
    let mut last = None;
    for address in addresses(place, until)? {
        match reach(options, &address, until) {
            Ok(stream) => return greet(options, settings, place, stream, until),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| unreachable("the host has no address".to_owned())))
}

enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

fn addresses(place: &Place, until: Instant) -> Result<Vec<Address>> {
    let port = place.port;
    if let Some(address) = place.address {
        return Ok(vec![Address::Tcp((address, port).into())]);
    }
    match &place.host {
        #[cfg(unix)]
        Some(Host::Unix(folder)) => {
            Ok(vec![Address::Unix(folder.join(format!(".s.PGSQL.{port}")))])
        }
        Some(Host::Tcp(name)) => match name.parse::<IpAddr>() {
            Ok(address) => Ok(vec![Address::Tcp((address, port).into())]),
            Err(_) => look_up(name.clone(), port, until),
        },
        None => Ok(Vec::new()),
    }
}

/// A DNS lookup cannot be interrupted: it runs on a thread, and the wait for that thread has a limit.
fn look_up(name: String, port: u16, until: Instant) -> Result<Vec<Address>> {
    let (sender, receiver) = mpsc::channel();
    let looking = std::thread::Builder::new().spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs();
        // The caller may have given up waiting.
        let _ = sender.send(found.map(|found| found.map(Address::Tcp).collect()));
    });
    looking
        .map_err(|error| unreachable(format!("no thread to look up the host's name: {error}")))?;
    match receiver.recv_timeout(left(until)) {
        Ok(found) => {
            found.map_err(|error| unreachable(format!("cannot resolve the host's name: {error}")))
        }
        Err(_) => Err(unreachable(
            "looking up the host's name exceeded the time limit for connecting".to_owned(),
        )),
    }
}

fn reach(options: &Options, address: &Address, until: Instant) -> Result<Stream> {
    let failed = |error: io::Error| unreachable(format!("error connecting to server: {error}"));
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, left(until)).map_err(failed)?;
            tune(options.config(), &stream).map_err(failed)?;
            Ok(Stream::Tcp(stream))
        }
        #[cfg(unix)]
        Address::Unix(path) => connect_unix(path, left(until))
            .map(Stream::Unix)
            .map_err(failed),
    }
}

fn tune(config: &Config, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        #[cfg(not(windows))]
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        socket.set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}

/// Negotiates TLS if it is wanted and available, sends the startup message, and checks the server.
fn greet(
    options: &Options,
    settings: &Settings,
    place: &Place,
    stream: Stream,
    until: Instant,
) -> Result<(Connected, bool)> {
    let stream = match stream {
        Stream::Tcp(stream) if options.tls.mode != TlsMode::Disable => {
            match request_tls(options, stream, until)? {
                (stream, true) => return encrypt(options, settings, place, stream, until),
                (stream, false) => Stream::Tcp(stream),
            }
        }
        // As in libpq, a socket of this machine is not encrypted.
        stream => stream,
    };
    let (socket, waiter) = Socket::new(stream).map_err(|error| unreachable(error.to_string()))?;
    let stream = Names::new(socket, Arc::clone(&waiter.traffic));
    start(
        options,
        settings,
        (stream, NoTls, SslMode::Disable),
        waiter,
        until,
    )
}

/// Requests TLS; returns whether the server agrees.
fn request_tls(
    options: &Options,
    mut stream: TcpStream,
    until: Instant,
) -> Result<(TcpStream, bool)> {
    if cfg!(not(feature = "tls")) {
        return Ok((stream, false));
    }
    if options.tls.is_direct {
        return Ok((stream, true));
    }
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => silent(options),
        _ => unreachable(format!("error communicating with the server: {error}")),
    };
    stream.set_read_timeout(Some(left(until))).map_err(failed)?;
    stream
        .set_write_timeout(Some(left(until)))
        .map_err(failed)?;
    let agrees = offers_tls(&mut stream).map_err(failed)?;
    match (agrees, options.tls.mode) {
        (false, mode) if mode != TlsMode::Prefer => {
            Err(unreachable("the server does not offer TLS".to_owned()))
        }
        _ => Ok((stream, agrees)),
    }
}

fn offers_tls(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    stream.write_all(&TLS_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"S")
}

/// The encryption of a second connection to the same server.
#[cfg(feature = "tls")]
#[derive(Clone, Debug)]
pub(crate) struct Encryption {
    connector: native_tls::TlsConnector,
    /// The host that the certificate must be for.
    host: String,
    /// Whether the connection begins with TLS, without a request for it.
    is_direct: bool,
}

#[cfg(feature = "tls")]
impl Encryption {
    /// Encrypts a stream. If TLS is negotiated, the server has agreed before.
    pub(crate) fn connector(
        &self,
        stream: &mut (impl Read + Write),
    ) -> io::Result<postgres_native_tls::TlsConnector> {
        if !self.is_direct && !offers_tls(stream)? {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(postgres_native_tls::TlsConnector::new(
            self.connector.clone(),
            &self.host,
        ))
    }
}

#[cfg(not(feature = "tls"))]
fn encrypt(
    _: &Options,
    _: &Settings,
    _: &Place,
    _: TcpStream,
    _: Instant,
) -> Result<(Connected, bool)> {
    Err(Error::new(
        ErrorKind::Configuration,
        "TLS needs the feature `tls` of selfsame-postgres",
    ))
}

#[cfg(feature = "tls")]
fn encrypt(
    options: &Options,
    settings: &Settings,
    place: &Place,
    stream: TcpStream,
    until: Instant,
) -> Result<(Connected, bool)> {
    let name = match (&place.host, place.address) {
        (Some(Host::Tcp(name)), _) => name.clone(),
        (_, Some(address)) => address.to_string(),
        _ => String::new(),
    };
    let encryption = Encryption {
        connector: options.tls.connector()?,
        host: name,
        is_direct: options.tls.is_direct,
    };
    let connector =
        postgres_native_tls::TlsConnector::new(encryption.connector.clone(), &encryption.host);
    let failed = |error: io::Error| unreachable(error.to_string());
    let (socket, mut waiter) = Socket::new(Stream::Tcp(stream)).map_err(failed)?;
    waiter.peer = match waiter.peer.take() {
        Some(Peer::Tcp(address)) => Some(Peer::Encrypted(address, encryption)),
        peer => peer,
    };
    let mut handshake = pin!(connector.connect(socket));
    let stream = waiter
        .wait(Limit::until(until), |cx| handshake.as_mut().poll(cx))
        .map_err(|_| silent(options))?
        .map_err(|error| unreachable(untrusted(options, &error)))?;
    let rename = Rename(Arc::clone(&waiter.traffic));
    start(
        options,
        settings,
        (stream, rename, SslMode::Require),
        waiter,
        until,
    )
}

/// In libpq `require` does not verify the certificate, so the usual cause is a self-signed one.
#[cfg(feature = "tls")]
fn untrusted(options: &Options, error: &native_tls::Error) -> String {
    let mut message = format!("TLS handshake failed: {error}");
    if options.tls.mode != TlsMode::Prefer && !options.tls.has_root() {
        message.push_str(
            " (sslmode=require also verifies the server's certificate: name the file of its authority with sslrootcert)",
        );
    }
    message
}

/// Sends the startup message over a stream, which is already encrypted if TLS is used, and checks the server. `mode` determines whether the
/// driver uses the stream directly or wrapped by `tls`.
fn start<S, T>(
    options: &Options,
    settings: &Settings,
    (stream, tls, mode): (S, T, SslMode),
    mut waiter: Waiter,
    until: Instant,
) -> Result<(Connected, bool)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: TlsStream + Unpin + Send + 'static,
{
    let mut config = options.config().clone();
    config
        .ssl_mode(mode)
        .ssl_negotiation(SslNegotiation::Direct);
    let mut starting = pin!(config.connect_raw(stream, tls));
    // Every step may receive something in time, so the limit applies to all steps together.
    let (client, connection) = waiter
        .wait(Limit::until(until), |cx| starting.as_mut().poll(cx))
        .map_err(|_| silent(options))?
        .map_err(|error| classify(error, Phase::Connect, ""))?;
    let mut client = Client::new(client, Link::new(connection, waiter, Limit::until(until)));
    let facts = client
        .last_row(&settings.greeting())
        .map_err(|fault| classify_fault(fault, Phase::Connect, ""))?;
    let fact = |at: usize| facts.get(at).and_then(Option::as_deref);
    settings.check_schema(fact(1))?;
    let is_first_choice = match fits(options.target, fact(2), fact(3)) {
        Some(is_first_choice) => is_first_choice,
        None => {
            let message = format!("the server is not {}", options.target);
            return Err(unreachable(message));
        }
    };
    // A pooler reports its own process id.
    let behind_pooler = fact(0) != Some(client.server().to_string().as_str());
    let pooled = options.pooler || behind_pooler;
    if !pooled && !settings.is_empty() {
        client
            .batch_execute(&settings.for_the_session())
            .map_err(|fault| classify_fault(fault, Phase::Connect, ""))?;
    }
    if pooled {
        // A pooler in statement mode refuses transactions.
        for text in ["BEGIN", "COMMIT"] {
            client
                .batch_execute(text)
                .map_err(|fault| classify_fault(fault, Phase::Connect, ""))?;
        }
    }
    client.set_silence_limit(options.silence_limit(settings));
    Ok((Connected { client, pooled }, is_first_choice))
}

/// Whether a server has the requested role: `None` if not, and false if another server would be preferred.
fn fits(target: Target, in_recovery: Option<&str>, read_only: Option<&str>) -> Option<bool> {
    let standby = in_recovery == Some("t");
    let read_only = standby || read_only == Some("on");
    let fits = match target {
        Target::Any => true,
        Target::ReadWrite => !read_only,
        Target::ReadOnly => read_only,
        Target::Primary => !standby,
        Target::Standby => standby,
        Target::PreferStandby => return Some(standby),
    };
    fits.then_some(true)
}

fn left(until: Instant) -> Duration {
    // Some calls treat a limit of zero as no limit.
    until
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

#[cold]
fn silent(options: &Options) -> Error {
    unreachable(format!(
        "the server did not answer within {:?}",
        options.connect_timeout
    ))
}

#[cold]
fn unreachable(message: String) -> Error {
    Error::new(ErrorKind::Unreachable, message)
}

/// Renames statements in a stream that is already encrypted.
#[cfg(feature = "tls")]
struct Rename(Arc<crate::wire::Traffic>);

#[cfg(feature = "tls")]
impl<S: TlsStream + Unpin> TlsConnect<S> for Rename {
    type Stream = Names<S>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Names<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        std::future::ready(Ok(Names::new(stream, self.0)))
    }
}
