//! The parameters of a statement that the declared types of their columns could change.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};

use rusqlite::ffi;
use selfsame::backend::Target;
use selfsame::value::Param;
use selfsame::{Error, ErrorKind, Result};

use super::bind_text;
use super::native::compile;
use crate::affinity::{self, Affinity, Guard};

/// A number of compilations that no statement has.
const NEVER: c_int = -1;

/// The parameters of a statement that are checked before they are bound.
pub(super) struct Guarded {
    target: Option<Target>,
    is_lenient: bool,
    guards: Vec<Guard>,
    /// The number of times that SQLite had recompiled the statement when this was read.
    compiled: c_int,
}

impl Guarded {
    /// Nothing is guarded until the declared types are [read](Self::read).
    pub(super) fn new(target: Option<&Target>, is_lenient: bool) -> Self {
        let is_guarded = |target: &&Target| {
            let mut columns = target.columns().iter();
            columns.any(|column| affinity::is_changeable(&column.ty))
                || target.unwritten_key().next().is_some()
        };
        Self {
            target: target.filter(is_guarded).cloned(),
            is_lenient,
            guards: Vec::new(),
            compiled: 0,
        }
    }

    /// Refuses parameters that their columns would change.
    #[inline]
    pub(super) fn check(&self, params: &[Param<'_>]) -> Result<()> {
        match self.guards.is_empty() {
            true => Ok(()),
            false => affinity::check(&self.guards, params),
        }
    }

    /// Whether the declared types could not be read, so that any parameter may need a check.
    #[inline]
    pub(super) fn is_unread(&self) -> bool {
        self.compiled == NEVER
    }

    /// Whether the statement was compiled since the declared types were read.
    #[inline]
    pub(super) fn is_older_than(&self, compiled: impl FnOnce() -> c_int) -> bool {
        self.target.is_some() && compiled() != self.compiled
    }

    /// Reads the declared types of the columns.
    pub(super) fn read(&mut self, database: NonNull<ffi::sqlite3>, compiled: c_int) -> Result<()> {
        // Until everything is read, the statement counts as unchecked.
        self.compiled = NEVER;
        self.guards.clear();
        self.guards = self.declared(database)?;
        self.compiled = compiled;
        Ok(())
    }

    fn declared(&self, database: NonNull<ffi::sqlite3>) -> Result<Vec<Guard>> {
        let mut guards = Vec::new();
        let Some(target) = &self.target else {
            return Ok(guards);
        };
        let Some(place) = Place::of(target) else {
            return Ok(guards);
        };
        let mut key = target.unwritten_key();
        if let Some((column, _)) = key.find(|&key| place.leaves_null(database, target, key)) {
            return Err(null_key(target, column));
        }
        let columns = target.columns().iter().enumerate();
        for (at, column) in columns.filter(|(_, column)| affinity::is_changeable(&column.ty)) {
            // The triggers of a view determine what is stored.
            let Some(declared) = place.declared(database, &column.name) else {
                continue;
            };
            let mut affinity = Affinity::of(&declared);
            if declared.eq_ignore_ascii_case("ANY") && is_strict(database, target) {
                affinity = Affinity::None;
            }
            let guard = |parameter| {
                affinity::guard(parameter, column, &declared, affinity, self.is_lenient)
            };
            if column.is_computed {
                guard(None)?;
            }
            let own = target.parameters().filter(|&(_, number)| number == at);
            for (parameter, _) in own {
                match guard(Some(parameter))? {
                    Some(guard) => guards.push(guard),
                    None => break,
                }
            }
        }
        Ok(guards)
    }
}

/// A table's name as a C string.
struct Place {
    schema: Option<CString>,
    table: CString,
}

impl Place {
    /// Returns `None` for a name that no table can have.
    fn of(target: &Target) -> Option<Self> {
        Some(Self {
            schema: target.schema().map(CString::new).transpose().ok()?,
            table: CString::new(target.table()).ok()?,
        })
    }

