//! Echo: logs every statement as one readable line.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Event;
use crate::value::{Param, ValueRef};

/// The detail with which statements are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// Nothing.
    #[default]
    Off,
    /// The text, the number of rows and the duration, without parameter values.
    Sql,
    /// Also the parameter values, which may be secrets.
    WithParameters,
}

/// Longer text parameters are truncated, in characters.
const LONGEST_TEXT: usize = 80;
/// The maximum number of parameters shown of one statement or batch.
const MOST_PARAMETERS: usize = 24;

#[derive(Default)]
pub(super) struct Printer {
    echo: AtomicU8,
    writer: Mutex<Option<Box<dyn Write + Send>>>,
}

impl Printer {
    pub(super) fn set(&self, echo: Echo) {
        self.echo.store(echo as u8, Ordering::Relaxed);
    }

    pub(super) fn redirect(&self, writer: Box<dyn Write + Send>) {
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
    }

    pub(super) fn is_on(&self) -> bool {
        self.echo.load(Ordering::Relaxed) != Echo::Off as u8
    }

    pub(super) fn print(&self, event: &Event<'_>) {
        let with_parameters = self.echo.load(Ordering::Relaxed) == Echo::WithParameters as u8;
        let line = line(event, with_parameters);
        if !self.write(&line) {
            if tracing::dispatcher::has_been_set() {
                tracing::info!(target: "selfsame::sql", "{line}");
            } else {
                eprintln!("{line}");
            }
        }
    }

    /// Writes a warning, whether echo is on or off.
    pub(super) fn warn(&self, line: &str) {
        if self.write(line) {
            return;
        }
        if tracing::dispatcher::has_been_set() {
            tracing::warn!(target: "selfsame", "{line}");
        } else {
            eprintln!("warning: {line}");
        }
    }

    /// Writes a line to the program's writer, if one is set; returns whether it is.
    fn write(&self, line: &str) -> bool {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.as_mut() {
            // Logging a statement must not make it fail.
            let _ = writeln!(writer, "{line}");
        }
        writer.is_some()
    }
}

fn line(event: &Event<'_>, with_parameters: bool) -> String {
    let mut out = event.sql.text().to_owned();
    if event.executions > 1 {
        write!(out, " × {}", event.executions).expect("a String accepts any text");
    }
    if with_parameters && !event.params.is_empty() {
        out.push_str(" [");
        for (index, param) in event.params.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if index == MOST_PARAMETERS {
                write!(out, "… {} more", event.params.len() - index)
                    .expect("a String accepts any text");
                break;
            }
            show(param, &mut out);
        }
        out.push(']');
    }
    match event.error {
        Some(error) => write!(out, " -- {:?}", error.kind()),
        None if event.sql.kind() == crate::backend::StatementKind::Transaction => {
            write!(out, " -- {:.1?}", event.duration)
        }
        None => write!(out, " -- {} rows, {:.1?}", event.rows, event.duration),
    }
    .expect("a String accepts any text");
    out
}

fn show(param: &Param<'_>, out: &mut String) {
    match param {
        Param::Ref(value) => show_value(*value, out),
        Param::Owned(value) => show_value(value.as_ref(), out),
        Param::Column(values) => {
            out.push('{');
            for (index, value) in values.iter().take(MOST_PARAMETERS).enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                show_value(*value, out);
            }
            if values.len() > MOST_PARAMETERS {
                write!(out, ", … {} more", values.len() - MOST_PARAMETERS)
                    .expect("a String accepts any text");
            }
            out.push('}');
        }
    }
}

fn show_value(value: ValueRef<'_>, out: &mut String) {
    let written = match value {
        ValueRef::Null => write!(out, "NULL"),
        ValueRef::Bool(v) => write!(out, "{v}"),
        ValueRef::I16(v) => write!(out, "{v}"),
        ValueRef::I32(v) => write!(out, "{v}"),
        ValueRef::I64(v) => write!(out, "{v}"),
        ValueRef::F32(v) => write!(out, "{v:?}"),
        ValueRef::F64(v) => write!(out, "{v:?}"),
        ValueRef::Text(v) | ValueRef::Json(v) => match v.char_indices().nth(LONGEST_TEXT) {
            Some((end, _)) => write!(out, "{:?}…", &v[..end]),
            None => write!(out, "{v:?}"),
        },
        ValueRef::Bytes(v) => write!(out, "{} bytes", v.len()),
        ValueRef::Decimal(v) => write!(out, "{v}"),
        ValueRef::Uuid(v) => write!(out, "{:032x}", u128::from_be_bytes(v)),
        ValueRef::Date(v) => write!(out, "{v}"),
        ValueRef::Time(v) => write!(out, "{v}"),
        ValueRef::Timestamp(v) => write!(out, "{v}"),
        ValueRef::TimestampTz(v) => write!(out, "{v}"),
    };
    written.expect("a String accepts any text");
}
