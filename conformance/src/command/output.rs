//! Where results go: the terminal, files, the summary of a CI job.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use selfsame::{Error, ErrorKind, Result};

use super::arguments::{OutputArguments, Shape};
use super::github;
use crate::report::{Format, Report};

/// Where the reports of a run go; known to be writable.
#[derive(Debug)]
pub(super) struct Destination {
    shown: Option<Format>,
    files: Vec<(Format, PathBuf)>,
    /// The folder of all reports, if there is one.
    folder: Option<PathBuf>,
}

impl Destination {
    /// Finds out where to write, and tries to, so that a run of minutes is not lost in the end.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if the place cannot be written to, or the file's name tells no format.
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

    /// Writes the report to its files and to standard output; `human` is what people read.
    ///
    /// # Errors
    ///
    /// The place could not be written to any more.
    pub(super) fn write(&self, report: &Report, human: &str) -> Result<()> {
        for (format, path) in &self.files {
            let text = report.write(*format)?;
            fs::write(path, text).map_err(|error| unwritable(path, &error))?;
        }
        if let Some(folder) = &self.folder {
            write_repros(folder, report)?;
        }
        github::tell(report)?;
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

/// The statements of programs that failed, a file each.
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

/// Prints to standard output; a reader that has gone, as `head` does, is no error.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) if it cannot be written to.
pub fn say(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Configuration,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// One file if the path is one by its ending or the format is given, else a folder with every format.
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

/// Opens the file as the real writing will; a file that was not there is not left behind.
///
/// # Errors
///
/// That of the file system.
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

/// The error of a place that cannot be written to.
pub fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "cannot write {}: {error}; name another place with --out",
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
