//! `shouwang`: parse, run, exit code. Everything else is in the library.

fn main() -> std::process::ExitCode {
    shouwang_node::cli::main()
}
