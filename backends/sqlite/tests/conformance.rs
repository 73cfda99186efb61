//! The conformance suite on this backend; it is not written yet, and this runs nothing.

fn main() {}
