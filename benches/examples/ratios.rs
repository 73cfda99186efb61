//! Measures the workloads whose names are given, or all, and prints the table of ratios:
//! `cargo run --release -p selfsame-benches --example ratios -- sqlite trivial`.

use selfsame_benches::{Backend, Options, Workload, run};

fn main() -> selfsame_benches::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut options = Options::default();
    let backends = Backend::ALL
        .into_iter()
        .filter(|b| words.iter().any(|w| w == b.name()));
    let backends: Vec<Backend> = backends.collect();
    let workloads = Workload::ALL
        .into_iter()
        .filter(|w| words.iter().any(|word| word == w.name()));
    let workloads: Vec<Workload> = workloads.collect();
    if !backends.is_empty() {
        options.backends = backends;
    }
    if !workloads.is_empty() {
        options.workloads = workloads;
    }
    let report = run(&options, |_, _, _| ())?;
    print!("{report}");
    Ok(())
}
