//! [`Flavor`]: MariaDB or MySQL, and the differences between their protocols and settings. Those of their SQL are in the dialect.

use mysql::Conn;
use mysql::prelude::Queryable;
use selfsame::error::Result;

use crate::classify::code_of;
use crate::options::configuration;

/// The error for configuring the next transaction while one is open.
const IN_TRANSACTION: u16 = 1568;

/// A kind of server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flavor {
    #[default]
    MariaDb,
    MySql,
}

impl Flavor {
    /// Returns the flavor of a server that reports this version: `10.11.19-MariaDB-0+deb12u1`, `8.4.0`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::ErrorKind::Configuration) for servers that lack what the dialect and the settings need. The newest
    /// requirement of MariaDB is `innodb_snapshot_isolation`, which was added to several series at once; that of MySQL is the table's
    /// name in the error for a duplicate key.
    pub(crate) fn of(version: &str) -> Result<Self> {
        let version = version.strip_prefix("5.5.5-").unwrap_or(version);
        let number = version.split('-').next().unwrap_or_default();
        let mut parts = number.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(configuration("the server's version is not known"));
        };
        let flavor = match version.contains("MariaDB") {
            true => Self::MariaDb,
            false => Self::MySql,
        };
        let oldest = match (flavor, major, minor) {
            (Self::MySql, ..=7, _) => None,
            (Self::MySql, 8, 0) => Some(19),
            (Self::MySql, ..) => Some(0),
            (Self::MariaDb, 10, 11) => Some(8),
            (Self::MariaDb, 11, 0) => Some(6),
            (Self::MariaDb, 11, 1) => Some(5),
            (Self::MariaDb, 11, 2) => Some(4),
            (Self::MariaDb, ..=10, _) | (Self::MariaDb, 11, 3) => None,
            (Self::MariaDb, 11, 4) => Some(2),
            (Self::MariaDb, ..) => Some(0),
        };
        if oldest.is_some_and(|oldest| patch >= oldest) {
            return Ok(flavor);
        }
        Err(configuration(format!(
            "the server is {} {number}: MariaDB 10.11.8 or later is required, of later series 11.0.6, 11.1.5, 11.2.4 or 11.4.2; or MySQL 8.0.19 or later",
            flavor.server()
        )))
    }

    /// The server's name.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// The dialect's name, which is also the scheme of its URLs.
    pub(crate) fn dialect(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }

    /// The collation that compares texts as Rust does, including spaces at their ends.
    pub(crate) fn collation(self) -> &'static str {
        match self {
            Self::MariaDb => "utf8mb4_nopad_bin",
            Self::MySql => "utf8mb4_0900_bin",
        }
    }

    /// The maximum depth of a JSON document.
    pub(crate) fn max_json_depth(self) -> usize {
        match self {
            Self::MariaDb => 31,
            Self::MySql => 100,
        }
    }

    /// The connection settings that only this server has, names in this way, or lets every user change.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::MariaDb => {
                "SESSION innodb_snapshot_isolation = 1, SESSION max_recursive_iterations = 4294967295, \
                 SESSION check_constraint_checks = 1, SESSION max_error_count = 65535, \
                 SESSION sort_buffer_size = GREATEST(@@sort_buffer_size, 16777216), \
                 SESSION tx_isolation = IF(@@tx_isolation = 'READ-UNCOMMITTED', 'READ-COMMITTED', @@tx_isolation)"
            }
            Self::MySql => {
                "SESSION cte_max_recursion_depth = 4294967295, \
                 SESSION sort_buffer_size = CAST(GREATEST(@@sort_buffer_size, 16777216) AS UNSIGNED), \
                 SESSION transaction_isolation = \
                 IF(@@transaction_isolation = 'READ-UNCOMMITTED', 'READ-COMMITTED', @@transaction_isolation)"
            }
        }
    }

    /// Modes in addition to those of both servers. MySQL always assigns the columns of an UPDATE in sequence.
    pub(crate) fn sql_mode(self) -> &'static str {
        match self {
            Self::MariaDb => ",SIMULTANEOUS_ASSIGNMENT",
            Self::MySql => "",
        }
    }

    /// The settings that change what statements mean, or truncate their results, and that only this server has, or names in this way.
    pub(crate) fn fingerprint(self) -> &'static str {
        match self {
            Self::MariaDb => "COALESCE(@@system_versioning_asof, ''), @@max_recursive_iterations",
            Self::MySql => "@@cte_max_recursion_depth",
        }
    }

    /// The setting that limits how long a statement runs; on MySQL only a SELECT.
    pub(crate) fn statement_timeout(self, seconds: f64) -> String {
        match self {
            Self::MariaDb => format!("SESSION max_statement_time = {seconds}"),
            // Zero would mean no limit.
            Self::MySql => format!(
                "SESSION max_execution_time = {:.0}",
                (seconds * 1000.0).ceil().min(f64::from(u32::MAX))
            ),
        }
    }

    /// Queries whether a transaction is open, because the driver does not report it.
    pub(crate) fn is_in_transaction(self, conn: &mut Conn) -> Result<bool, mysql::Error> {
        match self {
            Self::MariaDb => {
                let answer = conn.query_first::<u8, _>("SELECT @@in_transaction")?;
                Ok(answer == Some(1))
            }
            // MySQL has no variable for it, but refuses this statement inside a transaction. Outside of one, the rollback that must
            // follow undoes its effect.
            Self::MySql => match conn.query_drop("SET TRANSACTION READ WRITE") {
                Ok(()) => Ok(false),
                Err(error) if code_of(&error) == Some(IN_TRANSACTION) => Ok(true),
                Err(error) => Err(error),
            },
        }
    }

    /// Extracts the name of a key from the message about a duplicate; `None` for a primary key. MySQL puts the table's name before it.
    pub(crate) fn key_name(self, written: &str) -> Option<&str> {
        let name = match self {
            Self::MariaDb => written,
            Self::MySql => written.split_once('.').map_or(written, |(_, name)| name),
        };
        (name != "PRIMARY").then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use selfsame::ErrorKind;

    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for (version, flavor) in [
            ("10.11.8-MariaDB", Flavor::MariaDb),
            ("10.11.19-MariaDB-0+deb12u1", Flavor::MariaDb),
            ("5.5.5-10.11.11-MariaDB", Flavor::MariaDb),
            ("11.0.6-MariaDB", Flavor::MariaDb),
            ("11.2.4-MariaDB-log", Flavor::MariaDb),
            ("11.4.2-MariaDB-ubu2404", Flavor::MariaDb),
            ("11.5.1-MariaDB", Flavor::MariaDb),
            ("12.0.2-MariaDB", Flavor::MariaDb),
            ("8.0.19", Flavor::MySql),
            ("8.4.0", Flavor::MySql),
            ("9.7.4-2", Flavor::MySql),
        ] {
            assert_eq!(Flavor::of(version).expect(version), flavor, "{version}");
        }
        for version in [
            "8.0.18",
            "5.7.44-log",
            "10.6.22-MariaDB",
            "10.11.7-MariaDB",
            "5.5.5-10.11.2-MariaDB",
            "11.0.5-MariaDB",
            "11.1.4-MariaDB",
            "11.3.2-MariaDB",
            "11.4.1-MariaDB",
            "11-MariaDB",
            "",
        ] {
            let error = Flavor::of(version).expect_err(version);
            assert_eq!(error.kind(), ErrorKind::Configuration);
        }
    }
}
