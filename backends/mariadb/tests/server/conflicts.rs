//! Any statement of a transaction may report a conflict in a cluster, including the backend's own query for a table's columns.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::support::{database, packet};

#[derive(Entity, Clone, Debug)]
#[orm(table = "measures")]
struct Measure {
    #[orm(primary_key)]
    id: i64,
    value: f64,
}

const QUERY: u8 = 0x03;

/// The error that a node of a cluster returns, once, to the query for the types of columns.
#[derive(Clone, Copy)]
struct Reported {
    code: u16,
    state: &'static str,
    message: &'static str,
}

/// The transaction lost to one on another node.
const CONFLICT: Reported = Reported {
    code: 1213,
    state: "40001",
    message: "Deadlock found when trying to get lock; try restarting transaction",
};
/// The node has left its cluster.
const NOT_READY: Reported = Reported {
    code: 1047,
    state: "08S01",
    message: "WSREP has not yet prepared node for application use",
};

impl Reported {
    fn packet(self) -> Vec<u8> {
        let mut body = vec![0xff];
        body.extend(self.code.to_le_bytes());
        body.extend(format!("#{}{}", self.state, self.message).bytes());
        packet(1, &body)
    }
}

/// A proxy between one client and the server. It answers the first query for columns with the reported error, and lets the server
/// roll back the transaction, as a node does that lost a conflict.
fn start(host: String, port: u16, reported: Reported) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let own = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let has_reported = Arc::new(AtomicBool::new(false));
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect((&*host, port)).expect("connects");
            let is_due = Arc::new(AtomicBool::new(false));
            let [from, to] = [&client, &server].map(|stream| stream.try_clone().expect("clones"));
            let [has_reported, due] = [&has_reported, &is_due].map(Arc::clone);
            thread::spawn(move || {
                relay(from, to, |body| {
                    let text = String::from_utf8_lossy(body);
                    let is_query = body.first() == Some(&QUERY) && text.contains("SHOW COLUMNS");
                    if !is_query || has_reported.swap(true, Ordering::SeqCst) {
                        return None;
                    }
                    due.store(true, Ordering::SeqCst);
                    Some(packet(0, &[&[QUERY], &b"ROLLBACK"[..]].concat()))
                })
            });
            thread::spawn(move || {
                relay(server, client, |_| {
                    let is_due = is_due.swap(false, Ordering::SeqCst);
                    is_due.then(|| reported.packet())
                })
            });
        }
    });
    own
}

/// Forwards packets, or their replacements.
fn relay(
    mut from: TcpStream,
    mut to: TcpStream,
    replaced: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> io::Result<()> {
    let mut head = [0; 4];
    loop {
        from.read_exact(&mut head)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        from.read_exact(&mut body)?;
        match replaced(&body) {
            Some(other) => to.write_all(&other)?,
            None => to.write_all(&[&head[..], &body].concat())?,
        }
    }
}

#[test]
fn a_conflict_reported_to_the_query_for_columns_is_one_of_the_transaction() {
    let Some(database) = database() else { return };
    let Some((host, port)) = database.address() else {
        return eprintln!("ignored: the server is not one host with a port");
    };
    let direct = Engine::new(database.backend());
    metadata![Measure].create_all(&direct).expect("creates");
    for (reported, kind, id) in [
        (CONFLICT, ErrorKind::Deadlock, 1),
        (NOT_READY, ErrorKind::ConnectionLost, 2),
    ] {
        let between = || {
            let backend = database.through(start(host.clone(), port, reported));
            Engine::new(backend.expect("a backend")).pool_size(1)
        };
        let engine = between();
        let mut session = Session::new(&engine);
        // An earlier statement is rolled back too.
        session
            .sql("UPDATE measures SET value = -1", ())
            .execute()
            .expect("updates");
        session.add(Measure { id, value: 0.5 });
        let error = session.commit().expect_err("reported to the query");
        assert_eq!(error.kind(), kind, "{error}");
        session.rollback().expect("rolls back");
        session.add(Measure { id, value: 0.5 });
        session.commit().expect("nothing is in the way any more");
        // A single statement, and a transaction under `retry`.
        let engine = between();
        let mut session = Session::new(&engine);
        let mut tries = 0;
        let done = session.retry(3, |session| {
            tries += 1;
            session.add(Measure {
                id: id + 10,
                value: 1.5,
            });
            Ok(())
        });
        match reported.code {
            1213 => {
                done.expect("again");
                assert_eq!(tries, 2);
            }
            _ => {
                let error = done.expect_err("the node is gone");
                assert_eq!(error.kind(), kind, "nothing was sent: {error}");
            }
        }
    }
    let mut session = Session::new(&direct);
    let measures = Measure::query().order_by(Measure::ID.asc());
    let measures = measures.all(&mut session).expect("reads");
    let found: Vec<(i64, f64)> = measures
        .iter()
        .map(|&measure| (session[measure].id, session[measure].value))
        .collect();
    assert_eq!(found, [(1, 0.5), (2, 0.5), (11, 1.5)]);
}
