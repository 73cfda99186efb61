//! The page of a report in a browser: its filters are clicked through by its address. Without Chromium these tests are ignored, unless
//! SELFSAME_REQUIRE asks for `chromium`.

#[expect(dead_code, reason = "the other tests of the command need more")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame_conformance::Report;
use support::run;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var("SELFSAME_REQUIRE").is_ok_and(|names| names.contains("chromium"));
    let browser = browser();
    let ignored = browser.is_none() && !required && !arguments.list;
    let trial = Trial::test("the_page_is_filtered_by_its_address", move || {
        filtered(&browser.ok_or("SELFSAME_REQUIRE=chromium, and there is none")?)
    });
    libtest_mimic::run(&arguments, vec![trial.with_ignored_flag(ignored)]).exit_code()
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|place| place.is_file())
}

fn filtered(browser: &Path) -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let out = home.path().join("reports");
    let cases = "types.i64,types.bool,connections.version,transactions.history";
    let folder = out.to_str().ok_or("a path of Unicode")?;
    let ran = run(&["check", "sqlite", "--filter", cases, "--out", folder]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report = std::fs::read_to_string(out.join("report.json"))?;
    let report = Report::from_json(&report).map_err(|error| error.to_string())?;
    let ids: Vec<&str> = report.targets[0]
        .cases
        .iter()
        .map(|case| &*case.id)
        .collect();
    let page = Page {
        browser,
        file: out.join("report.html"),
        home: home.path(),
    };

    let all = page.shown("")?;
    assert_eq!(all.count, format!("{0} of {0}", ids.len()));
    assert_eq!(all.visible.len(), ids.len());

    let of_integers = page.shown("words=types.i64")?;
    let wanted: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| id.contains("types.i64"))
        .collect();
    assert_eq!(of_integers.visible, wanted);
    assert_eq!(
        of_integers.count,
        format!("{} of {}", wanted.len(), ids.len())
    );

    let failed = page.shown("outcome=fail")?;
    assert!(failed.visible.is_empty(), "{:?}", failed.visible);

    // Words and outcome together; and an area that is folded opens when something in it is looked for.
    let both = page.shown("words=connections%20version&outcome=pass")?;
    assert_eq!(both.visible, ["connections.version.told"]);
    assert!(both.open > 0, "the area of what was found is folded");
    Ok(())
}

struct Page<'a> {
    browser: &'a Path,
    file: PathBuf,
    home: &'a Path,
}

/// What a reader sees.
struct Shown {
    count: String,
    /// The ids of the rows.
    visible: Vec<String>,
    /// How many areas are unfolded.
    open: usize,
}

impl Page<'_> {
    fn shown(&self, address: &str) -> Result<Shown, Failed> {
        let ran = Command::new(self.browser)
            .args(["--headless", "--disable-gpu", "--no-sandbox", "--dump-dom"])
            .arg(format!(
                "--user-data-dir={}",
                self.home.join("profile").display()
            ))
            .arg(format!("file://{}#{address}", self.file.display()))
            .output()?;
        let page = String::from_utf8(ran.stdout)?;
        let matrix = page
            .split("id=\"matrix\"")
            .nth(1)
            .ok_or("a page with behaviours")?;
        let rows = matrix.split("<tr data-outcomes=").skip(1);
        let visible = rows.filter(|row| {
            let tag = row.split('>').next().unwrap_or_default();
            !tag.contains("hidden")
        });
        let id = |row: &str| {
            let id = row.split("<code>").nth(1)?.split("</code>").next()?;
            Some(id.to_owned())
        };
        let count = page.split("id=\"shown\"").nth(1).ok_or("a count")?;
        let count = count
            .split('>')
            .nth(1)
            .and_then(|count| count.split('<').next());
        let areas = matrix.split("<details class=\"area\"").skip(1);
        let open = areas.filter(|area| {
            let tag = area.split('>').next().unwrap_or_default();
            tag.contains("open") && !tag.contains("hidden")
        });
        Ok(Shown {
            count: count.unwrap_or_default().to_owned(),
            visible: visible.filter_map(id).collect(),
            open: open.count(),
        })
    }
}
