//! What the gate runs to time a build: `selfsame gate` starts it and talks to it.

use std::process::ExitCode;

use selfsame_benches::{gated, limits};
use selfsame_gate::Gate;

fn main() -> ExitCode {
    Gate::new(gated()).limits(limits).main()
}
