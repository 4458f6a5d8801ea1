//! Helpers for the end-to-end tests: real offices from `simulations::offices`, and a small HTTP client.

pub use shouwang_simulations::http;
