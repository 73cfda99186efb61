//! Where results are written: the terminal, files, the summary of a CI job.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use selfsame::{Error, ErrorKind, Result};

use super::arguments::{OutputArguments, Shape};
use super::github;
use crate::report::{Format, Report};

/// Where the reports of a run are written; checked to be writable.
#[derive(Debug)]
pub(super) struct Destination {
    shown: Option<Format>,
    files: Vec<(Format, PathBuf)>,
    /// The folder for all reports, if requested.
    folder: Option<PathBuf>,
}

impl Destination {
    /// Determines where to write and checks that it is writable, so that a long run is not lost at its end.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if a file cannot be written, or its name does not determine a format.
    pub(super) fn new(arguments: &OutputArguments) -> Result<Self> {
        let files = match &arguments.out {
            None => Vec::new(),
            Some(path) => files(path, arguments.format)?,
        };
        for (_, path) in &files {
            try_to_write(path).map_err(|error| unwritable(path, &error))?;
        }
        let to_file = arguments.out.is_some();
        let folder = arguments.out.clone().filter(|_| files.len() > 1);
        Ok(Self {
            shown: arguments.format.format().filter(|_| !to_file),
            files,
            folder,
        })
    }

    /// Writes the report to its files and to standard output; `human` is the text for a terminal.
    ///
    /// # Errors
    ///
    /// A file can no longer be written.
    pub(super) fn write(&self, report: &Report, human: &str) -> Result<()> {
        for (format, path) in &self.files {
            let text = report.write(*format)?;
            fs::write(path, text).map_err(|error| unwritable(path, &error))?;
        }
        if let Some(folder) = &self.folder {
            write_repros(folder, report)?;
        }
        github::annotate(report)?;
        match self.shown {
            Some(format) => {
                say(&report.write(format)?)?;
                eprint!("{human}");
            }
            None => say(human)?,
        }
        Ok(())
    }
}

/// Writes the statements of failing programs, one file each.
fn write_repros(folder: &Path, report: &Report) -> Result<()> {
    for (name, text) in report.repros() {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

/// Prints to standard output; a closed pipe, as with `head`, is not an error.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) if it cannot be written.
pub fn say(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Configuration,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Returns one file if the path has an extension or the format is given, otherwise a folder with every format.
fn files(path: &Path, shape: Shape) -> Result<Vec<(Format, PathBuf)>> {
    if path.is_dir() {
        return Ok(in_folder(path));
    }
    if let Some(format) = shape.format() {
        return Ok(vec![(format, path.to_owned())]);
    }
    let format = match path.extension().and_then(|ending| ending.to_str()) {
        None => return Ok(in_folder(path)),
        Some("json") => Format::Json,
        Some("xml") => Format::Junit,
        Some("md") => Format::Markdown,
        Some("html") => Format::Html,
        Some("svg") => Format::Badge,
        Some(_) => {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "cannot tell the format of {}: end it in .json, .xml, .md, .html or .svg, or give --format",
                    path.display()
                ),
            ));
        }
    };
    Ok(vec![(format, path.to_owned())])
}

fn in_folder(folder: &Path) -> Vec<(Format, PathBuf)> {
    Format::ALL
        .map(|format| (format, folder.join(format.file_name())))
        .into()
}

/// Checks that a file can be written, without leaving a new file behind.
///
/// # Errors
///
/// The error of the file system.
pub fn try_to_write(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let was_there = path.exists();
    OpenOptions::new().create(true).append(true).open(path)?;
    if !was_there {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Returns the error for a file that cannot be written.
pub fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "cannot write {}: {error}; choose another file with --out",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_or_a_folder() {
        let formats = |path: &str, shape: Shape| -> Vec<Format> {
            let files = super::files(Path::new(path), shape).expect("a place");
            files.into_iter().map(|(format, _)| format).collect()
        };
        assert_eq!(formats("new/folder", Shape::Human), Format::ALL);
        assert_eq!(formats("x.json", Shape::Human), [Format::Json]);
        assert_eq!(formats("x.xml", Shape::Human), [Format::Junit]);
        assert_eq!(formats("x.txt", Shape::Markdown), [Format::Markdown]);
        assert_eq!(formats("x", Shape::Html), [Format::Html]);
        files(Path::new("x.txt"), Shape::Human).expect_err("no format");
    }

    #[test]
    fn trying_leaves_nothing_behind() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("deep").join("report.json");
        try_to_write(&path).expect("can be written");
        assert!(!path.exists());
        std::fs::write(&path, "old").expect("a file");
        try_to_write(&path).expect("can be written");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "old");
        try_to_write(home.path()).expect_err("a folder");
    }
}
