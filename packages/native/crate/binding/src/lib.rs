//! The N-API face of the kernels: one `Engine` per environment, whose methods take and return handles of tensors.
//!
//! A handle is an index; JavaScript says when a tensor is freed. Every method runs on the engine's threads, and a panic in
//! a kernel becomes a JavaScript error. Nothing here is `unsafe`.

#![deny(unsafe_code)]
// In test builds napi-derive exports nothing, so nothing is used.
#![cfg_attr(test, allow(dead_code))]

mod engine;
mod ops;
mod tensors;

/// Panics arrive as JavaScript errors, with their message: nothing is to be printed besides.
#[napi_derive::module_init]
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
