//! `selfsame init`: writes a new crate, a backend or an application.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use heck::{ToSnakeCase, ToUpperCamelCase};
use selfsame::{Error, ErrorKind, Result};

use crate::arguments::{InitArguments, Kind};
use crate::inspect::is_keyword;
use selfsame_conformance::command::say;

const MANIFEST: &str = "Cargo.toml";
const BACKEND: &str = include_str!("../tests/own_backend/backend.rs");
const BACKEND_TEST: &str = include_str!("../tests/own_backend/main.rs");
const APP: &str = include_str!("init/app/lib.rs");
const APP_MAIN: &str = include_str!("init/app/main.rs");
const APP_TEST: &str = include_str!("init/app/test.rs");

/// The driver of a new backend, with the version of this workspace.
const DRIVER: &str = "rusqlite = { version = \"0.41\", features = [\"bundled\", \"collation\"] }";

/// A file of the new crate: its path and its text.
type File = (&'static str, String);

pub(crate) fn run(arguments: &InitArguments) -> Result<ExitCode> {
    let name = crate_name(&arguments.name)?;
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from(name));
    let around = enclosing_checkout(&folder)?;
    let checkout = match (&arguments.selfsame, &around) {
        (Some(checkout), _) => Some(absolute(checkout)?),
        (None, Some(around)) => Some(around.clone()),
        // The command runs in a checkout, and the folder is outside it.
        (None, None) => enclosing_checkout(Path::new("."))?,
    };
    let mut files = match arguments.kind {
        Kind::Backend => backend(name, checkout.as_deref()),
        Kind::App => app(name, checkout.as_deref()),
    };
    if around.is_some() {
        // Otherwise Cargo would take the crate for a member of the checkout's workspace.
        for (_, manifest) in files.iter_mut().filter(|(path, _)| *path == MANIFEST) {
            manifest.push_str("\n[workspace]\n");
        }
    }
    write(&folder, &files)?;
    let source = match checkout {
        Some(checkout) => format!("the checkout in {}", checkout.display()),
        None => format!(
            "version {} of the registry (--selfsame DIR: a checkout)",
            selfsame::VERSION
        ),
    };
    say(&format!(
        "wrote {0}, which depends on {source}\nnext: cd {0} && cargo test\n",
        folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Finds the checkout of selfsame that the folder is in, if any.
fn enclosing_checkout(folder: &Path) -> Result<Option<PathBuf>> {
    let folder = std::path::absolute(folder).map_err(|error| failed(folder, &error))?;
    let around = folder.ancestors().find(|around| is_checkout(around));
    Ok(around.map(Path::to_owned))
}

/// Writes a working backend over SQLite, to be changed call by call, with the suite as its test.
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
        "//! `{ty}`: a backend for selfsame. It starts as SQLite over rusqlite, so that the suite passes from the first day: replace the\n\
         //! driver's calls with those of your database, and override in the dialect what differs.\n\n{}",
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
        (MANIFEST, manifest),
        (".gitignore", "/target\n".to_owned()),
        ("src/lib.rs", source),
        ("tests/conformance.rs", test),
    ]
}

/// Writes an application of two entities, with tests.
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
        (MANIFEST, manifest),
        (
            ".gitignore",
            "/target\n*.db\n*.db-shm\n*.db-wal\n".to_owned(),
        ),
        ("src/lib.rs", named(APP)),
        ("src/main.rs", named(APP_MAIN)),
        ("tests/tasks.rs", named(APP_TEST)),
    ]
}

/// Returns a line of the manifest: a path into the checkout, or a version of the registry.
fn dependency(name: &str, folder: &str, checkout: Option<&Path>) -> String {
    match checkout {
        // Basic strings of TOML are escaped like those of JSON.
        Some(checkout) => {
            let path = serde_json::Value::from(checkout.join(folder).display().to_string());
            format!("{name} = {{ path = {path} }}")
        }
        None => format!("{name} = \"{}\"", selfsame::VERSION),
    }
}

/// Checks that Cargo accepts the name for a crate and Rust for a module.
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
            "`{name}` cannot name a crate: use lower-case letters, digits and `-`, starting with a letter, and not a keyword or the name of a dependency"
        ),
    ))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let found = path.canonicalize().map_err(|error| failed(path, &error))?;
    if is_checkout(&found) {
        return Ok(found);
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "{}: not a checkout of selfsame (it has no orm/Cargo.toml)",
            path.display()
        ),
    ))
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("orm/Cargo.toml").is_file() && folder.join("orm/macros").is_dir()
}

/// Writes only into a new or empty folder, so that nothing is overwritten.
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
