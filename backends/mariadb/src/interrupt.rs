//! Interrupts the running statement: the client stops waiting at once, and a second connection stops it on the server.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use mysql::prelude::Queryable;
use selfsame::backend::Interrupter;
use socket2::SockRef;

use crate::link::{Link, connect};

/// The time limit for the second connection and for the answer on it.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// Returns an interrupter for a link's statement. The connection is closed on both sides.
pub(crate) fn interrupter(link: &Link) -> Interrupter {
    let socket = Arc::downgrade(&link.socket);
    let (id, server) = (link.conn.connection_id(), link.server.clone());
    let mut options = link.options.clone();
    options.connect_timeout = KILL_LIMIT;
    options.response_timeout = Some(KILL_LIMIT);
    Interrupter::new(move || {
        // The connection is closed, and its id may belong to another one by now.
        let Some(socket) = socket.upgrade() else {
            return;
        };
        let _ = SockRef::from(&*socket).shutdown(Shutdown::Both);
        let (options, server) = (options.clone(), server.clone());
        // Without the thread, the server runs on for a while, and rolls back when it notices that the client is gone.
        let _ = std::thread::Builder::new()
            .name("selfsame-mariadb-kill".to_owned())
            .spawn(move || {
                // On another server, the id belongs to another connection.
                if let Ok(mut second) = connect(&options, 0)
                    && second.server == server
                {
                    second.use_short_limit();
                    let _ = second.conn.query_drop(format!("KILL {id}"));
                }
            });
    })
}
