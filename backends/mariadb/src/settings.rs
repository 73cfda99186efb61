//! The settings of every connection, and the servers that have them.

use selfsame::error::Result;

use crate::options::{LONGEST_WAIT, Options, configuration};

/// `utf8mb4_nopad_bin` compares texts as Rust does, the spaces at their ends included. What a server may have set otherwise for all its
/// clients, and would answer wrongly by or refuse, is set too: a limit of rows or of recursion cuts results without an error, and of a
/// long text only so much takes part in sorting as `max_sort_length` says, for which `sort_buffer_size` must have room.
///
/// One statement, for of several the driver drops the errors after the first.
const SETTINGS: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin, SESSION autocommit = 1, SESSION time_zone = '+00:00', \
    SESSION lc_messages = 'en_US', SESSION div_precision_increment = 30, SESSION innodb_snapshot_isolation = 1, \
    SESSION group_concat_max_len = 1073741824, SESSION max_recursive_iterations = 4294967295, \
    SESSION sql_select_limit = 18446744073709551615, SESSION sql_auto_is_null = 0, SESSION sql_safe_updates = 0, \
    SESSION sql_big_selects = 1, SESSION completion_type = 'NO_CHAIN', SESSION foreign_key_checks = 1, SESSION unique_checks = 1, \
    SESSION check_constraint_checks = 1, SESSION sort_buffer_size = GREATEST(@@sort_buffer_size, 16777216), \
    SESSION max_sort_length = 65536, SESSION max_error_count = 65535, \
    SESSION tx_isolation = IF(@@tx_isolation = 'READ-UNCOMMITTED', 'READ-COMMITTED', @@tx_isolation), \
    SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,\
ANSI_QUOTES,PIPES_AS_CONCAT,NO_AUTO_VALUE_ON_ZERO,SIMULTANEOUS_ASSIGNMENT'";
/// Whether the settings hold, for something that stands between may drop them.
pub(crate) const CHECK: &str = "SELECT VERSION(), @@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@character_set_client = 'utf8mb4' \
    AND @@character_set_results = 'utf8mb4' AND @@collation_connection = 'utf8mb4_nopad_bin' AND @@time_zone = '+00:00', \
    CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@socket, @@datadir)";
/// The settings by which the mapper's statements would mean something else, or answer less; the database too, for a prepared statement keeps
/// the one in which it was prepared. Others are the user's: what is checked, and how long is waited.
pub(crate) const FINGERPRINT: &str = "SELECT CONCAT_WS(' ', COALESCE(DATABASE(), ''), COALESCE(@@system_versioning_asof, ''), @@sql_mode, @@character_set_client, @@character_set_results, @@collation_connection, \
    @@time_zone, @@autocommit, @@completion_type, @@sql_auto_is_null, @@sql_select_limit, @@max_recursive_iterations, @@max_sort_length, \
    @@group_concat_max_len, @@div_precision_increment, @@lc_messages)";
/// Why a statement is refused after that.
pub(crate) const CHANGED: &str = "raw SQL has changed the database or a setting of the connection (sql_mode, character set, time zone, autocommit, a \
    limit of rows …), under which this statement could mean something else: set it back, or use SET STATEMENT … FOR";

/// Statements that are run when connecting, and again after each reset.
pub(crate) fn statements(options: &Options) -> Vec<String> {
    let mut settings = SETTINGS.to_owned();
    if let Some(timeout) = options.lock_timeout {
        // Zero would not wait at all.
        let seconds = timeout.min(LONGEST_WAIT).as_millis().div_ceil(1000).max(1);
        // The second is for the locks on tables' definitions, for which the server would wait a day.
        settings.push_str(&format!(
            ", SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
        ));
    }
    if let Some(timeout) = options.statement_timeout {
        let seconds = timeout.min(LONGEST_WAIT).as_secs_f64().max(0.001);
        settings.push_str(&format!(", SESSION max_statement_time = {seconds}"));
    }
    if let Some(mask) = options.sync_wait {
        settings.push_str(&format!(", SESSION wsrep_sync_wait = {mask}"));
    }
    // A reset leaves the database that a user's statement chose.
    let database = options.database.as_ref();
    let chosen = database.map(|name| format!("USE `{}`", name.replace('`', "``")));
    chosen.into_iter().chain([settings]).collect()
}

/// Refuses servers that lack what the dialect and the settings need, which `innodb_snapshot_isolation` is the newest of: it
/// came to several series at once. A version is `10.11.19-MariaDB-0+deb12u1`.
pub(crate) fn check_version(version: &str) -> Result<()> {
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let number = version.split('-').next().unwrap_or_default();
    let mut parts = number.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(configuration("the server's version is not known"));
    };
    let is_mariadb = version.contains("MariaDB");
    let oldest = match (major, minor) {
        (10, 11) => Some(8),
        (11, 0) => Some(6),
        (11, 1) => Some(5),
        (11, 2) => Some(4),
        (..=10, _) | (11, 3) => None,
        (11, 4) => Some(2),
        _ => Some(0),
    };
    if is_mariadb && oldest.is_some_and(|oldest| patch >= oldest) {
        return Ok(());
    }
    let name = if is_mariadb { "MariaDB" } else { "MySQL" };
    Err(configuration(format!(
        "the server is {name} {number}: MariaDB 10.11.8 or later is required, of later series 11.0.6, 11.1.5, 11.2.4 or 11.4.2; MySQL is not supported"
    )))
}

#[cfg(test)]
mod tests {
    use selfsame::ErrorKind;

    use super::*;

    #[test]
    fn old_servers_and_others_are_refused() {
        for version in [
            "10.11.8-MariaDB",
            "10.11.19-MariaDB-0+deb12u1",
            "5.5.5-10.11.11-MariaDB",
            "11.0.6-MariaDB",
            "11.2.4-MariaDB-log",
            "11.4.2-MariaDB-ubu2404",
            "11.5.1-MariaDB",
            "12.0.2-MariaDB",
        ] {
            check_version(version).expect(version);
        }
        for version in [
            "8.4.0",
            "9.1.0",
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
            let error = check_version(version).expect_err(version);
            assert_eq!(error.kind(), ErrorKind::Configuration);
        }
    }
}
