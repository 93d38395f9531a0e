//! The N-API binding of the kernels: one `Engine` per environment, whose methods take and return handles of tensors.
//!
//! A handle is an index, and JavaScript frees tensors. Every method runs on the engine's threads, and panics in kernels
//! become JavaScript errors. Nothing here is `unsafe`.

#![deny(unsafe_code)]
// In test builds napi-derive exports nothing, so everything is unused.
#![cfg_attr(test, allow(dead_code))]

mod capture;
mod engine;
mod ops;
mod program;
mod sizes;
mod tensors;

/// Prints nothing for a panic, since it becomes a JavaScript error with its message.
#[napi_derive::module_init]
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
