//! The workloads in the gate's form: one for each backend.

use std::sync::OnceLock;

use selfsame::Engine;
use selfsame::backend::Statistics;
use selfsame_gate::{Limits, Task, Workload as Gated};

use crate::digest::Digest;
use crate::fixture::{Fixture, Site};
use crate::planted::Planted;
use crate::workload::{Arm, Backend, Workload};
use crate::{Error, Result};

/// The workloads of all backends, in the gate's form: `sqlite/trivial`.
pub fn gated() -> Vec<Gated> {
    let mut all = Vec::new();
    for backend in Backend::ALL {
        for workload in Workload::all_with_growth() {
            all.push(one(backend, workload, move || site(backend)));
        }
    }
    all
}

/// How long the gate measures, and which changes it rejects.
pub fn limits(name: &str) -> Limits {
    match name.starts_with(Backend::Sqlite.name()) {
        true => Limits::EMBEDDED,
        false => Limits::SERVER,
    }
}

/// One workload on one database, in the gate's form.
pub fn gated_on(site: &Site, workload: Workload) -> Gated {
    let site = site.clone();
    one(site.backend(), workload, move || Ok(site.clone()))
}

fn one(
    backend: Backend,
    workload: Workload,
    site: impl Fn() -> Result<Site> + Clone + 'static,
) -> Gated {
    let arms = workload.arms(backend);
    let mut sizes = workload.0.growth.to_vec();
    if backend != Backend::Sqlite {
        // A session does the same with its objects on every backend; a server only takes longer.
        sizes.retain(|size| *size <= 1_000);
    }
    let subject = arms.last().copied().unwrap_or(Arm::Tracked);
    let open = |arm| {
        let site = site.clone();
        move |size| Timed::open(&site()?, workload, arm, size)
    };
    let gated = Gated::new(format!("{backend}/{workload}"), open(subject))
        .sizes(workload.0.gate, sizes)
        .statements((workload.0.law)(backend));
    let gated = match backend {
        Backend::Sqlite => gated,
        Backend::Postgres | Backend::MariaDb => gated.inexact_allocations(0.03),
    };
    let gated = match arms.first() {
        Some(&first) if first.is_raw() => gated.control(open(first)),
        _ => gated,
    };
    // PostgreSQL shows the ORM's own time on a server.
    match workload.0.timed && backend != Backend::MariaDb {
        true => gated,
        false => gated.untimed(),
    }
}

/// An arm of a fixture.
struct Timed {
    fixture: Fixture,
    arm: Arm,
}

impl Timed {
    fn open(site: &Site, workload: Workload, arm: Arm, size: usize) -> Result<Self> {
        let planted = match arm.is_raw() {
            true => None,
            false => Planted::from_environment()?,
        };
        let fixture = Fixture::with_mistake(site, workload, size, planted)?;
        Ok(Self { fixture, arm })
    }
}

/// One server of each kind for the process.
fn site(backend: Backend) -> Result<Site> {
    static POSTGRES: OnceLock<Result<Site, String>> = OnceLock::new();
    static MARIADB: OnceLock<Result<Site, String>> = OnceLock::new();
    let started = match backend {
        Backend::Sqlite => return Ok(Site::Sqlite),
        Backend::Postgres => &POSTGRES,
        Backend::MariaDb => &MARIADB,
    };
    let site = started.get_or_init(|| {
        Site::start(backend).map_err(|error| format!("no {backend}: {}", error.message()))
    });
    site.clone().map_err(Error::from)
}

impl Task for Timed {
    fn prepare(&mut self) -> Result<()> {
        self.fixture.prepare(self.arm)
    }

    fn run(&mut self) -> Result<()> {
        self.fixture.run(self.arm, &mut Digest::off())
    }

    fn uses_up(&self) -> bool {
        self.fixture.uses_up()
    }

    fn check(&mut self) -> Result<()> {
        self.fixture.check_parity()
    }

    fn engine(&self) -> Option<&Engine> {
        (!self.arm.is_raw()).then(|| self.fixture.engine())
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        if self.fixture.keeps_connection() {
            return Ok(None);
        }
        match self.engine() {
            Some(engine) => Ok(engine.connect()?.statistics()?),
            None => Ok(None),
        }
    }
}
