//! What a command prints: lines and a progress bar for people, JSON for programs.

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::{IsTerminal as _, Write as _};

/// Prints results and progress of one command.
pub struct Printer {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Printer {
    /// A printer; `json`: for programs.
    pub fn new(json: bool) -> Printer {
        Printer { json, bar: None }
    }

    /// Whether it prints for programs.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Shows how far long work is. On a terminal only, and never among JSON.
    pub fn progress(&mut self, done: u64, total: u64) {
        if self.json || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style)
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    /// Prints the result: `text` for people, `value` for programs.
    pub fn result(&mut self, value: &Value, text: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let mut out = std::io::stdout().lock();
        let line = if self.json { value.to_string() } else { text.to_owned() };
        if !line.is_empty() {
            // A closed pipe is the reader's wish, not an error.
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        }
    }
}
