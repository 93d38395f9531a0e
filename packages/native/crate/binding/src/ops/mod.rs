//! The methods of `Engine` that compute, by family.

mod elementwise;
mod layout;
mod products;
mod reduce;
mod training;
mod transformer;