    /// Whether a new row gets NULL in a column of the key that is not written. SQLite generates the rowid, whose column needs no index;
    /// other columns of a key accept NULL unless they are declared NOT NULL.
    fn leaves_null(
        &self,
        database: NonNull<ffi::sqlite3>,
        target: &Target,
        (column, is_generated): (&str, bool),
    ) -> bool {
        const LEFT: &str = "SELECT 1 FROM pragma_table_info(?1, ?2) WHERE name = ?3 COLLATE NOCASE AND \"notnull\" = 0 AND dflt_value IS NULL \
            AND (pk = 0 OR EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) WHERE origin = 'pk')) \
            AND EXISTS (SELECT 1 FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE AND schema = coalesce(?2, schema) AND type <> 'virtual')";
        const TRIGGERS: &str = "SELECT 1 FROM (SELECT type, tbl_name FROM sqlite_schema UNION ALL SELECT type, tbl_name FROM sqlite_temp_schema) \
            WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
        // The triggers of a view determine what is stored, and those of a table may set its key afterwards, which the outcome does not
        // report.
        self.declared(database, column).is_some()
            && finds(database, LEFT, target, Some(column))
            && (is_generated || !finds(database, TRIGGERS, target, None))
    }

    /// Returns the declared type of a column; `None` if no table has it.
    fn declared(&self, database: NonNull<ffi::sqlite3>, column: &str) -> Option<String> {
        let column = CString::new(column).ok()?;
        let schema = self.schema.as_ref();
        let mut declared: *const c_char = ptr::null();
        // SAFETY: the connection is alive, the names end in NUL, and unused outputs may be null. The answer belongs to the
        // schema, and is copied before the next call.
        unsafe {
            let code = ffi::sqlite3_table_column_metadata(
                database.as_ptr(),
                schema.map_or(ptr::null(), |name| name.as_ptr()),
                self.table.as_ptr(),
                column.as_ptr(),
                &raw mut declared,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            );
            match (code, declared.is_null()) {
                (ffi::SQLITE_OK, false) => {
                    Some(CStr::from_ptr(declared).to_string_lossy().into_owned())
                }
                (ffi::SQLITE_OK, true) => Some(String::new()),
                _ => None,
            }
        }
    }
}

#[cold]
fn null_key(target: &Target, column: &str) -> Error {
    let message = format!(
        "the new row needs a value of this column: the table {} declares it otherwise than INTEGER PRIMARY KEY, so SQLite generates no key and would store NULL",
        target.table()
    );
    Error::new(ErrorKind::Validation, message).column(column)
}

/// Whether a table is STRICT, in which a column of type ANY stores every value unchanged.
fn is_strict(database: NonNull<ffi::sqlite3>, target: &Target) -> bool {
    const TEXT: &str = "SELECT 1 FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE AND schema = coalesce(?2, schema) AND strict";
    finds(database, TEXT, target, None)
}

/// Whether a query of the schema finds a row, given a table's name, its schema, and optionally a column's name.
fn finds(
    database: NonNull<ffi::sqlite3>,
    text: &str,
    target: &Target,
    column: Option<&str>,
) -> bool {
    let Ok((Some(statement), _)) = compile(database, text) else {
        return false;
    };
    let statement = statement.as_ptr();
    let names = [Some(target.table()), target.schema(), column];
    // SAFETY: the statement was just made and is finalized here, before the bound names are dropped.
    unsafe {
        let is_bound = (1..).zip(names).all(|(at, name)| {
            name.is_none_or(|name| {
                bind_text(statement, at, name, ffi::SQLITE_STATIC()) == ffi::SQLITE_OK
            })
        });
        let is_found = is_bound && ffi::sqlite3_step(statement) == ffi::SQLITE_ROW;
        ffi::sqlite3_finalize(statement);
        is_found
    }
}
