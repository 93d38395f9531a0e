//! The methods of `Engine` that compute, by group.

mod elementwise;
mod layout;
mod products;
mod reduce;
mod training;
mod transformer;
