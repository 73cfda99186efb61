//! Columns of the current row, read in place.

use std::cell::OnceCell;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use rusqlite::ffi;
use rusqlite::types::ValueRef as Stored;
use selfsame::{Error, Result};

use crate::classify::classify;

/// The current row of an execution.
pub(crate) struct CurrentRow<'e> {
    statement: NonNull<ffi::sqlite3_stmt>,
    columns: usize,
    names: &'e OnceCell<Vec<String>>,
}

impl<'e> CurrentRow<'e> {
    /// # Safety
    ///
    /// The statement must be of a connection without a mutex, stand on a row of so many columns, and stay there for `'e`.
    #[inline]
    pub(super) unsafe fn new(
        statement: NonNull<ffi::sqlite3_stmt>,
        columns: usize,
        names: &'e OnceCell<Vec<String>>,
    ) -> Self {
        Self {
            statement,
            columns,
            names,
        }
    }

    /// Returns the number of columns.
    #[inline]
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The name of a column; empty if there is no such column.
    pub(crate) fn column_name(&self, index: usize) -> &str {
        let names = self.names.get_or_init(|| self.column_names());
        names.get(index).map_or("", String::as_str)
    }

    /// The column as it is stored, or `None` if there is no such column.
    #[inline]
    pub(crate) fn stored(&self, index: usize) -> Result<Option<Stored<'_>>> {
        if index >= self.columns {
            return Ok(None);
        }
        let Ok(column) = c_int::try_from(index) else {
            return Ok(None);
        };
        // SAFETY: the statement stands on a row that has this column, and the connection has no mutex (see `Database::new`), so
        // the value may be read in place. Text is in UTF-8 or is converted to it by the first of these calls, and then stays;
        // the bytes live until the statement moves on, and it cannot while this row is borrowed.
        unsafe {
            let value = ffi::sqlite3_column_value(self.statement.as_ptr(), column);
            Ok(Some(match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Stored::Integer(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => Stored::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    if text.is_null() {
                        return Err(out_of_memory());
                    }
                    Stored::Text(bytes(text, ffi::sqlite3_value_bytes(value)))
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value);
                    let length = ffi::sqlite3_value_bytes(value);
                    // An empty blob is a null pointer.
                    if blob.is_null() && length > 0 {
                        return Err(out_of_memory());
                    }
                    Stored::Blob(bytes(blob.cast(), length))
                }
                _ => Stored::Null,
            }))
        }
    }

    fn column_names(&self) -> Vec<String> {
        let count = c_int::try_from(self.columns).unwrap_or(0);
        (0..count)
            .map(|column| {
                // SAFETY: the statement is alive; the name is copied before anything else can be asked of the statement.
                unsafe {
                    let name = ffi::sqlite3_column_name(self.statement.as_ptr(), column);
                    if name.is_null() {
                        String::new()
                    } else {
                        CStr::from_ptr(name).to_string_lossy().into_owned()
                    }
                }
            })
            .collect()
    }
}

/// The bytes of a column.
///
/// # Safety
///
/// `start` must be null, or point to `length` bytes that stay for `'a`.
#[inline]
unsafe fn bytes<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: the caller's promise.
        Ok(length) if length > 0 => unsafe { std::slice::from_raw_parts(start, length) },
        _ => &[],
    }
}

#[cold]
fn out_of_memory() -> Error {
    classify(ffi::SQLITE_NOMEM, "out of memory")
}
