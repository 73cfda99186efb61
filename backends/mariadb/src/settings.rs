//! The settings of every connection.

use crate::flavor::Flavor;
use crate::options::{LONGEST_WAIT, Options};

/// Settings that a server may have changed for all clients, and that would make it return wrong results or refuse statements: limits
/// on rows or recursion truncate results without an error, and long texts are sorted by their first `max_sort_length` bytes only, for
/// which `sort_buffer_size` must have room.
///
/// One statement, because the driver drops the errors of several after the first.
const SETTINGS: &str = "SESSION autocommit = 1, SESSION time_zone = '+00:00', \
    SESSION lc_messages = 'en_US', SESSION div_precision_increment = 30, SESSION group_concat_max_len = 1073741824, \
    SESSION sql_select_limit = 18446744073709551615, SESSION sql_auto_is_null = 0, SESSION sql_safe_updates = 0, \
    SESSION sql_big_selects = 1, SESSION completion_type = 'NO_CHAIN', SESSION foreign_key_checks = 1, SESSION unique_checks = 1, \
    SESSION max_sort_length = 65536";
const SQL_MODE: &str = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,\
ANSI_QUOTES,PIPES_AS_CONCAT,NO_AUTO_VALUE_ON_ZERO";

/// Queries whether the settings are in effect, because a proxy between may drop them.
pub(crate) fn check(flavor: Flavor) -> String {
    format!(
        "SELECT VERSION(), @@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@character_set_client = 'utf8mb4' \
         AND @@character_set_results = 'utf8mb4' AND @@collation_connection = '{}' AND @@time_zone = '+00:00', \
         CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@socket, @@datadir)",
        flavor.collation()
    )
}

/// Queries the settings that change what the mapper's statements mean or how much they return, and the database, because a prepared
/// statement keeps the one in which it was prepared. Other settings, such as checks and time limits, are left to the user.
pub(crate) fn fingerprint(flavor: Flavor) -> String {
    format!(
        "SELECT CONCAT_WS(' ', COALESCE(DATABASE(), ''), {}, @@sql_mode, @@character_set_client, @@character_set_results, \
         @@collation_connection, @@time_zone, @@autocommit, @@completion_type, @@sql_auto_is_null, @@sql_select_limit, \
         @@max_sort_length, @@group_concat_max_len, @@div_precision_increment, @@lc_messages)",
        flavor.fingerprint()
    )
}

/// The error for a statement refused because of a changed fingerprint.
pub(crate) const CHANGED: &str = "raw SQL has changed the database or a setting of the connection (sql_mode, character set, time zone, autocommit, a \
    limit of rows …), under which this statement could mean something else: set it back, or use SET STATEMENT … FOR";

/// Returns the statements to run when connecting, and again after each reset.
pub(crate) fn statements(options: &Options, flavor: Flavor) -> Vec<String> {
    let mut settings = format!(
        "SET NAMES utf8mb4 COLLATE {}, {SETTINGS}, {}, SESSION sql_mode = '{SQL_MODE}{}'",
        flavor.collation(),
        flavor.settings(),
        flavor.sql_mode()
    );
    if let Some(timeout) = options.lock_timeout {
        // Zero would mean not waiting at all.
        let seconds = timeout.min(LONGEST_WAIT).as_millis().div_ceil(1000).max(1);
        // The second setting limits waits for locks on table definitions, for which the server would wait a day.
        settings.push_str(&format!(
            ", SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
        ));
    }
    if let Some(timeout) = options.statement_timeout {
        let seconds = timeout.min(LONGEST_WAIT).as_secs_f64().max(0.001);
        settings.push_str(", ");
        settings.push_str(&flavor.statement_timeout(seconds));
    }
    if let Some(mask) = options.sync_wait {
        settings.push_str(&format!(", SESSION wsrep_sync_wait = {mask}"));
    }
    // A reset does not restore the database if a statement of the user chose another.
    let database = options.database.as_ref();
    let chosen = database.map(|name| format!("USE `{}`", name.replace('`', "``")));
    chosen.into_iter().chain([settings]).collect()
}
