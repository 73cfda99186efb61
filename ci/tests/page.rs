//! The pages of reports and audits in a browser: filters are set by the address. Without Chromium these tests are ignored, unless
//! SELFSAME_REQUIRE lists `chromium`.

#[expect(dead_code, reason = "the other tests of the command need more")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame::Engine;
use selfsame::backend::{Sql, StatementKind};
use selfsame_conformance::Report;
use selfsame_sqlite::Sqlite;
use support::run;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var("SELFSAME_REQUIRE").is_ok_and(|names| names.contains("chromium"));
    let browser = browser();
    let ignored = browser.is_none() && !required && !arguments.list;
    type Look = fn(&Path) -> Result<(), Failed>;
    let looks: [(&str, Look); 2] = [
        ("the_page_is_filtered_by_its_address", filtered),
        ("the_audit_leads_to_its_tables", audited),
    ];
    let trial = |(name, look): (&str, Look)| {
        let browser = browser.clone();
        let trial = Trial::test(name, move || {
            look(&browser.ok_or("SELFSAME_REQUIRE=chromium, and there is none")?)
        });
        trial.with_ignored_flag(ignored)
    };
    libtest_mimic::run(&arguments, looks.map(trial).into()).exit_code()
}

/// The audit of a database made by another program: problems come first, and each table's name links to its part of the page.
fn audited(browser: &Path) -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let database = home.path().join("audited.db");
    let engine = Engine::new(Sqlite::file(&database));
    for file in [
        include_str!("schemas/sqlite.sql"),
        include_str!("schemas/trial_sqlite.sql"),
        include_str!("schemas/broken_sqlite.sql"),
    ] {
        let mut connected = engine.connect()?;
        for statement in file.split(";\n") {
            connected.execute(&Sql::new(StatementKind::Ddl, statement, [], []), &[])?;
        }
    }
    drop(engine);
    let page = home.path().join("audit.html");
    let (url, out) = (
        format!("sqlite:{}", database.display()),
        page.to_str().ok_or("a path of Unicode")?,
    );
    let ran = run(&["audit", &url, "--out", out]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let shown = dom(browser, home.path(), &format!("file://{out}"))?;
    let links: Vec<&str> = shown
        .split("<a href=\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(links.len() > 20, "{} tables", links.len());
    for link in &links {
        assert!(
            shown.contains(&format!("id=\"{link}\"")),
            "{link} leads nowhere"
        );
    }
    let (before, _) = shown.split_once("<h2>").ok_or("a heading")?;
    for (severity, column) in [("silent", "follows.name"), ("error", "unsaid_blobs.value")] {
        let item = format!("<li><b class=\"{severity}\">{severity}</b> <a href=\"#t");
        let found = before.split(&item).skip(1);
        let mut found = found.filter(|rest| rest.contains(&format!("\">{column}</a>, ")));
        assert!(found.next().is_some(), "{severity} {column}");
    }
    // Names and texts of the database are shown as they are.
    assert!(shown.contains("auth user") && !shown.contains("<script"));
    Ok(())
}

/// A page as the browser sees it.
fn dom(browser: &Path, home: &Path, address: &str) -> Result<String, Failed> {
    let ran = Command::new(browser)
        .args(["--headless", "--disable-gpu", "--no-sandbox", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            home.join("profile").display()
        ))
        .arg(address)
        .output()?;
    Ok(String::from_utf8(ran.stdout)?)
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

    // Words and outcome together; a folded area opens when a search finds something in it.
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

/// What the page shows.
struct Shown {
    count: String,
    /// The ids of the rows.
    visible: Vec<String>,
    /// How many areas are unfolded.
    open: usize,
}

impl Page<'_> {
    fn shown(&self, address: &str) -> Result<Shown, Failed> {
        let address = format!("file://{}#{address}", self.file.display());
        let page = dom(self.browser, self.home, &address)?;
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
