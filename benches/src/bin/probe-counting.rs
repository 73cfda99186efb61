//! The program that the gate runs to count the allocations of a build. `memory N` compares the memory of N tracked objects with that of a `Vec`
//! of them, and exits with 1 if the objects take too much.

use std::process::ExitCode;

use selfsame_benches::{gated, limits, memory};
use selfsame_gate::{Allocations, Gate};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, rows] = &words[..]
        && word == "memory"
    {
        return memory_report(rows);
    }
    Gate::new(gated())
        .limits(limits)
        .allocations(allocations)
        .main()
}

fn allocations(work: &mut dyn FnMut()) -> Allocations {
    let found = allocation_counter::measure(work);
    Allocations {
        calls: found.count_total,
        bytes: found.bytes_total,
    }
}

fn memory_report(rows: &str) -> ExitCode {
    let peak = |work: &mut dyn FnMut()| allocation_counter::measure(work).bytes_max;
    let shown = rows
        .parse()
        .map_err(|_| "the argument must be a number of rows".into())
        .and_then(|rows| memory::compare(rows, peak));
    match shown {
        Ok(found) => {
            println!("{}", found.text);
            match found.excess {
                Some(excess) => {
                    println!("{excess}");
                    ExitCode::FAILURE
                }
                None => ExitCode::SUCCESS,
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
