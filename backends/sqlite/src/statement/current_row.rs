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
    /// The statement must be of a connection without a mutex, be on a row of this many columns, and stay there for `'e`.
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

    /// Returns the column as it is stored; `None` if there is no such column.
    #[inline]
    pub(crate) fn stored(&self, index: usize) -> Result<Option<Stored<'_>>> {
        let Some(value) = self.in_place(index) else {
            return Ok(None);
        };
        // SAFETY: text is in UTF-8 or is converted to it by the first of these calls, and then stays; the bytes live until the
        // statement moves on, and it cannot while this row is borrowed.
        unsafe {
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

    /// Returns the column if it is text in UTF-8, or NULL, which is `Some(None)`: a faster way than [`stored`](Self::stored).
    #[inline]
    pub(crate) fn stored_text(&self, index: usize) -> Option<Option<&str>> {
        let value = self.in_place(index)?;
        // SAFETY: as in `stored`.
        unsafe {
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    if text.is_null() {
                        return None;
                    }
                    utf8(bytes(text, ffi::sqlite3_value_bytes(value))).map(Some)
                }
                ffi::SQLITE_NULL => Some(None),
                _ => None,
            }
        }
    }

    /// Returns the column if it is an integer, or NULL, which is `Some(None)`.
    #[inline]
    pub(crate) fn stored_integer(&self, index: usize) -> Option<Option<i64>> {
        let value = self.in_place(index)?;
        // SAFETY: as in `stored`.
        unsafe {
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Some(Some(ffi::sqlite3_value_int64(value))),
                ffi::SQLITE_NULL => Some(None),
                _ => None,
            }
        }
    }

    /// The value of a column where SQLite has it, until the statement moves on; `None` if there is no such column.
    #[inline]
    fn in_place(&self, index: usize) -> Option<*mut ffi::sqlite3_value> {
        let column = c_int::try_from(index).ok();
        let column = column.filter(|_| index < self.columns)?;
        // SAFETY: the statement stands on a row that has this column, and the connection has no mutex (see `Database::new`), so
        // the value may be read in place.
        Some(unsafe { ffi::sqlite3_column_value(self.statement.as_ptr(), column) })
    }

    fn column_names(&self) -> Vec<String> {
        let count = c_int::try_from(self.columns).unwrap_or(0);
        (0..count)
            .map(|column| {
                // SAFETY: the statement is alive; the name is copied before any other call on the statement.
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

/// Returns bytes as text if they are UTF-8. Most columns hold short ASCII text, which is tested a word at a time.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Option<&str> {
    if is_short_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Some(unsafe { str::from_utf8_unchecked(bytes) });
    }
    str::from_utf8(bytes).ok()
}

/// Whether these are at most 32 bytes, all of them ASCII. Two overlapping words cover every length from one word to two.
#[inline]
fn is_short_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let half = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .copied()
            .map(u32::from_ne_bytes)
    };
    let word = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .copied()
            .map(u64::from_ne_bytes)
    };
    let length = bytes.len();
    match length {
        0..4 => bytes.is_ascii(),
        4..8 => half(0)
            .zip(half(length - 4))
            .is_some_and(|(a, b)| u64::from(a | b) & HIGH == 0),
        8..=16 => word(0)
            .zip(word(length - 8))
            .is_some_and(|(a, b)| (a | b) & HIGH == 0),
        17..=32 => {
            let ends = word(0).zip(word(length - 8));
            let middle = word(8).zip(word(length - 16));
            ends.zip(middle)
                .is_some_and(|((a, b), (c, d))| (a | b | c | d) & HIGH == 0)
        }
        _ => false,
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
        // SAFETY: the caller guarantees it.
        Ok(length) if length > 0 => unsafe { std::slice::from_raw_parts(start, length) },
        _ => &[],
    }
}

#[cold]
fn out_of_memory() -> Error {
    classify(ffi::SQLITE_NOMEM, "out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests every length that is tested by words, with each byte in turn not ASCII, or part of a longer character.
    #[test]
    fn text_is_what_utf8_says() {
        for length in 0..40 {
            let ascii = vec![b'a'; length];
            assert_eq!(utf8(&ascii), str::from_utf8(&ascii).ok());
            for at in 0..length {
                for byte in [0, 0x7f, 0x80, 0xc3, 0xff] {
                    let mut bytes = ascii.clone();
                    bytes[at] = byte;
                    assert_eq!(utf8(&bytes), str::from_utf8(&bytes).ok(), "{bytes:?}");
                    // A second such byte, at any place: two must not cancel each other out.
                    for other in at + 1..length {
                        let first = std::mem::replace(&mut bytes[other], 0xa9);
                        assert_eq!(utf8(&bytes), str::from_utf8(&bytes).ok(), "{bytes:?}");
                        bytes[other] = first;
                    }
                }
            }
        }
    }
}
