//! The program that the gate runs to time a build: `selfsame gate` starts it and sends it commands.

use std::process::ExitCode;

use selfsame_benches::{gated, limits};
use selfsame_gate::Gate;

fn main() -> ExitCode {
    Gate::new(gated()).limits(limits).main()
}
