//! Rules per second, ours against the reference interpreter.

fn main() {}
