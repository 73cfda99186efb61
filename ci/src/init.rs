//! `selfsame init`: writes a crate to begin with, a backend or an application.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use heck::{ToSnakeCase, ToUpperCamelCase};
use selfsame::{Error, ErrorKind, Result};

use crate::arguments::{InitArguments, Kind};
use crate::inspect::is_keyword;
use selfsame_conformance::command::say;

const BACKEND: &str = include_str!("../tests/own_backend/backend.rs");
const BACKEND_TEST: &str = include_str!("../tests/own_backend/main.rs");
const APP: &str = include_str!("init/app/lib.rs");
const APP_MAIN: &str = include_str!("init/app/main.rs");
const APP_TEST: &str = include_str!("init/app/test.rs");

/// The driver that a new backend begins with, as this workspace uses it.
const DRIVER: &str = "rusqlite = { version = \"0.41\", features = [\"bundled\", \"collation\"] }";

/// A file of the new crate: where it goes, and its text.
type File = (&'static str, String);

pub(crate) fn run(arguments: &InitArguments) -> Result<ExitCode> {
    let name = crate_name(&arguments.name)?;
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from(name));
    let checkout = arguments.selfsame.as_deref().map(absolute).transpose()?;
    let files = match arguments.kind {
        Kind::Backend => backend(name, checkout.as_deref()),
        Kind::App => app(name, checkout.as_deref()),
    };
    write(&folder, &files)?;
    say(&format!(
        "{0}: now `cd {0} && cargo test`\n",
        folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A backend that works, over SQLite, to be changed call by call; and the suite as its test.
fn backend(name: &str, checkout: Option<&Path>) -> Vec<File> {
    let ty = name.to_upper_camel_case();
    let (module, label) = (name.to_snake_case(), name.replace('-', "_"));
    let named = |text: &str| {
        text.replace("MyBackend", &ty)
            .replace("MyDialect", &format!("{ty}Dialect"))
            .replace("MyConnection", &format!("{ty}Connection"))
            .replace("MyRow", &format!("{ty}Row"))
            .replace("\"mine\"", &format!("\"{label}\""))
    };
    let (_, code) = BACKEND.split_once("\n\n").unwrap_or(("", BACKEND));
    let source = format!(
        "//! `{ty}`: a backend for selfsame. It begins as SQLite over rusqlite, so that the suite passes from the first day: replace the\n\
         //! driver's calls by those of your database, and say in the dialect what differs.\n\n{}",
        named(code)
            .replace("pub(crate) struct", "pub struct")
            .replace(
                "pub(crate) fn new",
                "/// Keeps its data in this file.\n    pub fn new"
            )
    );
    let (_, code) = BACKEND_TEST
        .split_once("mod backend;\n\n")
        .unwrap_or(("", BACKEND_TEST));
    let test = format!(
        "//! The conformance suite: each case is a test.\n\n{}",
        named(code).replace(
            &format!("use backend::{ty};"),
            &format!("use {module}::{ty};")
        )
    );
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n{DRIVER}\n\n\
         [dev-dependencies]\n{}\ntempfile = \"3\"\n\n[[test]]\nname = \"conformance\"\nharness = false\n",
        dependency("selfsame", "orm", checkout),
        dependency("selfsame-conformance", "conformance", checkout),
    );
    vec![
        ("Cargo.toml", manifest),
        ("src/lib.rs", source),
        ("tests/conformance.rs", test),
    ]
}

/// An application of two entities, with tests.
fn app(name: &str, checkout: Option<&Path>) -> Vec<File> {
    let named = |text: &str| {
        text.replace("@CRATE@", &name.to_snake_case())
            .replace("@NAME@", name)
    };
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n{}\n",
        dependency("selfsame", "orm", checkout),
        dependency("selfsame-sqlite", "backends/sqlite", checkout),
    );
    vec![
        ("Cargo.toml", manifest),
        ("src/lib.rs", named(APP)),
        ("src/main.rs", named(APP_MAIN)),
        ("tests/tasks.rs", named(APP_TEST)),
    ]
}

/// A line of a manifest: of a checkout if one is given, else of the registry.
fn dependency(name: &str, folder: &str, checkout: Option<&Path>) -> String {
    match checkout {
        // TOML's basic strings escape as JSON's do.
        Some(checkout) => {
            let path = serde_json::Value::from(checkout.join(folder).display().to_string());
            format!("{name} = {{ path = {path} }}")
        }
        None => format!("{name} = \"{}\"", selfsame::VERSION),
    }
}

/// A name that Cargo takes for a crate, and Rust for a module.
fn crate_name(name: &str) -> Result<&str> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    let taken = [
        "selfsame", "rusqlite", "tempfile", "test", "core", "std", "alloc",
    ];
    if begins && goes_on && !taken.contains(&name) && !is_keyword(&name.to_snake_case()) {
        return Ok(name);
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "`{name}` cannot name a crate: use lower-case letters, digits and `-`, beginning with a letter, and no word of the language"
        ),
    ))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let found = path.canonicalize().map_err(|error| failed(path, &error))?;
    if found.join("orm/Cargo.toml").is_file() {
        return Ok(found);
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{}: no checkout of selfsame", path.display()),
    ))
}

/// Writes into a new or empty folder only, so that nothing is overwritten.
fn write(folder: &Path, files: &[File]) -> Result<()> {
    let is_used = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(folder, &error)),
    };
    if is_used {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("{} is not empty: nothing was written", folder.display()),
        ));
    }
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        fs::write(&path, text).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

#[cold]
fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("{}: {error}", path.display()),
    )
}
