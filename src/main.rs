//! The one binary: with no subcommand it opens the window, else it runs one subcommand.

fn main() {}
