//! The workloads under criterion, for people: `cargo bench -p selfsame-benches`. A database without a server is left out, with the
//! reason.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use selfsame_benches::{Arm, Backend, Fixture, Site, Workload};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for backend in Backend::ALL {
        match Site::start(backend) {
            Ok(site) => measure(&mut criterion, &site),
            Err(error) => eprintln!("{backend} is left out: {error}"),
        }
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, site: &Site) {
    for workload in Workload::all() {
        let mut group = criterion.benchmark_group(format!("{}/{workload}", site.backend()));
        for &size in workload.sizes() {
            let mut fixture = Fixture::new(site, workload, size).expect("the tables are made");
            fixture.check_parity().expect("the arms agree");
            for arm in workload.arms(site.backend()) {
                let id = BenchmarkId::new(arm.name(), size);
                group.bench_function(id, |bencher| {
                    bencher.iter_custom(|runs| time(&mut fixture, arm, runs));
                });
            }
        }
        group.finish();
    }
}

fn time(fixture: &mut Fixture, arm: Arm, runs: u64) -> Duration {
    fixture.time(arm, runs).expect("the workload runs")
}
