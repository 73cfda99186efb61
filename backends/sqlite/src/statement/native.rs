//! Compiles statements, and queries the state of a connection.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};

use rusqlite::ffi;
use selfsame::{Error, ErrorKind, Result};

use super::bind_text;
use crate::classify::classify;

/// Compiles the first statement of a text, and returns the rest. White space and comments contain no statement.
pub(super) fn compile(
    database: NonNull<ffi::sqlite3>,
    text: &str,
) -> Result<(Option<NonNull<ffi::sqlite3_stmt>>, &str)> {
    if text.is_empty() {
        return Ok((None, ""));
    }
    if text.contains('\0') {
        return Err(Error::new(
            ErrorKind::InvalidStatement,
            "the text contains a NUL character, where SQLite would stop reading",
        ));
    }
    let length = c_int::try_from(text.len()).map_err(|_| {
        Error::new(
            ErrorKind::OutOfRange,
            "the text of the statement is too long",
        )
    })?;
    let mut statement = ptr::null_mut();
    let mut tail = ptr::null();
    // SAFETY: the text is `length` bytes long; the two results are written before they are read.
    let code = unsafe {
        ffi::sqlite3_prepare_v3(
            database.as_ptr(),
            text.as_ptr().cast::<c_char>(),
            length,
            ffi::SQLITE_PREPARE_PERSISTENT,
            &raw mut statement,
            &raw mut tail,
        )
    };
    if code != ffi::SQLITE_OK {
        let (code, message) = last_error(database);
        return Err(classify(code, &message));
    }
    let read = (tail as usize).saturating_sub(text.as_ptr() as usize);
    Ok((NonNull::new(statement), text.get(read..).unwrap_or("")))
}

/// Whether the open transaction has read but not written.
#[cold]
pub(super) fn is_read_transaction(database: NonNull<ffi::sqlite3>) -> bool {
    // SAFETY: the connection is alive; without a database's name SQLite reports the maximum over all of them.
    unsafe {
        ffi::sqlite3_get_autocommit(database.as_ptr()) == 0
            && ffi::sqlite3_txn_state(database.as_ptr(), ptr::null()) == ffi::SQLITE_TXN_READ
    }
}

/// Makes SQLite read the schema again if it was changed, which SQLite detects when a statement runs.
#[cold]
pub(super) fn read_schema(database: NonNull<ffi::sqlite3>) {
    if let Ok((Some(statement), _)) = compile(database, "SELECT 1 FROM sqlite_schema LIMIT 1") {
        // SAFETY: the statement was just made, and is finalized here. A failure leaves the value as it was.
        unsafe {
            ffi::sqlite3_step(statement.as_ptr());
            ffi::sqlite3_finalize(statement.as_ptr());
        }
    }
}

/// Whether a table has a column.
#[cold]
pub(super) fn is_column(database: NonNull<ffi::sqlite3>, table: &str, column: &str) -> bool {
    let (Ok(table), Ok(column)) = (CString::new(table), CString::new(column)) else {
        return false;
    };
    // SAFETY: the connection is alive, the names end in NUL, and unused outputs may be null.
    let code = unsafe {
        ffi::sqlite3_table_column_metadata(
            database.as_ptr(),
            ptr::null(),
            table.as_ptr(),
            column.as_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    code == ffi::SQLITE_OK
}

/// Whether a message is a literal in a trigger, and so is not from a parameter.
#[cold]
pub(super) fn is_written_in_trigger(database: NonNull<ffi::sqlite3>, message: &str) -> bool {
    const TEXT: &str = "SELECT 1 FROM (SELECT type, sql FROM sqlite_schema UNION ALL SELECT type, sql FROM sqlite_temp_schema) WHERE type = 'trigger' AND instr(sql, quote(?1)) > 0";
    let Ok((Some(statement), _)) = compile(database, TEXT) else {
        return false;
    };
    // SAFETY: the statement was just made and is finalized here, before the bound message is dropped.
    unsafe {
        let is_bound =
            bind_text(statement.as_ptr(), 1, message, ffi::SQLITE_STATIC()) == ffi::SQLITE_OK;
        let is_found = is_bound && ffi::sqlite3_step(statement.as_ptr()) == ffi::SQLITE_ROW;
        ffi::sqlite3_finalize(statement.as_ptr());
        is_found
    }
}

pub(super) fn last_error(database: NonNull<ffi::sqlite3>) -> (i32, String) {
    // SAFETY: the connection is alive; the message is a text that ends in NUL and is copied before the next call.
    unsafe {
        let code = ffi::sqlite3_extended_errcode(database.as_ptr());
        let message = CStr::from_ptr(ffi::sqlite3_errmsg(database.as_ptr()));
        (code, message.to_string_lossy().into_owned())
    }
}
